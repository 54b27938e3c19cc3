"""Replies of a model that may only choose: a JSON string that arrives in pieces."""

from collections.abc import Sequence

from pydantic_core import from_json

from app.errors import ModelUnavailable


class ChoiceReader:
    """Reads which of the `choices` a model writes as JSON."""

    def __init__(self, choices: Sequence[str]) -> None:
        self._choices = choices
        self._json = ""
        self._text = ""

    def feed(self, piece: str) -> str:
        """The text that became readable; an incomplete escape is held back."""
        self._json += piece
        try:
            read = from_json(self._json, allow_partial="trailing-strings", cache_strings=False)
        except ValueError:
            return ""
        if not isinstance(read, str):
            return ""
        new, self._text = read[len(self._text) :], read
        return new

    def check(self) -> None:
        """Raises ModelUnavailable when the text is none of the choices."""
        if self._text not in self._choices:
            raise ModelUnavailable("the model did not keep to the choices it was given")
