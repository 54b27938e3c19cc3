"""Whether a ranking answers its question, may help with it, or shows that the FAQ does not hold it. Pure."""

from dataclasses import replace

from app.domain import FaqEntry, Status
from app.ranking.confidence import Calibration, Features, Thresholds
from app.ranking.fusion import Ranking
from app.ranking.identifiers import lacking
from app.ranking.polarity import opposed
from app.ranking.stop_words import language_of, stop_words
from app.ranking.text import words

_SURE = 0.6  # from here on an entry may speak for a model that is down
_FEW_WORDS = 3  # content words: with so few each of them decides
_NEAR_COSINE = 0.55  # an embedder of another language still finds names and cognates
_UNMET = 0.52  # late interaction of a word that no word of the entry resembles


def judge(
    question: str,
    ranking: Ranking,
    calibration: Calibration,
    thresholds: Thresholds,
    language: str = "english",
) -> Ranking:
    """The ranking with its judgement: sure, unsure, or nothing fits.

    An identifying word that the first hit lacks, or an opposite that it asks, is evidence that no likeness
    outweighs: the entry is then suggested at most.
    """
    if not ranking.hits:
        return ranking
    if ranking.exact:
        return replace(ranking, status=Status.ANSWERED, confidence=1.0, confident=True)
    entry = ranking.hits[0].entry
    features = ranking.features
    confidence = calibration.answers.probability(features)
    missing = lacking(question, entry, language)
    if missing or opposed(question, entry.question) or _word_unmet(question, features, language):
        confidence = min(confidence, thresholds.answer / 2)
    foreign = _other_language(question, entry, language)
    if foreign:  # neither the embedder nor the words can tell enough for an answer, nor for a refusal
        near = features.coverage > 0 or (features.cosine or 0.0) >= _NEAR_COSINE
        status = Status.SUGGESTED if near else Status.NO_ANSWER
    elif calibration.held.probability(features) < thresholds.suggest:
        status = Status.NO_ANSWER
    else:
        status = Status.ANSWERED if confidence >= thresholds.answer else Status.SUGGESTED
    sure = status is Status.ANSWERED and confidence >= max(_SURE, thresholds.answer)
    return replace(
        ranking, status=status, confidence=confidence, confident=sure, lacking=missing, foreign=foreign
    )


def _other_language(question: str, entry: FaqEntry, language: str) -> str | None:
    """The question's language, where the entry's is another one."""
    asked = language_of(question)
    if asked in (None, language):
        return None
    return None if asked == language_of(f"{entry.question} {entry.answer}") else asked


def _word_unmet(question: str, features: Features, language: str) -> bool:
    """Of so few words one that nothing in the entry resembles: a sofa is not a lamp."""
    if features.late_min is None or features.late_min >= _UNMET:
        return False
    return len(set(words(question)) - stop_words(language)) <= _FEW_WORDS
