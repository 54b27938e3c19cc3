"""What an OpenAI-compatible server answers: server-sent events, and errors in many dialects. Pure."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.domain import Usage
from app.errors import ModelError, ModelMissing, ModelUnavailable, Overloaded, PromptTooLong

_LONGEST_WAIT = 3600  # seconds
_OVERFLOW = re.compile(
    r"context_length_exceeded|exceed_context_size|context (?:length|size|window|overflow)|"
    r"`inputs` tokens \+ `max_new_tokens`|longer than the (?:model's )?(?:maximum|context)",
    re.IGNORECASE,
)
_PROMPT_TOKENS = (  # the more exact first
    re.compile(r"n_prompt_tokens\D{1,4}(\d+)"),
    re.compile(r"(\d+) (?:tokens )?(?:in|of) (?:the|your) (?:messages|prompt|input)", re.IGNORECASE),
    re.compile(r"(?:request|input|prompt) \((\d+) tokens\)", re.IGNORECASE),
    re.compile(r"Given: (\d+) `inputs`"),
    re.compile(
        r"(?:resulted in|requested|contains at least|has|first) (\d+) (?:input )?tokens", re.IGNORECASE
    ),
)
_SYSTEM_ROLE = re.compile(r"system (?:role|message)s?|role\W+system|roles must alternate", re.IGNORECASE)
_NO_CHAT = re.compile(r"chat[ _]template|not a chat model|does not support chat", re.IGNORECASE)
_MISSING = re.compile(r"model\b.*\b(?:not found|does not exist|not exist|no such)", re.IGNORECASE | re.DOTALL)
_QUOTA = re.compile(r"insufficient_quota|billing|credit", re.IGNORECASE)
_REASONING = ("reasoning_content", "reasoning", "thinking")


@dataclass(frozen=True, slots=True)
class Delta:
    """One event of a stream."""

    text: str = ""
    reasoning: bool = False  # it held thoughts, which are not part of the answer
    finish: str | None = None  # why it ends here
    usage: Usage | None = None


def events(block: bytes) -> Iterator[Delta | None]:
    """Of whole lines; None is the end. Raises ValueError, LookupError or TypeError for another shape,
    ModelError for an error in the stream."""
    for line in block.splitlines():  # bytes end only at line feeds and carriage returns
        field, _, value = line.partition(b":")
        if line.startswith(b"{"):
            field, value = b"data", line  # an error that is no event
        if field != b"data":
            continue
        if value.strip() == b"[DONE]":
            yield None
            return
        event = json.loads(value.decode())
        if told := event.get("error"):
            raise refused(_status(told), json.dumps(told), None)
        yield _delta(event)


def _delta(event: dict[str, Any]) -> Delta:
    counted = event.get("usage")
    usage = _usage(counted) if counted else None
    choices = event["choices"]  # empty where only the usage is told
    if not choices:
        return Delta(usage=usage)
    choice = choices[0]
    said = choice["delta"] if "delta" in choice else {"content": choice["text"]}
    reasoning = any(said.get(name) for name in _REASONING)
    return Delta(said.get("content") or "", reasoning, choice.get("finish_reason"), usage)


def _usage(counted: dict[str, Any]) -> Usage:
    cached = (counted.get("prompt_tokens_details") or {}).get("cached_tokens")
    return Usage(
        int(counted["prompt_tokens"]),
        int(counted.get("completion_tokens") or 0),
        None if cached is None else max(int(cached), 0),
    )


def _status(told: Any) -> int:
    """Of an error in a stream, where it tells one."""
    code = told.get("code") if isinstance(told, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 500


def refused(status: int, told: str, retry_after: str | None, model: str = "") -> ModelError:
    """What an error means; `told` is the body, which is looked at first: it is surer than the status."""
    if status in (400, 413, 422, 500) and _OVERFLOW.search(told):
        found = next((match for pattern in _PROMPT_TOKENS if (match := pattern.search(told))), None)
        return PromptTooLong(
            "the prompt has more tokens than the model's context window", int(found[1]) if found else None
        )
    if status in (400, 404) and _MISSING.search(told):
        return missing(model)
    if status == 429 and _QUOTA.search(told):
        return ModelUnavailable("the account at ASKD_OPENAI_URL has no quota left")
    if status in (429, 503):
        return Overloaded(
            "the server at ASKD_OPENAI_URL has too much to do; try again later",
            retry_after=_seconds(retry_after),
        )
    return ModelUnavailable(_reason(status, told, model))


def missing(model: str, others: list[str] | None = None) -> ModelMissing:
    known = f"; it has {', '.join(others[:5])}" if others else ""
    return ModelMissing(f"the server at ASKD_OPENAI_URL has no model {model}{known}: set ASKD_MODEL")


def _reason(status: int, told: str, model: str) -> str:
    if status in (401, 403):
        return f"access to ASKD_OPENAI_URL was refused (status {status}): check ASKD_OPENAI_API_KEY_FILE"
    if status in (404, 405) or 300 <= status < 400:
        return (
            f"what answers at ASKD_OPENAI_URL is not OpenAI-compatible (status {status}): "
            "set it to the address that ends in /v1"
        )
    if status in (400, 422, 500) and _SYSTEM_ROLE.search(told):
        return f"the model {model} takes no system role: set ASKD_OPENAI_STYLE=chat-without-system"
    if status in (400, 422, 500) and _NO_CHAT.search(told):
        return f"the model {model} cannot chat: set ASKD_OPENAI_STYLE=completion"
    if status in (502, 504):
        return f"the proxy at ASKD_OPENAI_URL cannot reach its server (status {status}); is that running?"
    if status in (400, 422):
        return f"the server at ASKD_OPENAI_URL refused the request (status {status}); its log says why"
    return f"the server at ASKD_OPENAI_URL failed to run the model {model}; its log says why"


def _seconds(retry_after: str | None) -> int | None:
    """A date counts as unknown: few servers send one."""
    if retry_after is None or not retry_after.strip().isdecimal():
        return None
    return min(max(int(retry_after), 1), _LONGEST_WAIT)
