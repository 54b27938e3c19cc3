"""Whole sentences of an entry in place of words of the model's own. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.answering.checks.polarity import about_the_same, turned
from app.answering.checks.yes_no import leading_yes_no, without_yes_no
from app.answering.phrases import phrases
from app.answering.sentences import spans
from app.domain import FaqEntry, Part, Sentence, Status, Support
from app.ranking.plain_text import content, folded, plain
from app.ranking.text import normalised_question

_LEAST_SENTENCES = 2
_MOST_CHOICES = 4
_SAME_QUESTION = 0.75  # share of the entry's question in the one that was asked
_OPEN_WORDS = "how what when where which who why whom whose was wie wo wann warum wer"
_OPEN_QUESTIONS = frozenset(_OPEN_WORDS.split())


@dataclass(frozen=True, slots=True)
class Extraction:
    """What entries say themselves; positions count sources from 1."""

    text: str
    sentences: Sequence[Sentence]
    cited: frozenset[int]
    differ: bool = False  # several entries answer the one question in different words


def beginnings(answer: str, question: str) -> list[str]:
    """What a model may choose: the longest few beginnings of two sentences or more, and the whole.

    None leaves out a word of the question that the whole answer has.
    """
    whole = answer.rstrip()
    asked = content(folded(question)) & content(folded(plain(whole)))
    ends = [answer[:end].rstrip() for _, end in spans(answer) if answer[:end].strip()]
    enough = [end for end in ends[_LEAST_SENTENCES - 1 : -1] if asked <= content(folded(plain(end)))]
    return list(dict.fromkeys([*enough, whole]))[-_MOST_CHOICES:]


def least(answer: str, question: str) -> str:
    """What is quoted at least: up to the sentence after the last one with a word of the question.

    Where no sentence has one, that is the whole.
    """
    asked = content(folded(question))
    pieces = [(start, end) for start, end in spans(answer) if answer[start:end].strip()]
    telling = [
        at for at, (start, end) in enumerate(pieces) if asked & content(folded(plain(answer[start:end])))
    ]
    following = telling[-1] + 1 if telling else len(pieces)
    return answer[: pieces[following][1]].rstrip() if following < len(pieces) else answer.rstrip()


# What follows a yes or no and says nothing without it: "No, unless they are faulty."
_CONDITION = re.compile(
    r"(?:unless|except|only|but|if|as long as|provided|außer|nur|aber|wenn|sofern)\b", re.IGNORECASE
)


def said_by_entry(text: str, entry: FaqEntry, asked: str) -> str:
    """`text`, the beginning of an entry's answer, as an answer to `asked`.

    A leading Yes or No answers the entry's own question: for another one it is left out, or that question is
    shown where nothing else is left.
    """
    if not leading_yes_no(plain(text)) or answers_yes_no(asked, entry.question):
        return text
    rest = without_yes_no(text).lstrip(" ,.;:–—-")
    if not content(folded(plain(rest))) or _CONDITION.match(rest):
        return f"{entry.question} {text}"
    return rest[:1].upper() + rest[1:]


def answers_yes_no(asked: str, question: str) -> bool:
    """Whether the yes or no to an entry's question is the yes or no to what was asked."""
    if normalised_question(asked) == normalised_question(question):
        return True
    said, held = folded(asked), folded(question)
    words, others = content(said), content(held)
    first = said.casefold().split()[:1]
    if not others or (first and first[0].strip("'s") in _OPEN_QUESTIONS):
        return False
    return len(words & others) >= _SAME_QUESTION * len(others) and not (
        about_the_same(said, held) and turned(said, held)
    )


def quoted_sentences(text: str, position: int) -> list[Sentence]:
    """The sentences of a text that was taken from one entry."""
    return [
        Sentence(said, position, Support.QUOTED)
        for start, end in spans(text)
        if (said := text[start:end].strip())
    ]


def disagreeing(entries: Sequence[FaqEntry], place: int = 1) -> list[int]:
    """Positions (from 1) of the entries that ask what the one at `place` does and answer it otherwise."""
    if not entries:
        return []
    asked = normalised_question(entries[place - 1].question)
    same = [at for at, entry in enumerate(entries, 1) if normalised_question(entry.question) == asked]
    answers = {normalised_question(entries[at - 1].answer) for at in same}
    return same if len(answers) > 1 else []


def extracted(entries: Sequence[FaqEntry], parts: Sequence[Part], asked: str, language: str) -> Extraction:
    """The best entry's own words; those of each part's entry where several things are asked, or of each entry
    where they disagree."""
    if parts:
        return _of_parts(entries, parts, language)
    if differing := disagreeing(entries):
        return _of_differing(entries, differing, language)
    text = said_by_entry(entries[0].answer, entries[0], asked)
    return Extraction(text, quoted_sentences(text, 1), frozenset({1}))


def answered_part(part: Part, text: str) -> str:
    """A part that has an answer: what was asked, and `text` with its mark."""
    return f"{part.question}\n{text.rstrip()} [{part.sources[0]}]"


def open_part(part: Part, language: str) -> str:
    """A part that has no answer, or is unsure: what was asked, and that it is open."""
    said = phrases(language)
    return f"{part.question}\n{said.suggested if part.status is Status.SUGGESTED else said.no_answer}"


def _of_parts(entries: Sequence[FaqEntry], parts: Sequence[Part], language: str) -> Extraction:
    texts, sentences, cited, differ = list[str](), list[Sentence](), set[int](), False
    for part in parts:
        if part.status is not Status.ANSWERED:
            texts.append(open_part(part, language))
            continue
        place = part.sources[0]
        if differing := disagreeing(entries, place):
            own = _of_differing(entries, differing, language)
            texts.append(f"{part.question}\n{own.text}")
            sentences += own.sentences
            cited |= own.cited
            differ = True
            continue
        text = said_by_entry(entries[place - 1].answer, entries[place - 1], part.question)
        texts.append(answered_part(part, text))
        if place not in cited:
            sentences += quoted_sentences(text, place)
        cited.add(place)
    return Extraction("\n\n".join(texts), sentences, frozenset(cited), differ)


def _of_differing(entries: Sequence[FaqEntry], positions: Sequence[int], language: str) -> Extraction:
    several = len({entries[at - 1].collection for at in positions}) > 1
    sentences, texts = list[Sentence](), [phrases(language).differ]
    for at in positions:
        entry = entries[at - 1]
        label = f"{entry.collection}: " if several and entry.collection else ""
        texts.append(f"{label}{entry.answer.strip()} [{at}]")
        sentences += quoted_sentences(entry.answer, at)
    return Extraction("\n\n".join(texts), sentences, frozenset(positions), differ=True)
