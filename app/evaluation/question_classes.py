"""Classes of questions made from those of a file by seeded scripts: said otherwise, with noise around, two in
one, and with one identifying word exchanged."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from app.evaluation.paraphrases import SYNONYMS
from app.evaluation.questions import Case, Catalogue, Place
from app.evaluation.variations import with_typos
from app.ranking.evidence import identifying, lacking

REWORDED, NOISY, COMPOUND, NEAR_MISS = "rewordings", "noise", "compound", "near misses"

_WORDINGS: Sequence[tuple[str, Sequence[str]]] = (
    (r"how (?:do|can|should|could|would) (?:i|we|you|one) (?P<x>.+)",
     ["What is the way to {x}", "Which steps does it take to {x}", "I want to {x}, how does that work"]),
    (r"how to (?P<x>.+)", ["What is the way to {x}", "How would I {x}", "I am trying to {x}. Any help"]),
    (r"(?:can|could|may) (?:i|we) (?P<x>.+)", ["Is it possible to {x}", "Am I allowed to {x}"]),
    (r"is it possible to (?P<x>.+)", ["Can I {x}", "Is there a way to {x}"]),
    (r"(?:do i|do we|must i) (?:need|have) to (?P<x>.+)", ["Is it necessary to {x}", "Must I {x}"]),
    (r"where (?:can|do) (?:i|we) (?P<x>.+)", ["At which place can I {x}", "Tell me where to {x}"]),
    (r"what (?:should|can|do) i do (?P<x>.+)", ["Which steps help {x}", "How do I go on {x}"]),
    (r"what (?:is|are) (?P<x>.+)", ["Could you explain {x}", "Tell me about {x}"]),
    (r"when (?:is|are|does|do|will|can) (?P<x>.+)", ["At what time: {x}", "Do you know the date: {x}"]),
    (r"why (?P<x>.+)", ["For what reason {x}", "What is the cause, why {x}"]),
)  # fmt: skip
_OTHERWISE = ["Could you tell me: {x}", "I have a question: {x}", "Please help me with this: {x}"]
_GREETINGS = ["Hi all,", "Hello team,", "Good morning!", "hey guys,", "Dear support,"]
_FILLERS = ["", "I hope you are all well.", "Sorry if this was asked before.", "um, so I was wondering,"]
_SIGNATURES = ["Thanks a lot!\nMaria", "Best regards\nTom Miller", "Cheers", "Thank you in advance.", ""]
_JOINTS = ["{one} {other}", "{one} And also: {other}", "1) {one}\n2) {other}", "{one}\n{other}"]
_UNKNOWN = ["Zendrix", "Quorvane", "Lumatek", "Brixalo", "Fendora", "Ostravik", "Tellumo", "Pyrolane"]

Made = Callable[[Case, random.Random], Case | None]


def classes(cases: Sequence[Case], catalogue: Catalogue, seed: int = 1) -> Mapping[str, Sequence[Case]]:
    """Each class with at most as many cases as there are; a case that a rule does not fit gives none."""

    def near_miss(case: Case, rng: random.Random) -> Case | None:
        return _near_miss(case, catalogue, rng)

    def compound(case: Case, rng: random.Random) -> Case | None:
        return _compound(case, cases, rng)

    rules: Mapping[str, Made] = {
        REWORDED: _reworded, NOISY: _noisy, COMPOUND: compound, NEAR_MISS: near_miss
    }  # fmt: skip
    found = {}
    for kind, rule in rules.items():
        made = (rule(case, random.Random(f"{seed} {kind} {case.text}")) for case in cases)  # noqa: S311
        found[kind] = [case for case in made if case is not None]
    return found


def _reworded(case: Case, rng: random.Random) -> Case:
    bare = case.text.strip().rstrip("?!. ")
    templates: Sequence[str] = _OTHERWISE
    x = bare
    for pattern, forms in _WORDINGS:
        if match := re.fullmatch(pattern, bare, re.IGNORECASE | re.DOTALL):
            templates, x = forms, match["x"]
            break
    text = rng.choice(templates).format(x=x)
    there = [word for word in SYNONYMS if re.search(rf"(?<![\w/.`_-]){word}(?![\w/._-])", text)]
    if there:
        word = rng.choice(there)
        text = re.sub(rf"(?<![\w/.`_-]){word}(?![\w/._-])", SYNONYMS[word], text)
    return replace(case, text=f"{text}?")


def _noisy(case: Case, rng: random.Random) -> Case:
    parts = [
        rng.choice(_GREETINGS),
        rng.choice(_FILLERS),
        with_typos(case.text, 0.2, 1),
        rng.choice(_SIGNATURES),
    ]
    return replace(case, text="\n\n".join(part for part in parts if part))


def _compound(case: Case, cases: Sequence[Case], rng: random.Random) -> Case | None:
    """With another question of the same collection, which another entry answers."""
    others = [each for each in rng.sample(cases, min(len(cases), 20))
              if each.collection == case.collection and not each.gold & case.gold]  # fmt: skip
    if not others:
        return None
    one, other = (f"{each.text.rstrip('?!. ')}?" for each in (case, others[0]))
    text = rng.choice(_JOINTS).format(one=one, other=other)
    return replace(case, text=text, gold=case.gold | others[0].gold)


def _near_miss(case: Case, catalogue: Catalogue, rng: random.Random) -> Case | None:
    """An identifying word that the answering entry holds, as another one: no entry answers this."""
    entries = [entry for place in case.gold for entry in catalogue.at(place)]
    missing = lacking(case.text, entries[0])
    held = [word for word in identifying(case.text) if word not in missing and word in case.text]
    if not held:
        return None
    word = rng.choice(held)
    text = case.text.replace(word, _another(word, rng))
    return replace(case, text=text, gold=frozenset[Place]())


def _another(word: str, rng: random.Random) -> str:
    if digits := list(re.finditer(r"\d+", word)):
        last = digits[-1]
        return f"{word[: last.start()]}{int(last.group()) + rng.choice([3, 7, 11])}{word[last.end() :]}"
    return rng.choice(_UNKNOWN)
