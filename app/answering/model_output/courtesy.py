"""Courtesy around an answer: what a model says that tells nothing. Pure."""

import re

from app.answering.checks.yes_no import short_answer
from app.ranking.plain_text import stem

_WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d+")
_COURTEOUS = """
i m am we you it is that this be to the a an of for and or in on at by as if any all me my your so with have
has can will would not sorry hear about apologize apologies inconvenience frustrating understand great good
nice excellent question questions asking sure certainly absolutely course definitely thanks thank hi hello
dear there greetings here are answer answers according based faq faqs entry entries provided given
information following hope helps help helpful let know further more other else feel free ask please happy
glad assist contact us need anything assistance from above below steps step follow these what says do don t
know short summary response note only found okay ok well as per stated mentioned described explained source
json format s re ve ll
"""
_COURTESY = frozenset(stem(word) for word in _COURTEOUS.split())
_CLAIMS = re.compile(r"^\W*(?:yes|no|sí|ja|nein|oui|non)\b", re.IGNORECASE)


def says_nothing(text: str) -> bool:
    """Whether a sentence is courtesy alone: "I'm sorry to hear that.", "I hope this helps!"."""
    words = _WORDS.findall(text.replace("’", "'").casefold())
    return (
        bool(words)
        and not (_CLAIMS.match(text) or short_answer(text))
        and all(stem(part) in _COURTESY for word in words for part in word.split("'") if part)
    )
