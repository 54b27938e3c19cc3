"""Seeded changes of FAQ sentences, through the pipeline as answers of a model; the sample FAQ, and other data
where ASKD_DEV_DATA names it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.answering.retrieval import Retrieval
from app.domain import FaqEntry
from app.evaluation.answer_check import (
    PARAPHRASED,
    STRICT,
    VERBATIM,
    AnswerCheck,
    Checked,
    check,
    sentences_to_check,
)
from app.indexes.memory import MemoryIndex
from app.wiring import scripted_model

pytestmark = pytest.mark.anyio
FILES = [
    Path("app/sample/faq.json"),
    *([Path(folder) / "documents.json"] if (folder := os.environ.get("ASKD_DEV_DATA")) else []),
]
EACH = 20  # of every kind, to be quick; `askd eval answers --tampering 500` counts more
NUMBERS = {"number", "magnitude", "number word", "ordinal", "unit", "version", "range", "swapped numbers"}
LEAST = {
    **dict.fromkeys(NUMBERS, 0.96),
    "date": 0.95,
    **dict.fromkeys(["command", "flag", "path", "link"], 0.95),
    "host or port": 0.9,
    **dict.fromkeys(["name", "sibling name"], 0.9),
    "negation": 0.95,
    **dict.fromkeys(["opposite", "soft negation", "order", "bound", "quantity", "modality"], 0.9),
    **dict.fromkeys(["frequency", "exception"], 0.9),
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
async def found(anyio_backend: str, entries: list[FaqEntry]) -> Mapping[str, Checked]:
    retrieval = Retrieval(MemoryIndex(entries))
    return await check(
        AnswerCheck(retrieval, scripted_model), sentences_to_check(entries, EACH), lambda count: None
    )


async def test_every_kind_of_tampering_is_caught(found: Mapping[str, Checked]) -> None:
    missed = {kind: of for kind, of in found.items() if kind in LEAST and of.share < LEAST[kind] - 1 / EACH}
    assert not missed  # of so few one may be chance
    assert found["number"].sentences == found["command"].sentences == EACH


async def test_paraphrases_and_an_entrys_own_sentences_are_left_alone(found: Mapping[str, Checked]) -> None:
    assert found[VERBATIM].caught == 0
    assert found[PARAPHRASED].share <= 0.06


async def test_the_strict_check_leaves_them_alone_as_well(entries: list[FaqEntry]) -> None:
    said = [each for each in sentences_to_check(entries, EACH) if each.kind in (VERBATIM, PARAPHRASED)][::3]
    found = await check(
        AnswerCheck(Retrieval(MemoryIndex(entries)), scripted_model, STRICT), said, lambda count: None
    )
    assert found[VERBATIM].caught == 0
    assert found[PARAPHRASED].share <= 0.12
