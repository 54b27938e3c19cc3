"""Tokens that let whoever got an answer, and nobody else, say whether it helped.

A token carries the outcome of the answer, signed: no memory of answers is needed to take a verdict, and any
worker can take it. It holds nothing of the question.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from app.domain import Origin, Status
from app.errors import FeedbackTokenExpired, FeedbackTokenInvalid
from app.feedback.base import Outcome, Shown

VALID_SECONDS = 24 * 3600.0
LONGEST_TOKEN = 8_192  # characters
_ENTRIES_BYTES = 3_000  # of the entries in a token: ids have no bound of their own
_FORM = 1  # of the payload


def sign(outcome: Outcome, secret: bytes) -> str:
    payload = json.dumps(
        [
            _FORM,
            outcome.id,
            outcome.request_id,
            outcome.time,
            outcome.index_version,
            outcome.status.value,
            outcome.origin.value if outcome.origin else None,
            outcome.collection,
            _bounded(outcome),
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()
    return f"{_text(payload)}.{_text(_mac(payload, secret))}"


def read(token: str, secret: bytes, now: float) -> Outcome:
    """`now` in seconds since 1970. Raises FeedbackTokenInvalid or FeedbackTokenExpired."""
    try:
        payload, mac = (urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split("."))
        genuine = hmac.compare_digest(mac, _mac(payload, secret))
    except ValueError:
        genuine = False
    if not genuine:
        raise FeedbackTokenInvalid(
            "this token is not one of this service: send the feedback_token of an answer, unchanged"
        )
    form, *facts = json.loads(payload)
    if form != _FORM or now - facts[2] > VALID_SECONDS:
        raise FeedbackTokenExpired(
            "this token is too old: feedback is taken for 24 hours after the answer; ask again"
        )
    answer_id, request_id, time, version, status, origin, searched, entries = facts
    return Outcome(
        id=answer_id,
        request_id=request_id,
        time=time,
        index_version=version,
        status=Status(status),
        origin=Origin(origin) if origin else None,
        collection=searched,
        entries=tuple(Shown(collection, id_, bool(cited)) for collection, id_, cited in entries),
    )


def _bounded(outcome: Outcome) -> list[tuple[str, str, int]]:
    """As many of the entries, best first, as there is room for."""
    kept, size = [], 0
    for entry in outcome.entries:
        size += len(entry.collection.encode()) + len(entry.id.encode()) + 10
        if size > _ENTRIES_BYTES:
            break
        kept.append((entry.collection, entry.id, int(entry.cited)))
    return kept


def _mac(payload: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, payload, hashlib.sha256)


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")
