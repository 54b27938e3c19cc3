"""Several questions in one text, each with what it found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.domain import FaqEntry, Part, Status
from app.ranking.fusion import Ranking

_NEAREST = 3  # sources named for a part that is unsure
_HELD = 0.8  # of a follow-up question's content: then the entry before it answers it, unless another one does
_SAME_HELD = 0.5  # the same where that entry is also its own first hit


@dataclass(frozen=True, slots=True)
class Asked:
    """One text that was searched for, and what it found."""

    text: str
    ranking: Ranking


def gathered(parts: Sequence[Asked], asked: Asked, held: Callable[[FaqEntry], float] | None) -> list[Asked]:
    """`parts` and one more question: a part of its own, unless the part before it answers it, too.

    `held` says how much of a follow-up question an entry holds; None of other questions.
    """
    last = parts[-1] if parts else None
    if last is None or not last.ranking.answerable or not _answered_by(last, asked, held):
        return [*parts, asked]
    return [*parts[:-1], replace(last, text=f"{last.text} {asked.text}")]


def _answered_by(last: Asked, asked: Asked, held: Callable[[FaqEntry], float] | None) -> bool:
    entry = last.ranking.hits[0].entry
    same = _first_of(asked) == entry.key
    if asked.ranking.answerable:
        return same
    return held is not None and held(entry) >= (_SAME_HELD if same else _HELD)


def differ(parts: Sequence[Asked]) -> bool:
    """Whether they find different entries."""
    return len(set(map(_first_of, parts))) > 1


def _first_of(asked: Asked) -> tuple[str, str] | None:
    return asked.ranking.hits[0].entry.key if asked.ranking.hits else None


def part_of(asked: Asked, joint: Ranking) -> Part:
    """One of several questions, with the places of its own hits among those of all."""
    places = {hit.entry.key: place for place, hit in enumerate(joint.hits, start=1)}
    most = {Status.ANSWERED: 1, Status.SUGGESTED: _NEAREST, Status.NO_ANSWER: 0}[asked.ranking.status]
    keys = [hit.entry.key for hit in asked.ranking.hits[:most]]
    return Part(asked.text, asked.ranking.status, [places[key] for key in keys if key in places])


def left_open(asked: Asked) -> Asked:
    """A question that is one too many: it is not judged, but its nearest entries are named."""
    status = Status.SUGGESTED if asked.ranking.hits else Status.NO_ANSWER
    return replace(asked, ranking=replace(asked.ranking, status=status))
