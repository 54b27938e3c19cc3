"""The page, the plot and the sheet of a comparison."""

import csv
import io
import re
from xml.etree import ElementTree

import orjson
import pytest

from app.domain import Origin, Status
from app.evaluation.comparison.found import FoundComparison, as_json, found, sheet
from app.evaluation.comparison.plot import Point, pareto_plot
from app.evaluation.comparison.records import Records, case_digest
from app.evaluation.comparison.report import comparison_page, quality_plot
from app.evaluation.comparison.words import seconds
from app.evaluation.questions import Case, Catalogue, place_of
from tests.support.comparison import record, row
from tests.support.finder import entries

ABOUT = {"command": "askd compare faq.json <questions>"}


def compared(questions: int) -> FoundComparison:
    (entry,) = entries("<Where>?")
    cases = [Case(f"Question {at}?", "course", frozenset({place_of(entry)})) for at in range(questions)]
    rows = [row("extract", model=False), row("tiny auto"), row("tiny free")]
    records = Records(io.BytesIO())
    for each in rows:
        for at, case in enumerate(cases):
            for removed in (False, True):
                written = each.name == "tiny free" and at % 2 == 0
                records.add(
                    record(
                        row=each.key,
                        case=case_digest(case),
                        removed=removed,
                        text=f"<b>{each.name} says {at}</b>",
                        origin=Origin.GENERATED if written else Origin.QUOTED,
                        passed=not written or at % 4 == 0,
                        whole=10.0 if each.facts is None else 400.0 + at,
                        memory=300_000_000,
                    )
                )
    return found(rows, cases, Catalogue([entry]), records)


def test_the_page_loads_nothing_and_shows_answers_side_by_side() -> None:
    page = comparison_page(ABOUT, compared(60))
    assert "<script src" not in page
    assert not re.findall(r"(?:src|href|action)\s*=|@import|url\(", page)
    addresses = set(re.findall(r"https?://[^\s\"<]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, which is not fetched
    assert "&lt;questions&gt;" in page
    assert "<b>" not in page
    assert page.count("<h3>") == 20
    assert page.count("&lt;b&gt;tiny auto says") == 20
    assert "no difference shown" in page
    assert len(page) < 200_000


def test_nothing_is_ranked_under_fifty_questions() -> None:
    few, many = compared(49), compared(50)
    assert (few.ranked, many.ranked) == (False, True)
    assert (few.front, bool(many.front)) == (frozenset(), True)
    page = comparison_page(ABOUT, few)
    assert "Fewer than 50 questions" in page
    assert not re.search(r">(?:better|worse|no difference shown)<", page)
    assert re.search(r">(?:better|worse|no difference shown)<", comparison_page(ABOUT, many))
    assert "polyline" not in quality_plot(few)
    told = [orjson.loads(orjson.dumps(as_json(of)))["differences"] for of in (few, many)]
    assert {each["shown"] for each in told[0]} == {None}
    assert {each["shown"] for each in told[1]} <= {True, False}


@pytest.mark.parametrize(
    ("ms", "said"),
    [(4, "0.004"), (1234, "1.2"), (9_960, "10"), (42_400, "42"), (99_600, "100"), (123_000, "123")],
)
def test_seconds_are_never_written_with_an_exponent(ms: float, said: str) -> None:
    assert seconds(ms) == said


def test_the_sheet_has_twenty_answers_that_passed_in_each_models_own_words() -> None:
    rows = list(csv.DictReader(io.StringIO(sheet(compared(100)))))
    assert {of["row"] for of in rows} == {"tiny free"}
    assert len(rows) == 20
    for of in rows:
        number = int(re.search(r"\d+", of["question"])[0])  # type: ignore[index]
        assert number % 4 == 0
        assert of["answer"] == f"<b>tiny free says {number}</b>"
        assert of["what the FAQ says"] == "Here."
        assert of["supported by the FAQ? (yes, no)"] == ""
    assert sheet(compared(8)).count("tiny free says") == 2


def test_a_question_without_a_record_is_not_passed_over() -> None:
    case = Case("What?", gold=frozenset({place_of(entries("What?")[0])}))
    with pytest.raises(LookupError):
        found([row("tiny")], [case], Catalogue(entries("What?")), Records(io.BytesIO()))


def test_a_failed_answer_is_told() -> None:
    (entry,) = entries("Where?")
    case = Case("Where?", gold=frozenset({place_of(entry)}))
    records, tiny = Records(io.BytesIO()), row("tiny")
    for removed in (False, True):
        failed = record(row="tiny", case=case_digest(case), removed=removed, status=None, first_text=None)
        records.add(failed)
    of = found([tiny], [case], Catalogue([entry]), records)
    assert of.rows[tiny].first_text_ms is None
    assert "failed<br>" in comparison_page(ABOUT, of)
    assert Status.ANSWERED not in {each.status for each in of.samples[0].answers.values()}


# --- the plot ----------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def drawn(points: list[Point]) -> ElementTree.Element:
    return ElementTree.fromstring(pareto_plot(points, x="time <s>", y="share & more"))


def at(plot: ElementTree.Element) -> list[tuple[float, float, float]]:
    return [tuple(float(of.attrib[name]) for name in ("cx", "cy", "r")) for of in plot.iter(f"{SVG}circle")]  # type: ignore[misc]


def test_slower_is_to_the_right_better_is_above_and_more_memory_is_larger() -> None:
    quick = Point("quick <1>", 0.02, 0.5, 0.4, 0.6, memory=200_000_000)
    good = Point("good", 4.0, 0.9, 0.8, 1.0, memory=2_000_000_000)
    (quick_x, quick_y, quick_r), (good_x, good_y, good_r) = at(drawn([quick, good]))
    assert quick_x < good_x
    assert quick_y > good_y
    assert quick_r < good_r
    middle = at(drawn([quick, Point("middle", 0.2828, 0.7, 0.6, 0.8), good]))[1][0]
    assert middle == pytest.approx((quick_x + good_x) / 2, abs=0.2)  # the scale is logarithmic


def test_labels_cover_no_disc_and_no_other_label() -> None:
    points = [Point(f"model number {n}", 1.0 + n / 50, 0.8 + n / 500, 0.7, 0.9) for n in range(6)]
    labels = [of for of in drawn(points).iter(f"{SVG}text") if (of.text or "").startswith("model")]
    assert len(labels) == 6
    wide = 80  # at least
    boxes = []
    for of in labels:
        left = float(of.attrib["x"]) - (wide if of.attrib["text-anchor"] == "end" else 0)
        boxes.append((left, float(of.attrib["y"])))
    for one in range(6):
        for other in range(one):
            (left, base), (other_left, other_base) = boxes[one], boxes[other]
            assert abs(base - other_base) >= 13 or abs(left - other_left) >= wide


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_points_at_the_edges_stay_in_the_frame(share: float) -> None:
    ((x, y, radius),) = at(drawn([Point("a model with a rather long name", 0.001, share, share, share)]))
    assert 0 < x - radius < x + radius < 760
    assert 0 < y - radius < y + radius < 430
