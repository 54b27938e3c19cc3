"""What the FAQ lacks: questions that were declined, suggested or answered without help, in groups. Pure."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.domain import Status
from app.feedback.base import Outcome, Record, Verdict
from app.feedback.grouping import MEANING_ALIKE, WORDS_ALIKE, Vectors, centred, grouped, word_vectors
from app.ranking.text import normalised_question

Kind = Literal["declined", "suggested", "unhelpful"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question without a good answer, however it was spelled; how often each of the kinds came."""

    question: str  # as it was asked most
    kinds: Counter[Kind]
    nearest: Counter[str]  # COLLECTION/ID of the entry that came first, or that was meant
    requests: Sequence[str] = ()  # their ids, each once, oldest first
    comments: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that ask for the same, the most frequent first."""

    wanted: Sequence[Wanted]

    @property
    def count(self) -> int:
        return sum(each.kinds.total() for each in self.wanted)

    @property
    def kinds(self) -> Counter[Kind]:
        return sum((each.kinds for each in self.wanted), Counter[Kind]())

    @property
    def nearest(self) -> str | None:
        """The entry that is nearest most often."""
        nearest = sum((each.nearest for each in self.wanted), Counter[str]())
        return nearest.most_common(1)[0][0] if nearest else None

    @property
    def comments(self) -> Sequence[str]:
        return [comment for each in self.wanted for comment in each.comments]


@dataclass(slots=True)
class EntryUse:
    """How often an entry was what an answer rested on, or came first where there was none."""

    cited: int = 0
    helpful: int = 0  # of those cited, and suggestions of which somebody said that they helped
    unhelpful: int = 0
    nearest: int = 0  # to a question that was declined, or for which it was suggested

    @property
    def total(self) -> int:
        return self.cited + self.nearest


@dataclass
class Usage:
    """What needs no question to be kept."""

    statuses: Counter[str] = field(default_factory=Counter)
    helpful: int = 0
    unhelpful: int = 0
    without_question: int = 0  # of those that would be in a group
    entries: dict[str, EntryUse] = field(default_factory=dict)

    def count(self, record: Record) -> None:
        outcome, verdict = record.outcome, record.verdict
        self.statuses[outcome.status.value] += 1
        self.helpful += verdict is not None and verdict.helpful
        self.unhelpful += verdict is not None and not verdict.helpful
        self.without_question += kind_of(record) is not None and outcome.question is None
        if outcome.status is Status.ANSWERED:
            for entry in outcome.entries:
                if entry.cited:
                    use = self._of(entry.key)
                    use.cited += 1
                    if verdict:
                        _judge(use, verdict)
        elif outcome.entries:
            self._of(outcome.entries[0].key).nearest += 1
            if verdict and verdict.helpful and verdict.entry:
                self._of(verdict.entry).helpful += 1

    def most_used(self) -> Sequence[tuple[str, EntryUse]]:
        return sorted(self.entries.items(), key=lambda each: (-each[1].total, each[0]))

    def never_used(self, entries: Collection[str]) -> Sequence[str]:
        """Of these keys those that no answer rested on."""
        return sorted(key for key in entries if key not in self.entries or not self.entries[key].cited)

    def _of(self, key: str) -> EntryUse:
        return self.entries.setdefault(key, EntryUse())


def _judge(use: EntryUse, verdict: Verdict) -> None:
    if verdict.helpful:
        use.helpful += 1
    else:
        use.unhelpful += 1


def kind_of(record: Record) -> Kind | None:
    """Why it belongs to a group; None: it was answered, or somebody said that it helped."""
    if record.verdict is not None:
        if record.verdict.helpful:
            return None
        if record.outcome.status is Status.ANSWERED:
            return "unhelpful"
    match record.outcome.status:
        case Status.ANSWERED:
            return None
        case Status.SUGGESTED:
            return "suggested"
        case Status.NO_ANSWER:
            return "declined"


class Wishes:
    """The questions without a good answer, each spelling counted as one."""

    def __init__(self) -> None:
        self._spellings: dict[str, Counter[str]] = {}
        self._kinds: dict[str, Counter[Kind]] = {}
        self._nearest: dict[str, Counter[str]] = {}
        self._requests: dict[str, dict[str, None]] = {}
        self._comments: dict[str, list[str]] = {}

    def add(self, record: Record) -> None:
        kind, question = kind_of(record), record.outcome.question
        if kind is None or question is None:
            return
        key = normalised_question(question) or question
        self._spellings.setdefault(key, Counter())[question] += 1
        self._kinds.setdefault(key, Counter())[kind] += 1
        self._requests.setdefault(key, {})[record.outcome.request_id] = None
        nearest = self._nearest.setdefault(key, Counter())
        if (entry := _nearest(record.outcome, record.verdict)) is not None:
            nearest[entry] += 1
        if record.verdict and record.verdict.comment:
            self._comments.setdefault(key, []).append(record.verdict.comment)

    def wanted(self) -> Sequence[Wanted]:
        """The most frequent first."""
        found = [
            Wanted(
                spellings.most_common(1)[0][0],
                self._kinds[key],
                self._nearest[key],
                list(self._requests[key]),
                self._comments.get(key, ()),
            )
            for key, spellings in self._spellings.items()
        ]
        return sorted(found, key=lambda each: (-each.kinds.total(), each.question))


def _nearest(outcome: Outcome, verdict: Verdict | None) -> str | None:
    if verdict and verdict.entry:
        return verdict.entry
    return outcome.entries[0].key if outcome.entries else None


def groups_of(
    wanted: Sequence[Wanted], known: Sequence[str], meaning: tuple[Vectors, Vectors] | None = None
) -> Sequence[Group]:
    """The largest first. `known` are questions of the FAQ; `meaning` the vectors of what is wanted and of
    those, where there is an embedder: without it questions are grouped by their words."""
    if not wanted:
        return []
    if meaning:
        positions = grouped(centred(*meaning), MEANING_ALIKE)
    else:
        positions = grouped(word_vectors([each.question for each in wanted], known), WORDS_ALIKE)
    groups = [Group([wanted[position] for position in sorted(group)]) for group in positions]
    return sorted(groups, key=lambda group: (-group.count, group.wanted[0].question))
