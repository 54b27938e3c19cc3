"""The measurements are made by hand now and then: they must still work by then."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.domain import FaqEntry
from tools.bench.scale import __main__ as scale
from tools.bench.scale import queue
from tools.bench.scale.plot import growth
from tools.bench.scale.source import Source, make_source
from tools.bench.scale.synthetic import SyntheticFaq

ENTRIES = [
    FaqEntry("a", "shop", "How do I return an order?", "Send it back to us within thirty days.", "Returns"),
    FaqEntry("b", "shop", "Where is my parcel?", "The carrier shows where the parcel is, every hour."),
    FaqEntry("c", "shop", "Do you ship abroad?", "We ship to every country with a post office.", "Shipping"),
]


@pytest.fixture
def source() -> Source:
    vectors = np.random.default_rng(5).standard_normal((len(ENTRIES) + 40, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    asked = [entry.question for entry in ENTRIES] * 12
    return make_source(ENTRIES, list(vectors[:3]), asked, list(vectors[3:39]))


def test_a_synthetic_faq_is_the_same_each_time_and_counted_right(source: Source) -> None:
    faq = SyntheticFaq(source, 53)
    records, again = list(faq.records()), list(SyntheticFaq(source, 53).records())
    assert [record.entry for record in records] == [record.entry for record in again]
    counted = [record.entry.collection for record in records]
    assert {name: counted.count(name) for name in counted} == faq.collections
    [(_, vectors)] = faq.vectors()
    assert np.array_equal(vectors, np.array([record.vector for record in records]))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_synthetic_entries_have_the_lengths_and_mostly_the_words_of_the_source(source: Source) -> None:
    drawn = [record.entry for record in SyntheticFaq(source, 300).records()]
    assert {len(entry.answer.split()) for entry in drawn} == {8, 9}
    words = " ".join(entry.answer for entry in drawn).split()
    known = set(source.words.tolist())
    assert set(words) & known
    assert set(words) - known  # those the source does not have


def test_an_index_is_measured_step_by_step_and_removed(source: Source, tmp_path: Path) -> None:
    source.save(tmp_path / "source.npz")
    for step in (scale.ingest, scale.search, scale.recall):
        step("embedded", 60, out=tmp_path)
    scale.ingest("embedded", 20, out=tmp_path)
    small, large = json.loads((tmp_path / "scale.json").read_text())
    assert (small["entries"], large["entries"], large["vectors"]) == (20, 60, "flat")
    assert large["recall_at_10"] == 1.0
    assert set(large["search"]) == {"1", "4", "16", "64"}
    assert all(each["p99_ms"] >= each["p50_ms"] > 0 for each in large["search"].values())
    assert [len(curve.x) for curve in growth([small, large])["search"].data] == [1]  # what was searched
    scale.remove("embedded", 60, out=tmp_path)
    assert not (tmp_path / "embedded-60").exists()


def test_the_simulated_queue_serves_in_the_order_of_arrival() -> None:
    assert queue.simulated([0, 0, 0, 5], slots=2, service=1) == pytest.approx([1, 1, 2, 1])
    busy = queue.arrivals(rate=1.9, count=500)
    assert max(queue.simulated(busy, slots=2, service=1)) > max(queue.simulated(busy, slots=4, service=1))
