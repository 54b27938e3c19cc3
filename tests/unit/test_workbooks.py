"""Merged cells, hidden sheets and far cells of workbooks."""

import time
import tracemalloc
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import xlsxwriter  # type: ignore[import-untyped]

from app.errors import BadFaqFile
from app.ingest.formats.sheet_details import sheet_details
from app.ingest.survey import Survey, survey

HEADER = ["section", "question", "answer"]


def written(folder: Path, rows: Sequence[Sequence[str]], merged: Sequence[str] = ()) -> Path:
    path, whole = folder / "plain.xlsx", folder / "faq.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    # not by the library, which refuses cells that are merged twice
    cells = "".join(f'<mergeCell ref="{one}"/>' for one in merged)
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as out:
        for name in plain.namelist():
            text = plain.read(name)
            if name == "xl/worksheets/sheet1.xml" and merged:
                text = text.replace(b"</sheetData>", f"</sheetData><mergeCells>{cells}</mergeCells>".encode())
            out.writestr(name, text)
    return whole


def read(path: Path) -> Survey:
    return survey([path], collection=None, strict=False)


def test_an_empty_row_in_a_merged_cell_is_skipped(tmp_path: Path) -> None:
    rows = [HEADER, ["Pay", "How?", "So."], [], ["", "Why?", "Thus."], ["Ship", "Who?", "We."]]
    found = read(written(tmp_path, rows, ["A2:A4"]))
    assert not found.bad
    assert [(entry.section, entry.question) for entry in found.entries()] == [
        ("Pay", "How?"),
        ("Pay", "Why?"),
        ("Ship", "Who?"),
    ]


def test_a_merged_cell_counts_below_the_ten_thousandth_row(tmp_path: Path) -> None:
    rows = [HEADER, *(["" if number else "Pay", f"How {number}?", "So."] for number in range(10_500))]
    found = read(written(tmp_path, rows, ["A2:A10501"]))
    assert {entry.section for entry in found.entries()} == {"Pay"}


def test_many_merged_cells_far_beyond_the_sheet_cost_little(tmp_path: Path) -> None:
    path = written(tmp_path, [HEADER, ["Pay", "How?", "So."]], ["A2:A1000000"] * 300)
    start = time.process_time()
    tracemalloc.start()
    try:
        assert len(list(read(path).entries())) == 1
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.process_time() - start < 1
    assert most < 20 * 2**20


def test_a_workbook_of_hidden_sheets_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = written(tmp_path, [HEADER, ["Pay", "How?", "So."]])
    hidden = tmp_path / "hidden.xlsx"
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(hidden, "w") as out:
        for name in plain.namelist():
            out.writestr(name, plain.read(name).replace(b'sheetId="1"', b'sheetId="1" state="hidden"'))
    with pytest.raises(BadFaqFile, match="all sheets of the workbook are hidden"):
        read(hidden)


PREFIXED = [(b"<c ", b"<x:c "), (b"</c>", b"</x:c>"), (b"<worksheet ", b'<worksheet xmlns:x="x" ')]


@pytest.mark.parametrize(
    "changes",
    [
        [(b'r="B2"', b"r='XFD20000'")],
        [(b'r="B2"', b'r="XFD20000"'), *PREFIXED],
        [(b'r="B2"', b'r="xfd20000"')],
        [(b'r="B2"', b'r="XFD000000020000"')],
        [(b'r="B2"', b'r = "XFD20000"')],
        [(b'r="B2"', b""), (b'<row r="2"', b"<row r='6000000'")],
    ],
)
def test_a_far_cell_is_refused_however_it_is_written(
    changes: Sequence[tuple[bytes, bytes]], tmp_path: Path
) -> None:
    path = changed(written(tmp_path, [["question", "answer"], ["How?", "So."]]), changes)
    with path.open("rb") as file, pytest.raises(BadFaqFile, match="more than 5,000,000"):
        sheet_details(file)


def test_a_sheet_in_an_encoding_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = changed(written(tmp_path, [["question", "answer"], ["How?", "So."]]), [(b'"UTF-8"', b'"TF-8"')])
    with path.open("rb") as file, pytest.raises(BadFaqFile, match="not XML that can be read"):
        sheet_details(file)


def test_entities_of_a_sheet_are_not_expanded(tmp_path: Path) -> None:
    declared = [(b"<worksheet ", b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet ')]
    with pytest.raises(BadFaqFile, match="declares a document type"):
        read(changed(written(tmp_path, [HEADER]), declared))


def test_the_details_of_a_sheet_are_found_however_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["question", "answer"])
        sheet.write_url(1, 1, "https://a.example/b?c=1&d=2", string="Here")
        sheet.write_formula(2, 1, '=HYPERLINK("https://c.example","There")', None, "There")
        sheet.write_formula(3, 1, "=1+1", None, "")
        sheet.write_number(4, 1, 0.5, workbook.add_format({"num_format": "0%"}))
        sheet.set_row(4, None, None, {"hidden": True})
    single = [(b'r="B5"', b"r='B5'"), (b' hidden="1"', b" hidden='1'"), *PREFIXED]
    for one in (path, changed(path, single)):
        with one.open("rb") as file:
            (found,) = sheet_details(file).values()
        assert found.links == {(1, 1): "https://a.example/b?c=1&d=2", (2, 1): "https://c.example"}
        assert found.not_calculated == {(3, 1)}
        assert list(found.formats) == [(4, 1)]
        assert found.hidden_rows == {4}


def changed(path: Path, changes: Sequence[tuple[bytes, bytes]]) -> Path:
    """With the XML of its first sheet written in another way."""
    whole = path.with_name("changed.xlsx")
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as out:
        for name in plain.namelist():
            content = plain.read(name)
            if name == "xl/worksheets/sheet1.xml":
                for old, new in changes:
                    assert old in content
                    content = content.replace(old, new)
            out.writestr(name, content)
    return whole
