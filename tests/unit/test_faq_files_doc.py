"""Every example of docs/faq-files.md is read."""

import re
from pathlib import Path

import pytest

from app.ingest.survey import survey

EXAMPLES = re.findall(r"^```(\w+)\n(.*?)^```$", Path("docs/faq-files.md").read_text("utf-8"), re.M | re.S)


@pytest.mark.parametrize(("suffix", "text"), EXAMPLES, ids=[suffix for suffix, _ in EXAMPLES])
def test_an_example_is_read(suffix: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / f"faq.{suffix}"
    path.write_text(text, "utf-8")
    found = survey([path], collection=None, strict=True)
    assert sum(found.collections.values()) >= 1
    assert all(report.notes.unused == 0 for report in found.files)


def test_the_formats_have_examples() -> None:
    assert {"csv", "json", "jsonl", "yaml", "jsonld", "markdown", "txt", "html", "md"} <= dict(
        EXAMPLES
    ).keys()
