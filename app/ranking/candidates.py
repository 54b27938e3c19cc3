"""The input of the ranking: raw scores of the entries an index found, and word statistics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.domain import FaqEntry


class Candidate(NamedTuple):  # each search has dozens, and a frozen dataclass takes twice as long
    """An entry that an index found, with its raw scores; None where that search did not find it."""

    entry: FaqEntry
    lexical: float | None = None  # BM25, ≥ 0, comparable only within one search
    semantic: float | None = None  # cosine, −1 to 1


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one search found, in no particular order.

    `semantic_floor` is the cosine of the last entry of the semantic list: no entry beyond it has more.
    """

    found: Sequence[Candidate]
    semantic_floor: float | None = None  # None: there was no semantic search


@dataclass(frozen=True, slots=True)
class WordStatistics:
    """In how many of the `entries` each word occurs; words of one entry only are left out."""

    entries: int = 0
    frequencies: Mapping[str, int] = field(default_factory=dict)
