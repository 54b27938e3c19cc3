"""Sentences of a FAQ said in other words by seeded rules: none of them may be taken for a changed one."""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.domain import FaqEntry
from app.evaluation.changed_facts import NAME
from app.evaluation.tampering import whole_sentences


def _pairs(text: str) -> dict[str, str]:
    pairs = [pair.split(": ") for pair in " ".join(text.split()).split("; ")]
    return dict(pairs)


_SYNONYMS_TEXT = """
use: employ; make sure: ensure; need to: have to; error: problem; fix: solve; get: obtain; try: attempt;
check: verify; show: display; buy: purchase; help: assist; create: make; also: additionally; currently: at
the moment; allows: lets; should: ought to; must: have to; big: large; because: as; want: wish; choose:
select; delete: erase; change: modify; issue: problem; instead of: rather than; find: locate; finish:
complete; begin: start; several: multiple; need: require; answer: reply; folder: directory; send:
transmit; probably: likely; about: roughly; receive: get; provide: give; solution: remedy
"""
SYNONYMS = _pairs(_SYNONYMS_TEXT)
_PARTICIPLES_TEXT = """
use: used; run: run; install: installed; add: added; create: created; change: changed; download:
downloaded; set: set; find: found; see: seen; check: checked; make: made; write: written; send: sent;
submit: submitted; join: joined; do: done; open: opened; remove: removed; delete: deleted; update:
updated; start: started; stop: stopped; read: read; copy: copied; build: built; get: obtained; keep: kept;
return: returned
"""
_PARTICIPLES = _pairs(_PARTICIPLES_TEXT)
_ACTIVE = re.compile(
    r"\b(?P<who>You|you|We|we) (?P<aux>can|should|must|may|need to|have to) "
    rf"(?P<verb>{'|'.join(_PARTICIPLES)}) "
    r"(?P<object>(?:the|a|an|your|this|these|any|all) [\w'`./-]+(?: [\w'`./-]+){0,2}?)"
    r"(?P<rest>[.,;:]| (?:with|in|on|from|by|to|at|for|and|or|as|if|using)\b)"
)
_CONDITION = re.compile(
    r"^(?P<condition>(?:If|When|Once|After|Before|Because|Since|For|In|On|With|To)\b[^,]{6,80}), "
    r"(?P<main>[^,]{8,}[^.,:])(?P<stop>\.?)$"
)
_BEHIND = re.compile(
    r"^(?P<main>[A-Z][^,:;]{8,80}?) "
    r"(?P<condition>(?:if|when|once|because|since|until|unless) [^,:;]{6,}?)(?P<stop>\.?)$"
)
_PRONOUN = re.compile(
    r"^(?:It|This|That) (?=(?:is|can|will|should|has|does|means|happens|works|takes|was)\b)"
)

Rule = Callable[[Sequence[str], int, FaqEntry, random.Random], str | None]


@dataclass(frozen=True, slots=True)
class Paraphrase:
    kind: str
    entry: FaqEntry
    text: str


def paraphrases(entries: Sequence[FaqEntry], each: int, seed: int = 0) -> Iterator[Paraphrase]:
    """Up to `each` of every kind."""
    told = [
        (entry, found, at)
        for entry in entries
        for found in [whole_sentences(entry)]
        for at in range(len(found))
    ]
    for kind, rule in RULES.items():
        rng = random.Random(f"{seed} {kind}")  # noqa: S311 (a test set, no secret)
        made = 0
        for entry, found, at in rng.sample(told, len(told)):
            text = rule(found, at, entry, rng)
            if text and text != found[at] and made < each:
                made += 1
                yield Paraphrase(kind, entry, text)


def _synonym(found: Sequence[str], at: int, entry: FaqEntry, rng: random.Random) -> str | None:
    there = [word for word in SYNONYMS if re.search(rf"(?<![\w/.`_-]){word}(?![\w/._-])", found[at])]
    if not there:
        return None
    word = rng.choice(there)
    return re.sub(rf"(?<![\w/.`_-]){word}(?![\w/._-])", SYNONYMS[word], found[at])


def _reordered(found: Sequence[str], at: int, entry: FaqEntry, rng: random.Random) -> str | None:
    if match := _CONDITION.match(found[at]):
        return f"{_raised(match['main'])} {_lowered(match['condition'])}{match['stop']}"
    if match := _BEHIND.match(found[at]):
        return f"{_raised(match['condition'])}, {_lowered(match['main'])}{match['stop']}"
    return None


def _joined(found: Sequence[str], at: int, entry: FaqEntry, rng: random.Random) -> str | None:
    pair = list(pairwise(found))[at : at + 1]
    if not pair or not pair[0][0].endswith(".") or len(" ".join(pair[0]).split()) > 40:
        return None
    one, other = pair[0]
    return f"{one[:-1]}{rng.choice([', and ', '; ', ' and '])}{_lowered(other)}"


def _passive(found: Sequence[str], at: int, entry: FaqEntry, rng: random.Random) -> str | None:
    match = _ACTIVE.search(found[at])
    if not match:
        return None
    auxiliary = {"need to": "needs to", "have to": "has to"}.get(match["aux"], match["aux"])
    start = found[at][: match.start()]
    what = _raised(match["object"]) if not start else match["object"]
    return (
        f"{start}{what} {auxiliary} be {_PARTICIPLES[match['verb']]}{match['rest']}{found[at][match.end() :]}"
    )


def _resolved(found: Sequence[str], at: int, entry: FaqEntry, rng: random.Random) -> str | None:
    names = NAME.findall(entry.question) or NAME.findall(" ".join(found))
    return _PRONOUN.sub(f"{names[0]} ", found[at]) if names and _PRONOUN.match(found[at]) else None


def _begun(found: Sequence[str], at: int, entry: FaqEntry, rng: random.Random) -> str | None:
    if re.match(r"(?:yes|no)\b|[-*\d`]", found[at], re.IGNORECASE):
        return None
    return rng.choice(["In short, ", "To do so, ", "Please note that ", "So, "]) + _lowered(found[at])


def _lowered(text: str) -> str:
    return (
        text
        if (len(text) > 1 and text[1].isupper()) or text.startswith(("I ", "I'"))
        else text[:1].lower() + text[1:]
    )


def _raised(text: str) -> str:
    return text[:1].upper() + text[1:]


RULES: Mapping[str, Rule] = {
    "synonym": _synonym,
    "reordered": _reordered,
    "joined": _joined,
    "passive": _passive,
    "pronoun resolved": _resolved,
    "begun otherwise": _begun,
}
