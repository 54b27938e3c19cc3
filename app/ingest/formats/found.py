"""A question found in a document."""

from typing import NamedTuple


class Found(NamedTuple):
    """Lines `first` up to `end` hold it; its answer begins at `answer`, unless `text` has it already."""

    first: int
    answer: int
    end: int
    question: str
    text: str | None = None
    id: str | None = None
    collection: str = ""
    section: str = ""
    fields: tuple[tuple[str, str], ...] = ()  # further ones, of a table's row

    def ending_at(self, end: int) -> "Found":
        return self._replace(end=end)

    def placed(self, collection: str, section: str) -> "Found":
        return self._replace(collection=collection, section=section)
