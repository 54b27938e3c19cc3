"""Several questions in one text, each with what it found."""

from dataclasses import dataclass, replace

from app.domain import Part, Status
from app.ranking.fusion import Ranking

_NEAREST = 3  # sources named for a part that is unsure


@dataclass(frozen=True, slots=True)
class Asked:
    """One text that was searched for, and what it found."""

    text: str
    ranking: Ranking


def first_of(asked: Asked) -> tuple[str, str] | None:
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
