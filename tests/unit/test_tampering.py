"""The checks against seeded tampering of the sample FAQ, and of other data where ASKD_DEV_DATA names it."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from app.answering.checks.verification import Verifier
from app.domain import FaqEntry, Support
from app.evaluation.paraphrases import paraphrases
from app.evaluation.tampering import tampered, whole_sentences
from app.ranking.text import WordCounter, entry_words

FILES = [
    Path("app/sample/faq.json"),
    *([Path(folder) / "documents.json"] if (folder := os.environ.get("ASKD_DEV_DATA")) else []),
]
EACH = 500
CAUGHT = {
    "number": 0.96,
    "number word": 0.9,
    "unit": 0.9,
    "swapped numbers": 0.85,
    "negation": 0.95,
    "opposite": 0.9,
    "command": 0.95,
    "link": 0.95,
    "name": 0.9,
}


def faq(path: Path) -> list[FaqEntry]:
    found = json.loads(path.read_text("utf-8"))
    records = [record for each in found for record in each.get("documents", [each])]
    return [
        FaqEntry(str(at), "faq", each["question"], each.get("answer") or each["text"])
        for at, each in enumerate(records)
    ]


@pytest.fixture(scope="module", params=FILES, ids=str)
def entries(request: pytest.FixtureRequest) -> list[FaqEntry]:
    return faq(request.param)


@pytest.fixture(scope="module")
def flagged(entries: list[FaqEntry]) -> "Flagged":
    return Flagged(entries)


class Flagged:
    def __init__(self, entries: list[FaqEntry]) -> None:
        counter = WordCounter()
        for entry in entries:
            counter.add(entry_words(entry))
        self.statistics = counter.statistics()

    def __call__(self, entry: FaqEntry, text: str) -> bool:
        verdict = Verifier({1: entry}, self.statistics, entry.question).judge(text)
        return verdict.sentence.support is Support.UNMATCHED


def test_every_kind_of_tampering_is_caught(entries: list[FaqEntry], flagged: Flagged) -> None:
    made, caught = Counter[str](), Counter[str]()
    for each in tampered(entries, EACH):
        made[each.kind] += 1
        caught[each.kind] += flagged(each.entry, each.text)
    assert made.keys() == CAUGHT.keys()
    shares = {kind: caught[kind] / made[kind] for kind in made}
    assert not {kind: share for kind, share in shares.items() if share < CAUGHT[kind]}


def test_paraphrases_are_left_alone(entries: list[FaqEntry], flagged: Flagged) -> None:
    wrong = [flagged(each.entry, each.text) for each in paraphrases(entries, 100)]
    assert len(wrong) >= 200
    assert sum(wrong) <= 0.12 * len(wrong)


def test_an_entrys_own_sentences_are_quoted(entries: list[FaqEntry], flagged: Flagged) -> None:
    assert not [text for entry in entries for text in whole_sentences(entry) if flagged(entry, text)]
