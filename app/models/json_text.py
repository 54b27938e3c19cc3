"""A JSON string that arrives in pieces, read as the text it stands for."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from app.errors import ModelUnavailable
from app.models.base import Chunk

_LONGEST_ESCAPE = len("\\u0000")


class JsonText:
    def __init__(self) -> None:
        self._json = ""
        self.text = ""  # what has been read so far

    def feed(self, piece: str) -> str:
        """The text that became readable; an escape waits until it is whole."""
        self._json += piece
        read = _read(self._json.lstrip())
        new, self.text = read[len(self.text) :], read
        return new


def _read(json_text: str) -> str:
    unfinished = (json_text[: len(json_text) - held] + '"' for held in range(_LONGEST_ESCAPE))
    for candidate in (json_text, *unfinished):
        try:
            return str(json.loads(candidate, strict=False))
        except ValueError:
            continue
    return ""


async def unquoted(chunks: AsyncGenerator[Chunk], choices: Sequence[str]) -> AsyncGenerator[Chunk]:
    """What a model that was held to JSON chose. Raises ModelUnavailable when it is none of the `choices`."""
    reader = JsonText()
    async with aclosing(chunks):
        async for chunk in chunks:
            text = reader.feed(chunk.text)
            if chunk.usage and not chunk.cut and reader.text not in choices:
                raise ModelUnavailable("the model did not keep to the choices it was given")
            if text or chunk.usage:
                yield replace(chunk, text=text)
