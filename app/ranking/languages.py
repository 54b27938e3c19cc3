"""The languages that every search engine here has stop words and a stemmer for, and what people call them."""

# English name: its ISO 639 codes, and its own name.
_NAMES = {
    "danish": ("da", "dan", "dansk"),
    "dutch": ("nl", "nld", "nederlands"),
    "english": ("en", "eng"),
    "finnish": ("fi", "fin", "suomi"),
    "french": ("fr", "fra", "français", "francais"),
    "german": ("de", "deu", "deutsch"),
    "hungarian": ("hu", "hun", "magyar"),
    "italian": ("it", "ita", "italiano"),
    "norwegian": ("no", "nor", "nb", "nn", "norsk", "bokmål"),
    "portuguese": ("pt", "por", "português", "portugues"),
    "russian": ("ru", "rus", "русский"),
    "spanish": ("es", "spa", "español", "espanol"),
    "swedish": ("sv", "swe", "svenska"),
}
LANGUAGES = frozenset(_NAMES)
_CALLED = {called: name for name, others in _NAMES.items() for called in (name, *others)}


def language_named(called: str) -> str:
    """The English name, from any usual one (`German`, `de-AT`, `deutsch`). Raises ValueError: the list."""
    wanted = called.strip().casefold().replace("_", "-")
    name = _CALLED.get(wanted) or _CALLED.get(wanted.partition("-")[0])
    if name is None:
        known = ", ".join(sorted(LANGUAGES))
        raise ValueError(f"there is no analyser for the language {called!r}; there is one for {known}")
    return name
