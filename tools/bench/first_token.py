"""The wait people feel, with real servers: askd in turns with the tutorial service, one model behind both.

python -m tools.bench.first_token --elasticsearch URL --ollama URL --model TAG [--faq FILE --questions FILE]

Nothing is cached but prompts by Ollama; no question is an entry's own. askd runs twice, with
ASKD_WRITING=free and =quote. In each round every service answers the same questions one after the other. Its
first one is not counted: the services want other windows, and Ollama loads the model anew. Prints p50s and
their ratios; tokens are those of answers that were not taken back (there Ollama tells no count).
"""

import asyncio
import csv
import json
import os
import random
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from uuid import uuid4

import httpx
import typer
from elasticsearch import AsyncElasticsearch
from elasticsearch.helpers import async_bulk

from app import wiring
from app.domain import FaqEntry, Question
from app.evaluation.commands.trial import progress_bar
from app.ingest.publishing import publish
from app.ingest.survey import survey
from app.settings import Settings
from tools.bench.serving.services import Service, askd, tutorial

_SEED = 14
_TIMEOUT = 180.0  # seconds


@dataclass(frozen=True)
class Servers:
    elasticsearch_url: str
    ollama_url: str


@dataclass(frozen=True)
class Waited:
    """For one answer; seconds, tokens."""

    first: float
    whole: float
    prompt: int | None  # unknown where the text was taken back: Ollama counts at the end of a reply
    cached: int | None
    written: int | None


def main(
    elasticsearch: Annotated[str, typer.Option(help="URL")],
    ollama: Annotated[str, typer.Option(help="URL")],
    model: Annotated[str, typer.Option(help="a model that this Ollama has")],
    faq: Annotated[Path, typer.Option(help="FAQ file")] = Path("app/sample/faq.json"),
    questions: Annotated[Path, typer.Option(help="CSV: question, and course for one collection")] = Path(
        "app/sample/questions.csv"
    ),
    limit: Annotated[int, typer.Option(min=1, help="questions in a round")] = 6,
    rounds: Annotated[int, typer.Option(min=1)] = 2,
    answer_tokens: Annotated[int, typer.Option(min=16, help="most of an answer, for all")] = 128,
    data_dir: Annotated[Path | None, typer.Option(help="ASKD_DATA_DIR with bge-small; none: words")] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = Path("reports/bench"),
) -> None:
    servers = Servers(elasticsearch, ollama)
    found = asyncio.run(
        _measured(servers, model, faq, questions, limit * rounds, limit, answer_tokens, data_dir)
    )
    out.mkdir(parents=True, exist_ok=True)
    told = {name: [vars(each) for each in waited] for name, waited in found.items()}
    (out / "first_token.json").write_text(json.dumps(told, indent=2))
    base = found["tutorial"]
    typer.echo(f"{len(base)} questions, model {model}, load {os.getloadavg()[0]:.1f}; p50")
    for name, waited in found.items():
        first, whole = (statistics.median(times) for times in _times(waited))
        ratios = [
            mine / statistics.median(its) for mine, its in zip((first, whole), _times(base), strict=True)
        ]
        counted = [each for each in waited if each.prompt]
        prompt = _median(each.prompt for each in counted)
        cached = min((each.cached for each in counted if each.cached is not None), default=None)
        written = _median(each.written for each in counted)
        typer.echo(
            f"{name:<9} first token {first:6.2f} s ({ratios[0]:.2f}) whole {whole:6.2f} s ({ratios[1]:.2f}); "
            f"of {len(counted)} counted: prompt {prompt} tokens, cached at least {cached}, written {written}"
        )


def _median(tokens: Iterable[int | None]) -> str:
    counted = [each for each in tokens if each is not None]
    return f"{statistics.median(counted):.0f}" if counted else "unknown"


def _times(waited: Sequence[Waited]) -> tuple[list[float], list[float]]:
    return [each.first for each in waited], [each.whole for each in waited]


