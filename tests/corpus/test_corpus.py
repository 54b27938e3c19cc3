"""Every dialect and shape, as a small file: what is read of it is what golden.json says."""

import json
from pathlib import Path

import pytest

from tests.corpus.golden import GOLDEN, found_in, inputs

EXPECTED = json.loads(GOLDEN.read_text("utf-8"))


@pytest.mark.parametrize("path", inputs(), ids=lambda path: path.name)
def test_a_file_gives_what_was_expected(path: Path) -> None:
    assert found_in(path) == EXPECTED[path.name]


def test_the_corpus_is_whole() -> None:
    assert len(inputs()) >= 60
    assert {path.name for path in inputs()} == EXPECTED.keys()
