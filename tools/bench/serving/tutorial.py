"""The service a tutorial ends with: FastAPI, Elasticsearch's and Ollama's own clients, a prompt, no more.

It is what askd is measured against: `uvicorn tools.bench.serving.tutorial:app`, with ELASTICSEARCH_URL and
OLLAMA_URL; MODEL, INDEX and ANSWER_TOKENS (a limit, which tutorials do not set) have defaults.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from elasticsearch import AsyncElasticsearch
from fastapi import FastAPI
from ollama import AsyncClient
from pydantic import BaseModel
from starlette.responses import StreamingResponse

_MODEL = os.environ.get("MODEL", "gemma:2b")
_INDEX = os.environ.get("INDEX", "askd")
_OPTIONS = {"num_predict": int(limit)} if (limit := os.environ.get("ANSWER_TOKENS")) else None
_PROMPT = """You are a course teaching assistant. Answer the QUESTION based on the CONTEXT from the FAQ.
Use only the facts from the CONTEXT when answering the QUESTION.

QUESTION: {question}

CONTEXT:
{context}"""


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncElasticsearch(os.environ["ELASTICSEARCH_URL"]) as search:
        app.state.search = search
        app.state.llm = AsyncClient(os.environ["OLLAMA_URL"])
        yield


app = FastAPI(lifespan=_lifespan)


class Ask(BaseModel):
    question: str
    collection: str | None = None
    limit: int = 5


class Answer(BaseModel):
    answer: str
    sources: list[dict[str, Any]]


async def _retrieved(asked: Ask) -> list[dict[str, Any]]:
    fields = ["question^3", "text", "section"]
    words = {"multi_match": {"query": asked.question, "fields": fields, "type": "best_fields"}}
    inside = [{"term": {"course": asked.collection}}] if asked.collection else []
    found = await app.state.search.search(
        index=_INDEX, size=asked.limit, query={"bool": {"must": words, "filter": inside}}
    )
    return [hit["_source"] for hit in found["hits"]["hits"]]


def _messages(question: str, found: list[dict[str, Any]]) -> list[dict[str, str]]:
    context = "\n\n".join(
        f"section: {each['section']}\nquestion: {each['question']}\nanswer: {each['text']}" for each in found
    )
    return [{"role": "user", "content": _PROMPT.format(question=question, context=context)}]


@app.post("/ask")
async def ask(asked: Ask) -> Answer:
    found = await _retrieved(asked)
    reply = await app.state.llm.chat(
        model=_MODEL, messages=_messages(asked.question, found), options=_OPTIONS
    )
    return Answer(answer=reply.message.content, sources=found)


@app.post("/ask/stream")
async def ask_stream(asked: Ask) -> StreamingResponse:
    found = await _retrieved(asked)

    async def events() -> AsyncIterator[bytes]:
        text = ""
        messages = _messages(asked.question, found)
        async for part in await app.state.llm.chat(
            model=_MODEL, messages=messages, options=_OPTIONS, stream=True
        ):
            text += part.message.content
            yield b"event: token\ndata: %s\n\n" % orjson.dumps({"text": part.message.content})
        usage = {"prompt_tokens": part.prompt_eval_count, "completion_tokens": part.eval_count}
        told = {"answer": text, "sources": found, "usage": usage}
        yield b"event: done\ndata: %s\n\n" % orjson.dumps(told)

    return StreamingResponse(events(), media_type="text/event-stream")
