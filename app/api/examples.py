"""The examples on the OpenAPI page: requests that work on the sample FAQ, and what they are answered.

`app.api.openapi` puts them into the finished document: FastAPI would leave every null out.
"""

from typing import Any

from app.answering.sentences import sentences

_JSON = dict[str, Any]

_OWN_FAQ = {
    "id": "ingest-own-faq",
    "collection": "askd",
    "section": "Ingest",
    "question": "How do I load my own FAQ into askd?",
    "answer": "To add your own questions and answers, run `askd ingest my-faq.json` with the path of your "
    "file, or with several files at once. The files you give become the whole index, so entries that "
    "are not in them are gone from the new version. JSON, JSONL, YAML, CSV, Excel, Markdown, HTML and Word "
    "files are accepted.",
    "url": None,
}
_WITHOUT_DOCKER = {
    "id": "start-without-docker",
    "collection": "askd",
    "section": "Getting started",
    "question": "Can I run askd without Docker?",
    "answer": "Yes, askd runs without Docker, and that is the default. `scripts/run` starts one process that "
    "holds an embedded index and a small embedded language model, so you do not have to install Docker, "
    "Elasticsearch or Ollama. You can connect real servers later by setting their URLs.",
    "url": None,
}
_LIST_MODELS = {
    "id": "list-models",
    "collection": "askd",
    "section": "Settings",
    "question": "How do I download the embedded model and see which models are there?",
    "answer": "Run `askd models pull` once to fetch the model files; each file is checked against a known "
    "SHA-256 digest. `scripts/run` does this for you on the first start. The `askd models` commands also "
    "report on the models in use. At run time askd itself downloads nothing.",
    "url": None,
}
_NO_MODEL: _JSON = {"model": None, "cached": False, "usage": None, "notices": []}
_SIGNED = "WzEsIj…shortened"
_REQUEST_ID = "5f0c6f1e3d5d4f0e9b6a4d1f5c2e7a90"

_ASK: _JSON = {
    "paraphrase": {
        "summary": "The model writes, with its sources",
        "value": {"question": "How do I put my own questions and answers into askd?", "limit": 1},
    },
    "no_answer": {
        "summary": "The FAQ does not hold it",
        "value": {"question": "Where can I download the invoice for my last payment?", "limit": 1},
    },
    "extract": {
        "summary": "The best entry's own words, in one collection",
        "value": {
            "question": "Is it possible to run askd without Docker?",
            "collection": "askd",
            "limit": 1,
            "mode": "extract",
        },
    },
}


def _quoted(answer: str) -> list[_JSON]:
    return [{"text": text, "source": 1, "support": "quoted"} for text in sentences(answer)]


_CHOSEN = " ".join(sentences(str(_OWN_FAQ["answer"]))[:2])
_ANSWERS: _JSON = {
    "paraphrase": {
        "summary": "The model chose the sentences",
        "value": {
            "status": "answered",
            "answer": f"{_CHOSEN} [1]",
            "origin": "quoted",
            "sentences": _quoted(_CHOSEN),
            "sources": [{**_OWN_FAQ, "score": 0.941, "in_prompt": True, "cited": True}],
            "parts": [],
            "asked": None,
            "confidence": 0.7718,
            "model": "smollm2-135m-instruct",
            "cached": False,
            "usage": {
                "prompt_tokens": 185,
                "completion_tokens": 2,
                "cached_tokens": 61,
                "sources_in_prompt": 1,
                "sources_dropped": 0,
            },
            "notices": [],
            "timings_ms": {
                "retrieve": 3.1,
                "queue": 0.0,
                "queue_position": 0,
                "first_token": 612.4,
                "total": 1630.9,
            },
            "request_id": _REQUEST_ID,
            "feedback_token": _SIGNED,
        },
    },
    "no_answer": {
        "summary": "The FAQ does not hold it",
        "value": {
            "status": "no_answer",
            "answer": "The FAQ does not answer this question.",
            "origin": None,
            "sentences": [],
            "sources": [{**_LIST_MODELS, "score": 0.8691, "in_prompt": False, "cited": False}],
            "parts": [],
            "asked": None,
            "confidence": 0.0722,
            **_NO_MODEL,
            "timings_ms": {
                "retrieve": 2.2,
                "queue": 0.0,
                "queue_position": 0,
                "first_token": None,
                "total": 2.3,
            },
            "request_id": _REQUEST_ID,
            "feedback_token": _SIGNED,
        },
    },
    "extract": {
        "summary": "The best entry's own words",
        "value": {
            "status": "answered",
            "answer": _WITHOUT_DOCKER["answer"],
            "origin": "extracted",
            "sentences": _quoted(str(_WITHOUT_DOCKER["answer"])),
            "sources": [{**_WITHOUT_DOCKER, "score": 0.93, "in_prompt": False, "cited": True}],
            "parts": [],
            "asked": None,
            "confidence": 0.6524,
            **_NO_MODEL,
            "timings_ms": {
                "retrieve": 2.9,
                "queue": 0.0,
                "queue_position": 0,
                "first_token": None,
                "total": 3.0,
            },
            "request_id": _REQUEST_ID,
            "feedback_token": _SIGNED,
        },
    },
}

_SEARCH: _JSON = {
    "keywords": {"summary": "A few words", "value": {"question": "load own FAQ", "limit": 1}},
    "collection": {
        "summary": "A question, in one collection",
        "value": {"question": "Is it possible to run askd without Docker?", "collection": "askd", "limit": 1},
    },
}

_FOUND: _JSON = {
    "notices": [],
    "timings_ms": {"embed": 0.1, "search": 2.2, "retrieve": 2.4, "total": 2.4},
}

_HITS: _JSON = {
    "keywords": {
        "summary": "The nearest entry",
        "value": {
            "hits": [{**_OWN_FAQ, "score": 1.0, "lexical": 12.45, "semantic": None}],
            "confidence": 0.9978,
            **_FOUND,
            "request_id": _REQUEST_ID,
        },
    },
    "collection": {
        "summary": "The nearest entry of that collection",
        "value": {
            "hits": [{**_WITHOUT_DOCKER, "score": 0.93, "lexical": 26.3, "semantic": None}],
            "confidence": 0.6524,
            **_FOUND,
            "request_id": _REQUEST_ID,
        },
    },
}

_CHAT: _JSON = {
    "question": {
        "summary": "The last message is the question",
        "value": {
            "model": "askd",
            "messages": [{"role": "user", "content": "How do I put my own questions and answers into askd?"}],
        },
    }
}

# By the name of the endpoint's function: requests, and what each is answered.
BY_ENDPOINT: dict[str, tuple[_JSON, _JSON]] = {
    "ask": (_ASK, _ANSWERS),
    "ask_stream": (_ASK, {}),
    "chat_completions": (_CHAT, {}),
    "search": (_SEARCH, _HITS),
}
