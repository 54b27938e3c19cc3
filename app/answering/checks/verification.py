"""Which entry each sentence of an answer rests on, and how far that was checked. Pure.

`quoted`: whole sentences of the entry, word for word. `matched`: every number, unit, name, command, path,
flag and link of the sentence stands in the entry, nothing reverses its meaning against the sentence it
repeats, and enough of its words are the entry's. Else `unmatched`. This says what was compared, not that it
is true: a sentence made of the entry's own words in another sense passes (docs/decisions.md gives the
figures).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache

from app.answering.checks.names import missing_names, names_in
from app.answering.checks.near_copies import changed_word, closeness
from app.answering.checks.number_words import CARDINALS
from app.answering.checks.numbers import wrong_numbers
from app.answering.checks.polarity import about_the_same, contradiction, negations, turned
from app.answering.checks.roles import misplaced
from app.answering.checks.technical import missing_technical
from app.answering.checks.telling_words import SPELLINGS
from app.answering.checks.yes_no import leading_yes_no, short_answer, without_yes_no
from app.answering.sentences import spans
from app.domain import FaqEntry, Sentence, Support
from app.ranking.candidates import WordStatistics
from app.ranking.coverage import coverage
from app.ranking.plain_text import content, folded, plain

# Least share of a sentence's content that the entry must hold: measured, docs/decisions.md has the figures.
ORDINARY, STRICT = 0.6, 0.75
_ATTRIBUTED = 0.45  # from here on a sentence is about an entry, right or wrong
_AS_GOOD = 0.15  # a mark stays where its entry covers the sentence nearly as well as the best one
_ITS_WORDS = "its words"
_CLOSE = 0.6  # share of the same words from which an entry is what the sentence is about
_AS_CLOSE = 0.1  # … unless the entry that supports it has nearly as many
_CHECKED_APART = CARDINALS.keys() | {
    spelling
    for spelling, values in SPELLINGS.items()
    if values[0][0] in ("bound", "quantity", "modality", "frequency")
}
_LIST_MARKER = re.compile(r"^\s*(?:[-*•+]|\(?\d{1,3}[.)]|[a-zA-Z][.)]|#{1,6})\s+")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judged sentence; `missing` says what the nearest entry does not have."""

    sentence: Sentence
    missing: Sequence[str] = ()


def unsupported(text: str, missing: Sequence[str] = ()) -> Verdict:
    return Verdict(Sentence(text, None, Support.UNMATCHED), missing)


@dataclass(frozen=True)
class Verifier:
    """Judges sentences against the entries that the model was given, by their positions among the sources."""

    entries: Mapping[int, FaqEntry]
    statistics: WordStatistics = field(default_factory=WordStatistics)
    asked: str = ""  # the question: "No." answers one question and not its opposite
    least_coverage: float = ORDINARY

    def judge(self, text: str, hints: Sequence[int] = ()) -> Verdict:
        """`text` without marks; `hints` are the positions that the model's marks named."""
        said = _said(text)
        shares = self._shares(said)
        order = sorted(shares, key=lambda position: (-shares[position], position not in hints, position))
        for position in order:
            if _quoted(said, _source(self.entries[position])) and not self._wrong_yes_no(said, position):
                return Verdict(Sentence(text, position, Support.QUOTED))
        # Looked for only where it decides: most entries are far from the sentence, and each takes its time.
        missing = cache(
            lambda position: self._missing(said, self.entries[position], shares[position], position)
        )
        close = {position: closeness(said, _source(self.entries[position]).sentences) for position in order}
        near = [position for position in order if close[position] >= _CLOSE]
        contradicting = [close[position] for position in near if set(missing(position)) - {_ITS_WORDS}]
        nearest_other = max(contradicting, default=0.0)
        # Without a content word nothing shows what is affirmed or denied: "You can't."
        empty = not content(said) and not (short_answer(said) or negations(without_yes_no(said)))
        covering = [each for each in order if empty or shares[each] >= self.least_coverage]
        for position in covering:
            if close[position] >= nearest_other - _AS_CLOSE and not missing(position):
                return Verdict(Sentence(text, position, Support.MATCHED))
        if len(named := [position for position in hints if position in self.entries]) > 1:
            joined = _joined([self.entries[position] for position in named])
            if not self._missing(said, joined, coverage(_weighed(said), joined, self.statistics), named[0]):
                best = max(named, key=lambda position: shares[position])
                return Verdict(Sentence(text, best, Support.MATCHED))
        nearest = max(order, key=lambda position: close[position], default=None)
        lacking = ["no entry"] if nearest is None else missing(nearest) or missing(order[0])
        return unsupported(text, lacking)

    def attribute(self, text: str, hints: Sequence[int]) -> Sequence[int]:
        """The positions to print for a mark behind `text` that names `hints`: wrong ones are repaired."""
        verdict = self.judge(text, hints)
        shares = self._shares(_said(text))
        best = max(shares.values(), default=0.0)
        if best < _ATTRIBUTED and verdict.sentence.source is None:
            return []
        fitting = [
            position
            for position in hints
            if position == verdict.sentence.source
            or (
                shares.get(position, 0.0) >= best - _AS_GOOD
                and verdict.sentence.support is not Support.QUOTED
            )
        ]
        if fitting:
            return fitting
        nearest = verdict.sentence.source or next(each for each, share in shares.items() if share == best)
        return [nearest]

    def _shares(self, said: str) -> dict[int, float]:
        weighed = _weighed(said)
        return {
            position: coverage(weighed, entry, self.statistics) for position, entry in self.entries.items()
        }

    def _missing(self, said: str, entry: FaqEntry, share: float, position: int) -> list[str]:
        source = _source(entry).whole
        missing = wrong_numbers(said, source) + missing_technical(said, source) + missing_names(said, source)
        missing += self._first_name(said, source)
        told = _source(entry).sentences
        if turn := changed_word(said, told, source) or contradiction(said, source) or misplaced(said, told):
            missing.append(turn)
        if self._wrong_yes_no(said, position):
            missing.append("yes or no")
        if content(said) and share < self.least_coverage:
            missing.append(_ITS_WORDS)
        return list(dict.fromkeys(missing))

    def _first_name(self, said: str, source: str) -> list[str]:
        """The first word, which has a capital in any case, where it is a name in another entry only."""
        first = (said.split() or [""])[0].strip(".,;:!?")
        known = (_source(entry).whole for entry in self.entries.values())
        is_name = first[:1].isupper() and any(first.casefold() in names_in(whole) for whole in known)
        return [first] if is_name and first.casefold() not in source.casefold() else []

    def _wrong_yes_no(self, said: str, position: int) -> bool:
        """Whether a leading Yes or No is not the one the entry gives, to the question that was asked."""
        answer = leading_yes_no(said)
        if answer is None:
            return False
        entry = self.entries[position]
        held, asked = leading_yes_no(_source(entry).answer), folded(self.asked) or folded(entry.question)
        if held is None:
            rest = without_yes_no(said)
            if not content(rest):
                return True  # a bare yes or no, which the entry does not give
            if not about_the_same(rest, asked):
                return False
            return (answer == "no") != turned(rest, asked)
        other_way = about_the_same(asked, folded(entry.question)) and turned(asked, folded(entry.question))
        return (answer == held) == other_way


