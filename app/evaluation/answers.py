"""How questions end: answered right or wrong, suggested with or without the right entry, or declined."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain import Status
from app.evaluation.runs import Outcome

ASKED, KEY_WORDS, REMOVED, OFF_TOPIC = "asked", "three key words", "entry removed", "off-topic"
_SHOWN = 5  # entries of a suggestion that are looked at


@dataclass(frozen=True, slots=True)
class Endings:
    """Shares of the `questions` of one class; the five shares add up to one."""

    questions: int
    right: float
    wrong: float
    suggested_right: float  # the right entry is among the suggestions
    suggested_other: float
    declined: float

    @property
    def suggestions_right(self) -> float | None:
        """Of the suggestions alone; None without any."""
        suggested = self.suggested_right + self.suggested_other
        return self.suggested_right / suggested if suggested else None


def endings(outcomes: Sequence[Outcome]) -> Endings:
    """Of at least one outcome. Of questions without a right entry every answer is wrong."""
    total = len(outcomes)
    answered = [each for each in outcomes if each.status is Status.ANSWERED]
    suggested = [each for each in outcomes if each.status is Status.SUGGESTED]
    right = sum(each.rank == 1 for each in answered)
    listed = sum(each.rank is not None and each.rank <= _SHOWN for each in suggested)
    return Endings(
        total,
        right / total,
        (len(answered) - right) / total,
        listed / total,
        (len(suggested) - listed) / total,
        (total - len(answered) - len(suggested)) / total,
    )


def missed(found: Mapping[str, Endings], gates: Mapping[str, float | None]) -> Sequence[str]:
    """The gates that were not kept, in words; a gate of None is none."""
    asked = found[ASKED]
    values = {
        "min-right": (asked.right, "answered right"),
        "max-wrong": (asked.wrong, "answered wrong"),
        "max-declined": (asked.declined, "declined though the FAQ holds it"),
        "max-removed": (_answered(found, REMOVED), "answered without the entry"),
        "max-off-topic": (_answered(found, OFF_TOPIC), "off-topic questions answered"),
    }
    said = []
    for name, (value, meaning) in values.items():
        gate = gates.get(name)
        if gate is None:
            continue
        least = name.startswith("min")
        if (value < gate) if least else (value > gate):
            said.append(f"{meaning}: {value:.4f}, {'less' if least else 'more'} than {gate}")
    return said


def _answered(found: Mapping[str, Endings], kind: str) -> float:
    return found[kind].right + found[kind].wrong if kind in found else 0.0
