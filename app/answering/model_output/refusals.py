"""How a model says that the entries hold no answer, and what it says that is none. Pure."""

import re

from app.answering.checks.polarity import leading_yes_no, negations
from app.answering.plain_text import stem
from app.ranking.stop_words import STOP_WORDS

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
_SHORT = 160  # characters: a longer reply is no refusal
_FEW = 6  # words
_ENGLISH = 0.2  # share of English stop words from which a text is taken for English
_WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d+")
_COURTEOUS = """
i m am we you it is that this be to the a an of for and or in on at by as if any all me my your so with have
has can will would not sorry hear about apologize apologies inconvenience frustrating understand great good
nice excellent question questions asking sure certainly absolutely course definitely thanks thank hi hello
dear there greetings here are answer answers according based faq faqs entry entries provided given
information following hope helps help helpful let know further more other else feel free ask please happy
glad assist contact us need anything assistance from above below steps step follow these what says do don t
know short summary response okay ok well
"""
_COURTESY = frozenset(stem(word) for word in _COURTEOUS.split())
_CLAIMS = re.compile(r"^\W*(?:yes|no|sí|ja|nein|oui|non)\b", re.IGNORECASE)


def without_token(text: str) -> str | None:
    """The text without the token of a refusal; None where it has none."""
    return _TOKEN.sub("", text).strip() if _TOKEN.search(text) else None


def may_be_token(text: str) -> bool:
    """Whether `text` may still grow into the token."""
    bare = re.sub(r"[\s\"'`*\[(<_-]", "", text).casefold()
    return bool(bare) and ("notinfaq".startswith(bare))


def refuses(text: str) -> bool:
    return bool(_REFUSAL.search(text.replace("’", "'")))


def says_nothing(text: str) -> bool:
    """Whether a sentence is courtesy alone: "I'm sorry to hear that.", "I hope this helps!"."""
    words = _WORDS.findall(text.replace("’", "'").casefold())
    return (
        bool(words)
        and not _CLAIMS.match(text)
        and all(stem(part) in _COURTESY for word in words for part in word.split("'") if part)
    )


def declines(text: str) -> bool:
    """Whether a whole reply that says nothing of the entries declines to answer, in any language."""
    if not text:
        return True
    words = _WORDS.findall(text.casefold())
    if leading_yes_no(text) or len(text) > _SHORT:
        return False
    english = sum(word in STOP_WORDS for word in words) >= _ENGLISH * len(words)
    negated = negations(text) > 0
    if english:
        return refuses(text) or (negated and len(words) <= _FEW)
    return negated or len(words) <= _FEW
