"""The languages that every search engine here can analyse, and what people call them.

A further language also needs stop words (stop_words.py) and fixed sentences (app/answering/phrases.py).
"""

# English name: its ISO 639 codes, and its own name.
_NAMES = {
    "arabic": ("ar", "ara", "العربية"),
    "chinese": ("zh", "zho", "中文"),
    "danish": ("da", "dan", "dansk"),
    "dutch": ("nl", "nld", "nederlands"),
    "english": ("en", "eng"),
    "finnish": ("fi", "fin", "suomi"),
    "french": ("fr", "fra", "français", "francais"),
    "german": ("de", "deu", "deutsch"),
    "hindi": ("hi", "hin", "हिन्दी"),
    "hungarian": ("hu", "hun", "magyar"),
    "italian": ("it", "ita", "italiano"),
    "japanese": ("ja", "jpn", "日本語"),
    "korean": ("ko", "kor", "한국어"),
    "norwegian": ("no", "nor", "nb", "nn", "norsk", "bokmål"),
    "polish": ("pl", "pol", "polski"),
    "portuguese": ("pt", "por", "português", "portugues"),
    "russian": ("ru", "rus", "русский"),
    "spanish": ("es", "spa", "español", "espanol"),
    "swedish": ("sv", "swe", "svenska"),
    "turkish": ("tr", "tur", "türkçe"),
    "ukrainian": ("uk", "ukr", "українська"),
}
LANGUAGES = frozenset(_NAMES)
# Without a stemmer in any engine: their words, and pairs of characters, are compared as they are.
UNSTEMMED = frozenset({"chinese", "japanese", "korean", "polish", "ukrainian"})
_CALLED = {called: name for name, others in _NAMES.items() for called in (name, *others)}


def language_named(called: str) -> str:
    """The English name, from any usual one (`German`, `de-AT`, `deutsch`). Raises ValueError: the list."""
    wanted = called.strip().casefold().replace("_", "-")
    name = _CALLED.get(wanted) or _CALLED.get(wanted.partition("-")[0])
    if name is None:
        known = ", ".join(sorted(LANGUAGES))
        raise ValueError(f"there is no analyser for the language {called!r}; there is one for {known}")
    return name
