"""Whole sentences of an entry in place of words of the model's own. Pure."""

from collections.abc import Sequence

from app.answering.checks.polarity import about_the_same, leading_yes_no, turned, without_yes_no
from app.answering.plain_text import content, folded, plain
from app.answering.sentences import spans
from app.domain import FaqEntry, Sentence, Support
from app.ranking.text import normalised_question

_LEAST_SENTENCES = 2
_MOST_CHOICES = 4
_SAME_QUESTION = 0.75  # share of the entry's question in the one that was asked
_OPEN_QUESTIONS = frozenset(
    [
        "how",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "whom",
        "whose",
        "was",
        "wie",
        "wo",
        "wann",
        "warum",
        "wer",
    ]
)


def beginnings(answer: str, question: str) -> list[str]:
    """An answer's beginnings of whole sentences: the longest few of two sentences or more, and the whole.

    None leaves out a word of the question that the whole answer has: what was asked is not cut off.
    """
    whole = answer.rstrip()
    asked = content(folded(question)) & content(folded(plain(whole)))
    ends = [answer[:end].rstrip() for _, end in spans(answer) if answer[:end].strip()]
    enough = [end for end in ends[_LEAST_SENTENCES - 1 : -1] if asked <= content(folded(plain(end)))]
    return list(dict.fromkeys([*enough, whole]))[-_MOST_CHOICES:]


def said_by_entry(text: str, entry: FaqEntry, asked: str) -> str:
    """`text`, the beginning of an entry's answer, as an answer to `asked`.

    A leading Yes or No answers the entry's own question: for another one it is left out, or that question is
    shown where nothing else is left.
    """
    if not leading_yes_no(plain(text)) or answers_yes_no(asked, entry.question):
        return text
    rest = without_yes_no(text).lstrip(" ,.;:–—-")
    if not content(folded(plain(rest))):
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


def disagreeing(entries: Sequence[FaqEntry]) -> list[int]:
    """Positions (from 1) of the entries that ask what the first one asks and answer it in other words."""
    if not entries:
        return []
    asked = normalised_question(entries[0].question)
    same = [at for at, entry in enumerate(entries, 1) if normalised_question(entry.question) == asked]
    answers = {normalised_question(entries[at - 1].answer) for at in same}
    return same if len(answers) > 1 else []


def both_answers(entries: Sequence[FaqEntry], positions: Sequence[int]) -> tuple[str, list[Sentence]]:
    """The differing answers to one question, each with its mark."""
    several = len({entries[at - 1].collection for at in positions}) > 1
    sentences, parts = list[Sentence](), ["The FAQ has several answers to this question, and they differ:"]
    for at in positions:
        entry = entries[at - 1]
        label = f"{entry.collection}: " if several and entry.collection else ""
        parts.append(f"{label}{entry.answer.strip()} [{at}]")
        sentences += quoted_sentences(entry.answer, at)
    return "\n\n".join(parts), sentences
