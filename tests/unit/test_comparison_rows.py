"""What the rows of a comparison are called, and what their records are known by."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.evaluation.comparison.rows import Row, extract_row, told_apart
from app.evaluation.questions import Catalogue
from app.settings import Settings
from tests.support.comparison import row
from tests.support.finder import entries


def names(groups: Sequence[Sequence[Row]]) -> list[list[str]]:
    return [[each.name for each in rows] for rows in told_apart(groups)]


def of_digest(digest: str) -> Row:
    one = row("embedded:model.gguf auto")
    assert one.facts
    return replace(one, key=digest, facts=replace(one.facts, digest=f"sha256:{digest}"))


def test_files_of_one_name_are_told_apart_by_their_digests() -> None:
    one, other = of_digest("0123456789"), of_digest("abcdefghij")
    extract = row("extract", model=False)
    assert names([[extract], [one]]) == [["extract"], ["embedded:model.gguf auto"]]
    found = names([[extract], [one], [other]])
    assert found == [
        ["extract"],
        ["embedded:model.gguf auto 01234567"],
        ["embedded:model.gguf auto abcdefgh"],
    ]


def test_a_model_that_is_named_twice_has_one_row() -> None:
    one = of_digest("0123456789")
    assert names([[one], [replace(one)]]) == [["embedded:model.gguf auto"], []]


@pytest.mark.parametrize(
    "changed",
    [
        {"embedder_prefix": "query: "},
        {"embedder_entry_prefix": "passage: "},
        {"embedder_pooling": "cls"},
        {"embedder_tokens": 256},
        {"first_token_timeout": 1.0},
        {"generate_timeout": 1.0},
    ],
)
def test_what_decides_an_answer_is_in_the_key(changed: dict[str, object]) -> None:
    catalogue = Catalogue(entries("What?"))
    plain = extract_row(Settings(), catalogue).key
    assert extract_row(Settings(), catalogue).key == plain
    assert extract_row(Settings().model_copy(update=changed), catalogue).key != plain


def test_the_key_knows_what_the_synonyms_are(tmp_path: Path) -> None:
    catalogue, file = Catalogue(entries("What?")), tmp_path / "synonyms.txt"
    settings = Settings(synonyms=file)
    file.write_text("fee, price\n", "utf-8")
    before = extract_row(settings, catalogue).key
    file.write_text("fee, cost\n", "utf-8")
    assert extract_row(settings, catalogue).key != before
