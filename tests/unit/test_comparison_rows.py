"""What the rows of a comparison are called, and what their records are known by."""

from collections.abc import Sequence
from dataclasses import replace

from app.evaluation.comparison.rows import Row, told_apart
from tests.support.comparison import row


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
    assert found == [["extract"], ["embedded:model.gguf auto 01234567"], ["embedded:model.gguf auto abcdefgh"]]


def test_a_model_that_is_named_twice_has_one_row() -> None:
    one = of_digest("0123456789")
    assert names([[one], [replace(one)]]) == [["embedded:model.gguf auto"], []]
