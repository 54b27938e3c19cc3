"""How questions inside a conversation are understood: dialogues, read from a file, and what came of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.domain import Status, Turn
from app.errors import BadFaqFile
from app.evaluation.questions import Case, Catalogue, Place
from app.evaluation.runs import Finder, Outcome, ask

FOLLOW_UPS, STANDALONE, UNANSWERABLE, SINGLE = "follow_ups", "standalone", "unanswerable", "single"
_SHOWN = 20


class _Said(BaseModel):
    """An earlier question, and what was answered: an entry's answer, or a text."""

    model_config = ConfigDict(extra="forbid")
    question: str
    entry: str | None = None
    answer: str | None = None


class _Dialogue(BaseModel):
    model_config = ConfigDict(extra="ignore")
    history: list[_Said] = Field(min_length=1)
    question: str
    id: str | None = None
    standalone: bool = False


_DIALOGUE = TypeAdapter(_Dialogue)


def read_dialogues(path: Path, catalogue: Catalogue) -> Mapping[str, Sequence[Case]]:
    """By kind: follow-ups, questions that stand on their own, and those without an `id`, which the FAQ does
    not answer. Raises BadFaqFile."""
    groups: dict[str, list[Case]] = {FOLLOW_UPS: [], STANDALONE: [], UNANSWERABLE: []}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadFaqFile(f"{path}: cannot be read as UTF-8 text") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            dialogue = _DIALOGUE.validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "the line"
            raise BadFaqFile(f"{place}: {field}: {first['msg']}") from error
        gold = frozenset[Place]()
        if dialogue.id is not None:
            gold = frozenset([_place(dialogue.id, catalogue, place)])
        turns = [turn for said in dialogue.history for turn in _turns(said, catalogue, place)]
        kind = STANDALONE if dialogue.standalone else FOLLOW_UPS if gold else UNANSWERABLE
        groups[kind].append(Case(dialogue.question, None, gold, tuple(turns)))
    if not groups[FOLLOW_UPS]:
        raise BadFaqFile(f"{path}: no follow-up names the entry that answers it (id)")
    return groups


def _turns(said: _Said, catalogue: Catalogue, place: str) -> Sequence[Turn]:
    asked = Turn("user", said.question)
    if said.entry is not None:
        [entry, *_] = catalogue.at(_place(said.entry, catalogue, place))
        return [asked, Turn("assistant", f"{entry.answer} [1]")]
    return [asked, Turn("assistant", said.answer)] if said.answer else [asked]


def _place(id_: str, catalogue: Catalogue, place: str) -> Place:
    places = catalogue.places(id_)
    if len(places) != 1:
        raise BadFaqFile(f"{place}: id {id_} is in {len(places)} collections of the FAQ, not in one")
    return next(iter(places.values()))


def with_foreign_history(cases: Sequence[Case], dialogues: Sequence[Case]) -> Sequence[Case]:
    """Each question as it might be asked after something else."""
    fitting = [
        next(other for other in [*dialogues[at % len(dialogues) :], *dialogues] if not other.gold & case.gold)
        for at, case in enumerate(cases)
    ]
    return [replace(case, history=other.history) for case, other in zip(cases, fitting, strict=True)]


@dataclass(frozen=True, slots=True)
class Group:
    """Shares of the questions of one kind, with their history and (`alone`) without it."""

    questions: int
    hit1: float  # the right entry is first
    hit5: float
    alone_hit1: float
    unchanged: float  # read as it was asked, with the same first entry and status
    answered: float
    answered_wrong: float
    missed: Sequence[Mapping[str, Any]]


async def put_both(
    finder: Finder, groups: Mapping[str, Sequence[Case]], progress: Callable[[int], None]
) -> Mapping[str, Group]:
    found = {}
    for kind, cases in groups.items():
        inside = await ask(finder, cases, progress)
        alone = await ask(finder, [replace(case, history=()) for case in cases], progress)
        if cases:
            found[kind] = _group(inside, alone)
    return found


def _group(inside: Sequence[Outcome], alone: Sequence[Outcome]) -> Group:
    def share(of: Sequence[bool]) -> float:
        return sum(of) / len(of)

    answered = [outcome.status is Status.ANSWERED for outcome in inside]
    pairs = list(zip(inside, alone, strict=True))
    return Group(
        len(inside),
        hit1=share([outcome.rank == 1 for outcome in inside]),
        hit5=share([outcome.rank is not None and outcome.rank <= 5 for outcome in inside]),
        alone_hit1=share([outcome.rank == 1 for outcome in alone]),
        unchanged=share([_same(one, other) for one, other in pairs]),
        answered=share(answered),
        answered_wrong=share([is_ and not one.right for is_, one in zip(answered, inside, strict=True)]),
        missed=[_miss(outcome) for outcome in inside if outcome.rank != 1][:_SHOWN],
    )


def _same(one: Outcome, other: Outcome) -> bool:
    return (one.asked, one.status, one.entries[:1]) == (other.asked, other.status, other.entries[:1])


def _miss(outcome: Outcome) -> Mapping[str, Any]:
    return {
        "question": outcome.asked or outcome.case.text,
        "wanted": " | ".join(sorted(question for _, question in outcome.case.gold)),
        "came": [entry.question for entry in outcome.entries[:3]],
        "status": outcome.status,
    }