async def _measured(
    servers: Servers,
    model: str,
    faq: Path,
    questions: Path,
    wanted: int,
    in_a_round: int,
    answer_tokens: int,
    data_dir: Path | None,
) -> Mapping[str, Sequence[Waited]]:
    async with AsyncExitStack() as opened:
        data = data_dir or Path(opened.enter_context(TemporaryDirectory()))
        name = f"first-token-{uuid4().hex[:8]}"
        settings = {
            "ASKD_INDEX": name,
            "ASKD_MODEL": model,
            "ASKD_DATA_DIR": str(data),
            "ASKD_EMBEDDER": "bge-small-en-v1.5" if data_dir else "none",
            "ASKD_ANSWER_TOKENS": str(answer_tokens),
            "ASKD_SEARCH_TIMEOUT": "30",
        }
        asked = await opened.enter_async_context(_indexed(servers, settings, faq, questions, wanted + 1))
        plain = {"MODEL": model, "INDEX": f"{name}-tutorial", "ANSWER_TOKENS": str(answer_tokens)}
        services: dict[str, Callable[[], AbstractAsyncContextManager[Service]]] = {
            "tutorial": lambda: tutorial(servers, plain, answering=False),
            **{
                writing: partial(askd, servers, settings | {"ASKD_WRITING": writing}, answering=False)
                for writing in ("free", "quote")
            },
        }
        waited: dict[str, list[Waited]] = {each: [] for each in services}
        first, *rest = asked
        for begin in range(0, len(rest), in_a_round):
            for service_name, started in services.items():
                # One at a time: askd, when it starts, has Ollama load the model with its own window.
                async with started() as service:
                    await _asked(service, first)
                    for question in rest[begin : begin + in_a_round]:
                        waited[service_name].append(await _asked(service, question))
                        typer.echo(f"{service_name}: {vars(waited[service_name][-1])}", err=True)
        return waited


@asynccontextmanager
async def _indexed(
    servers: Servers, chosen: Mapping[str, str], faq: Path, questions: Path, wanted: int
) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """The FAQ in an index of each service; questions that askd has its model answer."""
    settings = Settings(
        elasticsearch_url=(servers.elasticsearch_url,),
        index=chosen["ASKD_INDEX"],
        data_dir=Path(chosen["ASKD_DATA_DIR"]),
        embedder=chosen["ASKD_EMBEDDER"],
        ollama_url=servers.ollama_url,
        model=chosen["ASKD_MODEL"],
        search_timeout=30.0,
    )
    found = survey([faq], collection=None, strict=False)
    async with AsyncElasticsearch(servers.elasticsearch_url, request_timeout=60) as client:
        try:
            async with wiring.open_askd(settings) as service:
                with progress_bar("indexing", sum(found.collections.values())) as progress:
                    await publish(
                        service.store, found, settings.language, progress, embedder=service.embedder
                    )
                own = f"{settings.index}-tutorial"
                await async_bulk(client, (_document(own, entry) for entry in found.entries()), refresh=True)
                yield await _answerable(service, questions, wanted)
        finally:
            for index in await client.indices.get(index=f"{settings.index}*"):
                await client.indices.delete(index=index)


def _document(index: str, entry: FaqEntry) -> dict[str, Any]:
    told = {"question": entry.question, "text": entry.answer, "section": entry.section or ""}
    return {"_index": index, "_source": {**told, "course": entry.collection}}


async def _answerable(service: wiring.Askd, questions: Path, wanted: int) -> Sequence[Mapping[str, Any]]:
    with questions.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    random.Random(_SEED).shuffle(rows)  # noqa: S311
    chosen: list[Mapping[str, Any]] = []
    for row in rows:
        collection = row.get("course") or row.get("collection") or None
        result = await service.assistant.find(Question(row["question"], collection))
        if result.ranking.answerable and not result.ranking.exact and not result.parts:
            chosen.append({"question": row["question"], "collection": collection})
        if len(chosen) == wanted:
            break
    return chosen


async def _asked(service: Service, question: Mapping[str, Any]) -> Waited:
    """Until its answer is whole."""
    first, event, started = None, "", time.perf_counter()
    async with (
        httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as client,
        client.stream("POST", f"{service.url}/ask/stream", json=question) as response,
    ):
        if response.status_code != 200:
            raise RuntimeError(f"{service.name}: {(await response.aread()).decode()}")
        async for line in response.aiter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                event = value
            elif field == "data" and event in ("token", "done"):
                first = first or time.perf_counter()
                if event == "done":
                    usage = json.loads(value)["usage"] or {}
                    return Waited(
                        (first or 0.0) - started,
                        time.perf_counter() - started,
                        usage.get("prompt_tokens"),
                        usage.get("cached_tokens"),
                        usage.get("completion_tokens"),
                    )
    raise RuntimeError(f"{service.name} did not finish its answer")


if __name__ == "__main__":
    typer.run(main)
