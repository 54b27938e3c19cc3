"""Which code page a text in Latin letters is in: the one in which its letters are those of a language.

Statistics need more text than a small FAQ has; an alphabet does not. What cannot be distinguished reads the
same in both.
"""

_PAGES = {
    "cp1252": (
        *("äöüß", "àâæçéèêëîïôœùûüÿ", "áéíóúñü", "àèéìíòóùú", "áâãàçéêíóôõú", "éëïóöüè", "åäöé"),
        *("æøåéòóü", "áðéíóúýþæö", "äöõüšž", "àçéèíïóòúü"),
    ),
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž"),
    "cp1254": ("çğıiöşüâîû",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äöõüšž"),
    "mac_roman": ("äöüß", "àâæçéèêëîïôœùûüÿ", "áéíóúñü", "àèéìíòóùú", "áâãàçéêíóôõú", "åäöé", "æøåé"),
    "cp850": ("äöüß", "àâæçéèêëîïôùûüÿ", "áéíóúñü", "àèéìíòóùú", "áâãàçéêíóôõú", "åäöé", "æøåé"),
}
_SIGNS = frozenset(" \xa0–—‘’‚“”„…€£«»‹›°§©®™·•¿¡ªº")
_LEAST = 0.9  # of the characters beyond ASCII


def latin_page(sample: bytes) -> str | None:
    """None where the text is hardly in Latin letters."""
    beyond = [position for position, byte in enumerate(sample) if byte >= 0x80]
    together = sum(sample[position - 1 : position] >= b"\x80" for position in beyond)
    letters = sum(byte < 0x80 and chr(byte).isalpha() for byte in sample)
    if not beyond or together * 2 > len(beyond) or letters < len(beyond):
        return None
    characters = bytes(sample[position] for position in beyond)
    shares = {page: _share(characters.decode(page, "replace"), page) for page in _PAGES}
    best = max(shares, key=lambda page: shares[page])  # the first of them: the more common
    return best if shares[best] >= _LEAST else None


def _share(characters: str, page: str) -> float:
    letters = [character.lower()[0] for character in characters if character not in _SIGNS]
    most = max(sum(letter in alphabet for letter in letters) for alphabet in _PAGES[page])
    return (most + len(characters) - len(letters)) / len(characters)
