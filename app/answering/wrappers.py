"""JSON, a code fence or quotes around a whole answer, taken off. Pure."""

import re
from dataclasses import dataclass

from pydantic_core import from_json

_FENCE = re.compile(r"```[ \t]*([\w+-]*)[ \t]*\n(.*?)(?:\n?```\s*|\Z)", re.DOTALL)
_TEXT_FENCES = {"", "text", "txt", "plaintext", "markdown", "md", "json", "answer"}
_KEYS = (
    "answer",
    "response",
    "reply",
    "text",
    "content",
    "output",
    "result",
    "message",
    "antwort",
    "respuesta",
)
_LABEL = re.compile(
    r"\s*(?:\*\*)?(?:final answer|answer|response|antwort|respuesta|réponse)(?:\*\*)?[ \t]*:(?:\*\*)?[ \t]*",
    re.IGNORECASE,
)
_LABELS = (
    "final answer:",
    "answer:",
    "response:",
    "antwort:",
    "respuesta:",
    "réponse:",
    "**answer:**",
    "**final answer:**",
)
_ANSWER_TAG = re.compile(r"</?(?:answer|response|final)>\s*", re.IGNORECASE)
_OPENERS = ("{", "[", "`", '"', "<")


@dataclass
class Unwrapper:
    """Feed it pieces; text that begins like a wrapper waits until the end tells whether it is one."""

    _held: str = ""
    _open: bool = False  # no wrapper: the text passes

    def feed(self, piece: str) -> str:
        if self._open:
            return piece
        self._held += piece
        text = self._held.lstrip()
        if not text or self._waits(text):
            return ""
        self._open = True
        return _ANSWER_TAG.sub(
            "", _LABEL.sub("", self._held, count=1) if _LABEL.match(self._held) else self._held
        )

    def finish(self) -> str:
        rest, self._held = self._held, ""
        return "" if self._open else unwrapped(rest)

    def reset(self) -> None:
        self._held, self._open = "", False

    def _waits(self, text: str) -> bool:
        low = text.casefold()
        if any(label.startswith(low) for label in _LABELS):
            return True
        if text.startswith("```") or "```".startswith(text):
            fence = _FENCE.match(text)
            return not (fence and fence.end() < len(text) and text[: fence.end()].rstrip().endswith("```"))
        if text.startswith("["):
            return text == "[" or text[1:].lstrip().startswith(("{", '"'))
        return text.startswith(("{", '"')) or "<answer>".startswith(low) or low.startswith("<answer>")


def unwrapped(text: str) -> str:
    """A whole reply without what is wrapped around it."""
    bare = _ANSWER_TAG.sub("", text).strip()
    bare = _LABEL.sub("", bare, count=1) if _LABEL.match(bare) else bare
    fence = _FENCE.fullmatch(bare)
    if fence and fence[1].casefold() in _TEXT_FENCES:
        return unwrapped(fence[2])
    if bare.startswith(("{", "[", '"')) and (told := _told(bare)) is not None:
        return told
    return text if bare == text.strip() else bare


def _told(text: str) -> str | None:
    """The answer in a JSON value, which may be cut off; None where there is none."""
    try:
        value = from_json(text, allow_partial="trailing-strings")
    except ValueError:
        return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        keys = {str(key).casefold(): each for key, each in value.items()}
        value = next((keys[key] for key in _KEYS if isinstance(keys.get(key), str)), None)
    return value if isinstance(value, str) else None
