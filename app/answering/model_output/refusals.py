"""How a model says that the entries hold no answer, in any language. Pure."""

import re

from app.answering.checks.polarity import negations
from app.answering.checks.yes_no import leading_yes_no
from app.ranking.stop_words import STOP_WORDS, languages_of

NOT_IN_FAQ = "NOT_IN_FAQ"  # the token the prompt asks for
_TOKEN = re.compile(r"[\"'`*\[(<]*\bnot[ _-]?in[ _-]?faqs?\b[\"'`*\])>]*[.!]*", re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(?:do not|don't|does not|doesn't|did not|didn't|cannot|can't|could not|couldn't|unable to|"
    r"not able to)\s+(?:\w+\s+)?"
    r"(?:know|find|answer|say|mention|contain|provide|include|cover|"
    r"address|specify|have (?:any |enough )?information|help)\b"
    r"|\bno (?:information|entry|entries|answer|mention|details?)\b"
    r"|\bnot (?:mentioned|covered|provided|addressed|specified|sure|in the faq)\b"
    r"|\bnone of the (?:faq )?entries\b",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"\W*(?:n/a|none|unknown|not (?:available|applicable))\W*", re.IGNORECASE)
_SHORT = 160  # characters: a longer reply is no refusal
_FEW = 6  # words
_ENGLISH = 0.2  # share of English stop words from which a text is taken for English
_WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d+")


def without_token(text: str) -> str | None:
    """The text without the token of a refusal; None where it has none."""
    return _TOKEN.sub("", text).strip() if _TOKEN.search(text) else None


def may_be_token(text: str) -> bool:
    """Whether `text` may still grow into the token."""
    bare = re.sub(r"[\s\"'`*\[(<_-]", "", text).casefold()
    return bool(bare) and ("notinfaq".startswith(bare))


def refuses(text: str) -> bool:
    return bool(_REFUSAL.search(text.replace("’", "'")) or _NOTHING.fullmatch(text))


def declines(text: str) -> bool:
    """Whether a whole reply that says nothing of the entries declines to answer, in any language."""
    if not text:
        return True
    words = _WORDS.findall(text.casefold())
    if leading_yes_no(text) or len(text) > _SHORT:
        return False
    english = "english" in languages_of(text)[0] and (
        sum(word in STOP_WORDS for word in words) >= _ENGLISH * len(words)
    )
    negated = negations(text) > 0
    if english:
        return refuses(text) or (negated and len(words) <= _FEW)
    return negated or len(words) <= _FEW
