from pathlib import Path

from tests.support.large_ingest import peak_of_ingest


def test_a_hundred_thousand_entries_take_little_memory(tmp_path: Path) -> None:
    assert peak_of_ingest(tmp_path, entries=100_000, sentences=15) < 300
