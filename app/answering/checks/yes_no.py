"""Answers to yes/no questions at the beginning of a text. Pure."""

import re

_YES_NO = re.compile(
    r"\W*(?P<yes>(?:yes|yep|yeah|ja|oui|sí|да|是的|是|はい)\b(?!-\w)"
    r"|(?:sure|of course|certainly|sim)(?=\s*(?:[.,!:;]|\Z)))[.,!:;-]*\s*|"  # "SIM cards", "Sure Start"
    r"\W*(?P<no>no|nope|nein|non|não|нет|不是|いいえ)(?=[.,!:;\s-]+\s|\W*\Z)(?![ ]\w)[.,!:;-]*\s*",
    re.IGNORECASE,
)
# Whole answers to a yes/no question: "You can't.", "It is not."
_SHORT_ANSWER = re.compile(
    r"\W*(?:i|you|we|they|he|she|it|that|this|there|one|sie|du|man|es|das)\s+"
    r"(?:can|could|may|must|should|will|would|do|does|did|is|are|was|were|has|have|"
    r"kannst|kann|können|darfst|darf|dürfen|musst|muss|müssen|ist|sind)(?:n't|not|\s+(?:not|so|nicht))?\W*|"
    r"\W*(?:you|we|they|it|that|this)\s+(?:can|won|shan)'?t\W*",
    re.IGNORECASE,
)


def leading_yes_no(text: str) -> str | None:
    """ "yes" or "no" where a text begins with that answer."""
    match = _YES_NO.match(text)
    return None if match is None else "yes" if match["yes"] else "no"


def short_answer(text: str) -> bool:
    """Whether a text is a whole answer to a yes/no question, without a word of content: "You can't."."""
    return _SHORT_ANSWER.fullmatch(text.replace("’", "'")) is not None


def without_yes_no(text: str) -> str:
    """The text behind a leading yes or no."""
    match = _YES_NO.match(text)
    return text[match.end() :] if match else text
