"""What callers get, as plain values for JSON: of the form of the models in `app.api.schemas`.

Made by hand: to have pydantic check and write what is right by construction takes ten times as long.
"""

from collections.abc import Mapping
from typing import Any

from app.answering.pipeline import Found
from app.domain import Answer, Hit, Notice, Source

Json = dict[str, Any]


def answer(answered: Answer, request_id: str) -> Json:
    """An `AnswerOut`."""
    timings = answered.timings
    return {
        "status": answered.status,
        "answer": answered.text,
        "origin": answered.origin,
        "sources": [stream_source(source) | {"cited": source.cited} for source in answered.sources],
        "confidence": None if answered.confidence is None else round(answered.confidence, 4),
        "model": answered.model,
        "cached": answered.cached,
        "usage": _usage(answered),
        "notices": [_notice(notice) for notice in answered.notices],
        "timings_ms": {
            "retrieve": round(timings.retrieve, 1),
            "queue": round(timings.queue, 1),
            "queue_position": timings.queue_position,
            "first_token": None if timings.first_token is None else round(timings.first_token, 1),
            "total": round(timings.total, 1),
        },
        "request_id": request_id,
    }


def search(found: Found, request_id: str) -> Json:
    """A `SearchOut`."""
    elapsed = round(found.retrieve_ms, 1)
    return {
        "hits": [
            _entry(hit) | {"lexical": hit.lexical, "semantic": hit.semantic} for hit in found.ranking.hits
        ],
        "confidence": round(found.ranking.confidence, 4),
        "notices": [_notice(notice) for notice in found.notices],
        "timings_ms": {
            "embed": round(found.embed_ms, 1),
            "search": round(found.search_ms, 1),
            "retrieve": elapsed,
            "total": elapsed,
        },
        "request_id": request_id,
    }


def stream_source(source: Source) -> Json:
    """A `StreamSource`."""
    return _entry(source.hit) | {"in_prompt": source.in_prompt}


def _entry(hit: Hit) -> Json:
    entry = hit.entry
    return {
        "id": entry.id,
        "collection": entry.collection,
        "section": entry.section,
        "question": entry.question,
        "answer": entry.answer,
        "url": entry.url,
        "score": round(hit.score, 4),
    }


def _usage(answered: Answer) -> Mapping[str, int] | None:
    if answered.usage is None:
        return None
    given = sum(source.in_prompt for source in answered.sources)
    return {
        "prompt_tokens": answered.usage.prompt_tokens,
        "completion_tokens": answered.usage.completion_tokens,
        "sources_in_prompt": given,
        "sources_dropped": len(answered.sources) - given,
    }


def _notice(notice: Notice) -> Json:
    return {"code": notice.code, "detail": notice.detail}
