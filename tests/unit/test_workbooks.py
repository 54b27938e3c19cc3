"""Merged cells and hidden sheets of workbooks."""

import time
import tracemalloc
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import xlsxwriter  # type: ignore[import-untyped]

from app.errors import BadFaqFile
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
