"""What an OpenAI-compatible server is asked, and what it is known to refuse. Pure."""

import re
from typing import Any

from pydantic_core import from_json

from app.models.base import Prompt

CHOICE = "choice"
# Fields that not every server takes, and that an answer can do without.
_OPTIONAL = ("stream_options", "chat_template_kwargs", "response_format", "seed", "temperature")
_LIMIT, _NEWER_LIMIT = "max_tokens", "max_completion_tokens"


class Dialect:
    """Fields of a request that a server has refused; it is not sent them again."""

    def __init__(self) -> None:
        self._refused: set[str] = set()
        self._limit = _LIMIT

    def body(self, model: str, prompt: Prompt, seed: int) -> tuple[str, dict[str, Any]]:
        """Path and body of a request."""
        path, body = _request(model, prompt, seed)
        body[self._limit] = body.pop(_LIMIT)
        return path, {name: value for name, value in body.items() if name not in self._refused}

    def learn(self, told: str, sent: dict[str, Any]) -> bool:
        """Whether a refusal, in the server's words, is of a field it need not be sent again."""
        if _LIMIT in sent and _NEWER_LIMIT in told:  # OpenAI's newer models
            self._limit = _NEWER_LIMIT
            return True
        for name in _OPTIONAL:
            if name in sent and re.search(rf"\b{name}\b", told):
                self._refused.add(name)
                return True
        return False


def _request(model: str, prompt: Prompt, seed: int) -> tuple[str, dict[str, Any]]:
    body: dict[str, Any] = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},  # without it no usage is told
        "temperature": 0,
        "seed": seed,
        _LIMIT: prompt.max_answer_tokens,
    }
    if prompt.stop and not prompt.choices:
        body["stop"] = list(prompt.stop)
    if prompt.style.plain_text:
        if prompt.choices:  # these servers hold only chats to a schema: the line is compared with the choices
            body["stop"] = ["\n"]
        return "completions", {**body, "prompt": prompt.messages[0].content}
    if prompt.choices:
        # Its JSON takes tokens, too, and the choices are limit enough.
        body[_LIMIT] = 2 * prompt.max_answer_tokens + 16
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": CHOICE, "strict": True, "schema": _schema(list(prompt.choices))},
        }
    messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
    # Thoughts would use up the answer's tokens.
    return "chat/completions", {
        **body,
        "messages": messages,
        "chat_template_kwargs": {"enable_thinking": False},
    }


def _schema(choices: list[str]) -> dict[str, Any]:
    """OpenAI wants an object at its top."""
    return {
        "type": "object",
        "properties": {CHOICE: {"type": "string", "enum": choices}},
        "required": [CHOICE],
        "additionalProperties": False,
    }


def chosen(text: str) -> str:
    """What a reply chose: as the schema has it, or word for word where the server ignored it."""
    try:
        read = from_json(text)
    except ValueError:
        return text.strip()
    choice = read.get(CHOICE) if isinstance(read, dict) else read
    return choice if isinstance(choice, str) else text.strip()
