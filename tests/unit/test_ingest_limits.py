"""Bombs and ways out of the folder are refused by limits that are named."""

import gc
import gzip
import io
import json
import time
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import xlsxwriter  # type: ignore[import-untyped]

from app.errors import BadFaqFile
from app.ingest.survey import survey
from app.ranking.plain_text import plain


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(BadFaqFile) as caught:
        survey([path], collection=None, strict=False)
    return str(caught.value)


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = zipped({"faq.json": b"[" + b" " * 30_000_000})
    for name in ("a.zip", "a.xlsx", "a.docx"):
        assert "more than 200 times its size" in refusal(tmp_path / name, bomb)


def damaged(content: bytes) -> Iterator[bytes]:
    """Each byte changed, and the end cut off at each byte."""
    for position in range(len(content)):
        for value in (0, 0xFF):
            yield content[:position] + bytes([value]) + content[position + 1 :]
        yield content[:position]


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_damaged_zip_is_refused_and_closed(method: int, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("faq.csv", "question,answer\nHow long?,Three days\n")
    path = tmp_path / "a.zip"
    warnings.simplefilter("error")
    for content in damaged(out.getvalue()):
        path.write_bytes(content)
        with suppress(BadFaqFile):
            list(survey([path], collection=None, strict=False).entries())
    gc.collect()  # a file left open fails the test here


def test_a_workbook_in_a_damaged_zip_is_refused_and_closed(tmp_path: Path) -> None:
    workbook = io.BytesIO()
    with xlsxwriter.Workbook(workbook) as book:
        book.add_worksheet().write_row(0, 0, ("question", "answer"))
    whole = zipped({"faq.xlsx": workbook.getvalue()})
    path = tmp_path / "a.zip"
    for position in range(0, len(whole), 40):
        path.write_bytes(whole[:position] + b"\xff" + whole[position + 1 :])
        with suppress(BadFaqFile):
            list(survey([path], collection=None, strict=False).entries())
    gc.collect()


def test_a_gzip_bomb_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(b"question,answer\n" + b"a,b\n" * 10_000_000)
    assert "more than 200 times its size" in refusal(tmp_path / "a.csv.gz", bomb)


@pytest.mark.parametrize("name", ["../faq.json", "/faq.json", "a/../../faq.json", "..\\faq.json"])
def test_an_archive_stays_within_itself(tmp_path: Path, name: str) -> None:
    assert "would leave the archive" in refusal(tmp_path / "a.zip", zipped({name: b"[]"}))


def test_yaml_aliases_are_bounded(tmp_path: Path) -> None:
    lines = ["- &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "100,000 nodes" in refusal(tmp_path / "a.yaml", "\n".join(lines).encode())
    assert "refers to itself" in refusal(tmp_path / "a.yaml", b"&a [*a]")


def test_yaml_makes_no_objects(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text('- question: "Q?"\n  answer: !!python/object/apply:os.system ["true"]\n')
    with pytest.raises(BadFaqFile):
        survey([path], collection=None, strict=True)


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_nesting_is_bounded(tmp_path: Path, name: str) -> None:
    assert "nest" in refusal(tmp_path / name, b"[" * 5000)


def test_one_value_is_bounded(tmp_path: Path) -> None:
    content = b'[{"question": "q", "answer": "' + b"x" * 17_000_000 + b'"}]'
    assert "a value is longer than 16,777,216 characters" in refusal(tmp_path / "a.json", content)


def test_deep_html_is_told(tmp_path: Path) -> None:
    content = "question,answer\nQ?," + "<div>" * 5000 + "deep\n"
    assert "100 elements deep" in refusal(tmp_path / "a.csv", content.encode())


def test_a_workbook_of_two_cells_far_apart_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write(0, 0, "question")
        sheet.write(1_048_575, 16_383, "answer")
    assert "more than" in refusal(path, path.read_bytes())


def test_no_link_of_a_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "outside.md").write_text("## Secret?\n\nYes.\n")
    folder = tmp_path / "faq"
    folder.mkdir()
    (folder / "a.md").write_text("## Open?\n\nYes.\n")
    (folder / "b.md").symlink_to("../outside.md")
    (folder / "c").symlink_to("..")
    found = survey([folder], collection=None, strict=False)
    assert [entry.question for entry in found.entries()] == ["Open?"]
    assert "1 symbolic links are skipped" in found.warnings[0]


@pytest.mark.parametrize(
    "piece", ["`", "(", "<a b=c d='", "<div a='", "<!--", "<b>", "<a href='x'>", " ", "*a "]
)
def test_a_text_of_one_piece_again_and_again_takes_no_long_time(tmp_path: Path, piece: str) -> None:
    text = f"<p>x</p>{piece * (40_000 // len(piece))}"
    path = tmp_path / "a.jsonl"
    records = [{"question": "Q?", "answer": text}, {"question": "Why?", text[8:]: "x", "answer": "So."}]
    path.write_text("\n".join(map(json.dumps, records)))
    started = time.process_time()
    found = survey([path], collection=None, strict=False)
    for entry in found.entries():
        plain(entry.answer)
    assert time.process_time() - started < 5
    assert found.read == 2


def test_control_characters_as_entities_are_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"question": "Q?", "answer": f"<p>Yes{'&#1;' * 500}</p>"}))
    (entry,) = survey([path], collection=None, strict=False).entries()
    assert entry.answer == "Yes"


def test_html_that_is_too_deep_makes_one_record_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    deep = "<div>" * 500 + "deep"
    records = [{"question": f"Question {n}?", "answer": "Yes."} for n in range(20)]
    path.write_text("\n".join(map(json.dumps, [*records, {"question": "Q?", "answer": deep}])))
    found = survey([path], collection=None, strict=False)
    assert len(list(found.entries())) == 20
    assert [str(bad) for bad in found.bad] == [
        f"{path}, line 21: answer: HTML nested more than 100 elements deep"
    ]


def test_a_damaged_member_of_a_workbook_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        workbook.add_worksheet().write_row(0, 0, ["question", "answer"])
    content = path.read_bytes()
    at = content.index(b"xl/worksheets/sheet1.xml") - 30
    assert "a damaged archive" in refusal(path, content[:at] + b"XX" + content[at + 2 :])
