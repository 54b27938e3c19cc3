"""Whether a ranking answers its question, may help with it, or shows that the FAQ does not hold it. Pure."""

import re
from collections.abc import Set
from dataclasses import replace

from app.domain import FaqEntry, Status
from app.ranking.confidence import Calibration, Features, Thresholds
from app.ranking.evidence import lacking, opposed
from app.ranking.fusion import Ranking
from app.ranking.stop_words import languages_of, stop_words
from app.ranking.text import mostly_latin, words

_SURE = 0.6  # least confidence for an answer to a short question, or in place of a model that failed
_ASKS = re.compile(r"[^\W\d_]|\d\d")  # "1" or "?" alone asks for nothing that an entry could answer
_TOO_FEW = 2  # content words: a question with no more of them is short
_FEW_WORDS = 3  # content words: with so few each of them decides
_TELLING = 2  # stop words of another language: this many reveal it
_SOME_OTHER = "another language"
_UNMET = 0.52  # late interaction of a word that no word of the entry resembles


def judge(
    question: str,
    ranking: Ranking,
    calibration: Calibration,
    thresholds: Thresholds,
    language: str = "english",
    written: str | None = None,
) -> Ranking:
    """The ranking with its judgement: sure, unsure, or nothing fits.

    `written` is the text that shows the question's language; None: the question itself.

    An identifying word that the first hit lacks, or an opposite that it asks, is evidence that no likeness
    outweighs: the entry is then suggested at most.
    """
    if not ranking.hits:
        return replace(ranking, foreign=_other_language(written or question, None, 0.0, language))
    if ranking.exact:
        return replace(ranking, status=Status.ANSWERED, confidence=1.0, confident=True)
    if not _ASKS.search(question):
        return ranking
    entry = ranking.hits[0].entry
    features = ranking.features
    confidence = calibration.answers.probability(features)
    missing = lacking(question, entry, language)
    if missing or opposed(question, entry.question) or _word_unmet(question, features, language):
        confidence = min(confidence, thresholds.answer / 2)
    foreign = _other_language(written or question, entry, features.coverage, language)
    if foreign:  # neither the embedder nor the words can tell enough for an answer, nor for a refusal
        status = Status.SUGGESTED
    elif calibration.held.probability(features) < thresholds.suggest:
        status = Status.NO_ANSWER
    else:
        few = _content_words(question, language) <= _TOO_FEW
        needed = max(_SURE, thresholds.answer) if few else thresholds.answer
        status = Status.ANSWERED if confidence >= needed else Status.SUGGESTED
    sure = status is Status.ANSWERED and confidence >= max(_SURE, thresholds.answer)
    return replace(
        ranking, status=status, confidence=confidence, confident=sure, lacking=missing, foreign=foreign
    )


def _other_language(question: str, entry: FaqEntry | None, coverage: float, language: str) -> str | None:
    """The question's language, where neither the index nor the entry is in it.

    A single stop word tells one where the letters do, too, or where the entry holds no word of the question.
    """
    asked, count = languages_of(question)
    held = f"{entry.question} {entry.answer}" if entry else ""
    if not mostly_latin(question) and mostly_latin(held):
        return _named(asked) if language not in asked else None
    if language in asked or count < (1 if coverage == 0 or not question.isascii() else _TELLING):
        return None
    return None if asked & languages_of(held)[0] else _named(asked)


def _named(languages: Set[str]) -> str:
    return next(iter(languages)) if len(languages) == 1 else _SOME_OTHER


def _word_unmet(question: str, features: Features, language: str) -> bool:
    """Whether a short question has a word that nothing in the entry resembles: a sofa is not a lamp."""
    if features.late_min is None or features.late_min >= _UNMET:
        return False
    return _content_words(question, language) <= _FEW_WORDS


def _content_words(question: str, language: str) -> int:
    return len(set(words(question)) - stop_words(language))
