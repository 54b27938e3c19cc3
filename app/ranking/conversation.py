"""What a question takes from the conversation before it. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.domain import FaqEntry, Status, Turn
from app.ranking.candidates import WordStatistics
from app.ranking.coverage import coverage
from app.ranking.fusion import Ranking
from app.ranking.stop_words import STOP_WORDS
from app.ranking.text import CONTEXT_WEIGHT, entry_words, words

_Vector = NDArray[np.float32]
_MOST_TOPICS = 3  # earlier questions that complete a question: it may lean on one that leans itself
_TOPIC_CHARACTERS = 300  # of each of them
_LATELY_CHARACTERS = 600  # of what was said: the meaning of more takes long to compute
_FEW_WORDS = 4  # a question this short says little on its own
_FEW_CONTENT = 3  # content words beside one that points back
_TOO_FEW = 1  # content words that alone do not tell what is asked
_HELD = 0.8  # of an answer's words: then it was taken from the entry
_LEAST_WORDS = 5  # of an answer; fewer may stand in any entry
_OTHER_PLACE = 5  # of the other reading's first hit, or the last there is
_LEAST_COVERED = 0.5  # of a question's content, in an entry that answers it
_TOUCHED = 0.25  # the same, in an entry that may be meant by a question that leans on nothing
_ORDER = (Status.NO_ANSWER, Status.SUGGESTED, Status.ANSWERED)
_BEGINS = re.compile(
    r"[\W_]*(?:and|also|or|but|what about|how about|what if|then|"
    r"und|auch|oder|aber|was ist mit|wie ist es mit|"
    r"y|o|pero|también|qué tal|et|ou|mais|aussi|e|ed|ma|anche)\b(?![-'’])",  # not e-mail
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"\b(?:it|its|that|this|these|those|they|them|their|he|she|him|her|his|ones?|another|other|else|same|"
    r"again|instead|afterwards|before|"
    r"(?<!is )(?<!are )(?<!was )(?<!were )(?<!be )there(?! (?:is|are|was|were|will)\b|['’]s)|"
    r"(?<!gibt )es(?! gibt\b)|das|dies\w*|diese\w*|sie|ihn|ihm|dort|dafür|damit|davon|dazu|stattdessen|"
    r"eso|esto|ese|esa|allí|ello|cela|ça|celui|celle|questo|quello)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Context:
    """`topics` are the earlier questions that complete the next one; `said` is everything, newest first."""

    topics: Sequence[str]
    said: str
    answers: Sequence[frozenset[str]]  # the words of each

    @property
    def lately(self) -> str:
        """The newest of what was said, as much as is embedded."""
        return self.said[:_LATELY_CHARACTERS]

    def completed(self, question: str) -> str:
        """The question with what it leans on, so that it can be read alone."""
        return " ".join([*self.topics, question])

    def given(self, entry: FaqEntry) -> bool:
        """Whether one of the answers was taken from the entry."""
        held = set(entry_words(entry))
        return any(len(answer & held) >= _HELD * len(answer) for answer in self.answers)


def context_of(history: Sequence[Turn]) -> Context | None:
    """None where nothing was asked before."""
    asked = [turn.content for turn in history if turn.role == "user" and words(turn.content)]
    if not asked:
        return None
    topics: list[str] = []
    for question in reversed(asked[-_MOST_TOPICS:]):
        topics.insert(0, " ".join(question.split())[:_TOPIC_CHARACTERS])
        if not leans(question):
            break
    answers = [frozenset(words(turn.content)) for turn in history if turn.role == "assistant"]
    said = "\n".join(turn.content for turn in reversed(history))
    return Context(topics, said, [answer for answer in answers if len(answer) >= _LEAST_WORDS])


def towards(question: _Vector | None, said: _Vector | None) -> _Vector | None:
    """The direction of the question, turned a little towards what was said; of unit length as they are."""
    if question is None or said is None:
        return question
    turned: _Vector = question + CONTEXT_WEIGHT * said
    return turned / np.float32(np.linalg.norm(turned))


def leans(question: str) -> bool:
    """Whether a question shows that it may need the one before it: "and on Windows?", "how do I stop it?"."""
    if _points_back(question):
        return True
    return len(_content(question)) < 2 or len(words(question)) <= _FEW_WORDS


def stands_alone(question: str, alone: Ranking) -> bool:
    """Whether a question needs no context: it is an entry's, or it is sure and leans on nothing."""
    if alone.exact:
        return not _points_back(
            question
        )  # an entry may ask "is there anything else?", and mean another thing
    return alone.answerable and not leans(question)


def understood(
    question: str,
    alone: Ranking,
    following: Ranking,
    statistics: WordStatistics,
    language: str,
    *,
    strict: bool = False,
) -> tuple[Ranking, bool]:
    """The better reading of a question, `alone` as it is or `following` what was said before it, and whether
    it is the latter.

    `strict`: the subject stands in the same text, so "is it free?" is answered only where that is sure, too.

    Among its hits is the first one that only the other reading finds: it may be what was meant after all.
    """
    if not following.hits:
        return alone, False
    first = following.hits[0].entry
    held = coverage(question, first, statistics, language)
    if held < _LEAST_COVERED:
        following = _capped(following)
    if (held >= _TOUCHED or leans(question)) and _follows(question, alone, following):
        return _with_the_other(following, alone), True
    unsure = following.status is Status.NO_ANSWER or (
        strict and not following.answerable and len(_content(question)) <= _TOO_FEW
    )
    if not alone.exact and _refers(question) and unsure:
        alone = _capped(alone)
    return _with_the_other(alone, following), False


def _follows(question: str, alone: Ranking, following: Ranking) -> bool:
    """Whether the conversation tells what the question means.

    The context never answers by itself: an entry that holds little of the question is suggested at most. Nor
    does a question answer alone whose "it" or "there" is something that was said: what it finds is suggested.
    """
    if alone.exact:
        return False
    if _refers(question) and following.status is Status.NO_ANSWER:
        return False
    if alone.answerable and alone.hits[0].entry.key == following.hits[0].entry.key:
        return False
    if _refers(question):
        return True
    ours, theirs = _ORDER.index(following.status), _ORDER.index(alone.status)
    return leans(question) if ours == theirs else ours > theirs


def _with_the_other(chosen: Ranking, other: Ranking) -> Ranking:
    hits, place = list(chosen.hits), min(len(chosen.hits), _OTHER_PLACE) - 1
    shown = {hit.entry.key for hit in hits[:place]}
    added = next((hit for hit in other.hits if hit.entry.key not in shown), None)
    if place < 2 or added is None:
        return chosen
    behind = [hit for hit in hits[place:] if hit.entry.key != added.entry.key]
    added = replace(added, score=min(added.score, hits[place - 1].score))
    return replace(chosen, hits=[*hits[:place], added, *behind][: len(hits)])


def _capped(ranking: Ranking) -> Ranking:
    if not ranking.answerable:
        return ranking
    return replace(ranking, status=Status.SUGGESTED, confident=False)


def _refers(question: str) -> bool:
    """Whether a question says too little besides the word that points back: "is it safe?"."""
    return _points_back(question) and len(_content(question)) <= _FEW_CONTENT


def _points_back(question: str) -> bool:
    return bool(_BEGINS.match(question) or _POINTS_BACK.search(question))


def _content(question: str) -> Sequence[str]:
    return [word for word in words(question) if word not in STOP_WORDS]
