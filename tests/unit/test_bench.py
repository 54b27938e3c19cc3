"""The measurements are made by hand now and then: they must still work by then."""

import json
from pathlib import Path

from tools.bench.index_scale import main
from tools.bench.synthetic import SyntheticFaq


def test_the_synthetic_faq_is_the_same_each_time_and_counted_right() -> None:
    faq = SyntheticFaq(53)
    records = list(faq.records())
    again = list(SyntheticFaq(53).records())
    assert [record.entry for record in records] == [record.entry for record in again]
    counted = [record.entry.collection for record in records]
    assert {name: counted.count(name) for name in counted} == faq.collections


def test_the_growth_is_measured_and_plotted_for_each_size(tmp_path: Path) -> None:
    main(sizes="20,60", engines="embedded", out=tmp_path)
    rows = json.loads((tmp_path / "index_scale.json").read_text())
    assert [(row["engine"], row["entries"], row["vectors"]) for row in rows] == [
        ("embedded", 20, "flat"),
        ("embedded", 60, "flat"),
    ]
    assert all(row["search_p99_ms"] >= row["search_p50_ms"] > 0 for row in rows)
    page = (tmp_path / "index_scale.html").read_text()
    assert "search p50, ms" in page
    assert "<script src=" not in page