@dataclass(frozen=True, slots=True)
class _Source:
    answer: str  # folded
    whole: str  # section, question and answer: folded, lines kept
    text: str  # the words of its sentences, to find quotations in
    sentences: Sequence[str]  # folded
    bounds: frozenset[int]  # where in `text` a sentence or a line begins or ends


@lru_cache(maxsize=1_000)
def _source(entry: FaqEntry) -> _Source:
    answer = plain(entry.answer)
    lines = [folded(line) for part in (entry.section, entry.question, answer) for line in part.split("\n")]
    text, bounds, told = "", {0}, list[str]()
    for start, end in spans(answer):
        told.append(folded(answer[start:end]))
        for line in answer[start:end].split("\n"):
            if words := _words_of(line):
                bounds |= {len(text), len(text) + len(words)}
                if rest := _words_of(without_yes_no(folded(line))):  # "Yes, within 30 days": both are whole
                    bounds.add(len(text) + len(words) - len(rest))
                text += f"{words} "
    return _Source(folded(answer), "\n".join(line for line in lines if line), text, told, frozenset(bounds))


def _quoted(said: str, source: _Source) -> bool:
    """Whether a sentence is whole sentences (or lines) of the source, letter case and edges aside."""
    words = " ".join(words for line in said.split("\n") if (words := _words_of(line)))
    at = source.text.find(words) if words else -1
    while at >= 0:
        if at in source.bounds and at + len(words) in source.bounds:
            return True
        at = source.text.find(words, at + 1)
    return False


def _said(text: str) -> str:
    return "\n".join(folded(line) for line in plain(text).split("\n") if line.strip())


def _weighed(said: str) -> str:
    """Without the words that are checked one by one: 3 is held by "three", "usually" by "generally"."""
    return " ".join(word for word in said.split() if word.casefold().strip(".,;:!?") not in _CHECKED_APART)


def _words_of(text: str) -> str:
    bare = _LIST_MARKER.sub("", folded(text)).replace("`", "'").strip(" .,;:!?\"'()[]*_-…。！？、，；：")
    if folded(text).startswith("-") and not folded(text).startswith("- "):
        return bare  # a flag: -d is not -D
    return f"{bare[:1].casefold()}{bare[1:]}"


def _joined(entries: Sequence[FaqEntry]) -> FaqEntry:
    return replace(
        entries[0],
        question="\n".join(entry.question for entry in entries),
        answer="\n\n".join(entry.answer for entry in entries),
    )
