"""Seeded changes of one word that says how much, how often, when, whether or for whom."""

import random
import re
from collections.abc import Callable, Mapping

_NOT = re.compile(
    r"\b(?:do not|does not|is not|are not|cannot|can't|don't|doesn't|isn't|won't|not|never)\b", re.IGNORECASE
)
_POSITIVE = {
    "cannot": "can",
    "can't": "can",
    "don't": "do",
    "doesn't": "does",
    "isn't": "is",
    "won't": "will",
}
_AUXILIARY = re.compile(r"\b(?:is|are|can|will|should|must|do|does|have|has|was)\b")
_TURNS = {
    "opposite": """
        enable: disable; disable: enable; start: stop; stop: start; install: uninstall; add: remove;
        remove: add; open: close; up: down; first: last; more: less; required: optional; minimum: maximum;
        with: without; without: with; allowed: forbidden; include: exclude; public: private; free: paid;
        increase: decrease; upload: download; download: upload; create: delete; delete: create; new: old;
        same: different; possible: impossible; available: unavailable; high: low; large: small; local: remote;
        automatically: manually; true: false; push: pull; import: export; on: off; correct: wrong
        """,
    "order": "before: after; after: before; until: from; since: until; during: after; as soon as: before",
    "bound": """
        at least: at most; at most: at least; up to: at least; more than: less than; less than: more than;
        no more than: no less than; over: under; exactly: about; around: at least; about: at most;
        within: after
        """,
    "quantity": """
        all: some; every: some; each: some; any: no; some: all; most: few; both: neither; everything: nothing;
        many: few; several: all; everyone: nobody; a few: all; only one: any; whole: half
        """,
    "modality": """
        must: may; have to: may; need to: may; should: must not; can: must; may: must; required to: free to;
        might: will; could: must; optional: required; recommended: forbidden; will: may
        """,
    "frequency": """
        always: never; never: always; usually: rarely; often: rarely; sometimes: always; always: sometimes;
        generally: never; normally: rarely; once: twice; regularly: rarely; mostly: rarely
        """,
    "exception": """
        only: ; except: including; unless: if; if: unless; even if: unless; except for: including;
        other than: including; instead of: and; excluding: including; if: even if; not only: only
        """,
}
_SOFT = """
    fails to; refuses to; does no longer; is unable to; never manages to
"""
_VERB = re.compile(r"\b(?:it|this|that|which|[A-Z]\w+) (?P<verb>(?!was|is|has|does|this)[a-z]{3,}s)\b")

Rule = Callable[[str, random.Random], str | None]


def _negation(text: str, rng: random.Random) -> str | None:
    if match := _NOT.search(text):
        word = match.group().casefold()
        positive = _POSITIVE.get(word, word.removesuffix("not").removesuffix("never").strip())
        return f"{text[: match.start()]}{positive}{text[match.end() :]}".replace("  ", " ").strip()
    auxiliary = _AUXILIARY.search(text)
    return f"{text[: auxiliary.end()]} not{text[auxiliary.end() :]}" if auxiliary else None


def _soft_negation(text: str, rng: random.Random) -> str | None:
    """It works: it fails to work. A verb that negates stands in or is taken out."""
    if match := re.search(r"\b(?:fails?|refuses?|is unable|no longer|are unable) (?:to )?", text):
        return (text[: match.start()] + text[match.end() :]).replace("  ", " ")
    if match := re.search(r"\b(?:You|you|We|we|They|they) (?:can|will|could) (?=[a-z])", text):
        return text[: match.end()] + "no longer " + text[match.end() :]
    verbs = list(_VERB.finditer(text))
    if not verbs:
        return None
    verb = rng.choice(verbs)
    said = rng.choice([each.strip() for each in _SOFT.split(";")])
    return text[: verb.start("verb")] + f"{said} {_infinitive(verb['verb'])}" + text[verb.end() :]


def _infinitive(verb: str) -> str:
    if verb.endswith("ies"):
        return verb[:-3] + "y"
    return verb[:-2] if verb.endswith(("sses", "shes", "ches", "xes", "oes")) else verb[:-1]


def _turned(kind: str, pairs: str) -> Rule:
    behind = r"(?=\s\w*\s?\d|\s(?:one|two|three|four|five|six|ten|half)\b)" if kind == "bound" else ""
    turns = [
        pair.strip().partition(": ")[::2]
        for pair in " ".join(pairs.split()).replace(": ;", ":  ;").split(";")
    ]

    def turn(text: str, rng: random.Random) -> str | None:
        for word, other in rng.sample(turns, len(turns)):
            found = list(re.finditer(rf"(?<![\w/.`_-])(?i:{word.strip()})(?![\w/_-]){behind}", text))
            if found:
                match = rng.choice(found)
                said = other.strip()
                if match.group()[:1].isupper():
                    said = said[:1].upper() + said[1:]
                return f"{text[: match.start()]}{said}{text[match.end() :]}".replace("  ", " ").strip()
        return None

    return turn


WORDS: Mapping[str, Rule] = {
    "negation": _negation,
    "soft negation": _soft_negation,
    **{kind: _turned(kind, pairs) for kind, pairs in _TURNS.items()},
}
