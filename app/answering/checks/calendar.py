"""Months and days of the week, each spelling by one name. Pure."""

import re
from functools import lru_cache

_NAMES = """
january jan januar enero janvier | february feb februar febrero février | march mar märz marzo mars |
april apr abril avril | may mai mayo | june jun juni junio juin | july jul juli julio juillet |
august aug agosto août | september sep sept septiembre septembre | october oct oktober octubre octobre |
november nov noviembre novembre | december dec dezember diciembre décembre |
monday mon montag montags lunes lundi | tuesday tue tues dienstag dienstags martes mardi |
wednesday wed mittwoch mittwochs miércoles mercredi |
thursday thu thur thurs donnerstag donnerstags jueves jeudi | friday fri freitag freitags viernes vendredi |
saturday sat samstag samstags sonnabend sábado samedi | sunday sun sonntag sonntags domingo dimanche
"""
_NAME_OF = {
    spelling: spellings.split()[0]
    for spellings in " ".join(_NAMES.split()).split(" | ")
    for spelling in spellings.removesuffix(" |").split()
}
# These are words of their own, too: they are dates with a capital, beside a number or behind a preposition.
_AMBIGUOUS = frozenset("may march mar mai mars jan jun juli mon sat sun sep dec wed fri thu".split())  # noqa: SIM905
_BEHIND = re.compile(
    r"(?:\d(?:st|nd|rd|th)?,?|\b(?:in|on|by|until|till|of|since|from|before|after|each|every|and|to|and)|[(,–-])\s*\Z",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"\s*(?:\d|[-–])")
_WORD = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=1_000)  # entries come again with every sentence
def dates(text: str) -> frozenset[str]:
    """The months and days of the week that a folded text names."""
    found = set[str]()
    for match in _WORD.finditer(text):
        name = _NAME_OF.get(word := match.group().casefold())
        if name is None:
            continue
        dated = _BEHIND.search(text, 0, match.start()) or _BEFORE.match(text, match.end())
        if word not in _AMBIGUOUS or (match.group()[0].isupper() and dated):
            found.add(name)
    return frozenset(found)
