"""`askd compare` with a T5 whose words mean nothing: all but the words is real, and it is quick."""

import json
import signal
import time
from collections.abc import Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Shell
from tests.support.tiny_t5 import make_tiny_t5

_PATIENCE = 60.0  # seconds
# The words are of its vocabulary: others would not fit its window.
ENTRIES = [
    ("when", "When do I get the certificate?", "In the course."),
    ("start", "What is the start date?", "A date in the course."),
    ("yes", "Is there a course?", "Yes, in the start."),
]


@pytest.fixture
def askd(tmp_path: Path) -> Shell:
    make_tiny_t5(tmp_path / "tiny")
    records = [
        {"id": id_, "collection": "c", "question": question, "answer": answer}
        for id_, question, answer in ENTRIES
    ]
    (tmp_path / "faq.json").write_text(json.dumps(records), "utf-8")
    write_questions(tmp_path, 10)
    return Shell(tmp_path)


def write_questions(folder: Path, each: int) -> None:
    """Three times as many as `each`: each entry's question, in slightly other words each time."""
    before = islice(product(("and", "so", "then", "but"), repeat=3), each)
    rows = [f'"{" ".join(words)} {question}",{id_}' for words in before for id_, question, _ in ENTRIES]
    (folder / "questions.csv").write_text("\n".join(["question,id", *rows]), "utf-8")


def compare(askd: Shell, *options: str | Path) -> Any:
    return askd(
        "compare", "faq.json", "questions.csv", "t5:tiny", "--json", *options, settings=_where(askd)
    ).json


def _where(askd: Shell) -> dict[str, str]:
    return {"ASKD_NUM_THREAD": "1", "ASKD_ANSWER_TOKENS": "16"}


def lines(path: Path) -> Sequence[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else []


def shares(found: Any) -> Sequence[Any]:
    """What does not depend on the time."""
    names = ("right", "passed", "verbatim", "unknown", "taken_back", "answered_removed", "asked_model")
    return [(of["name"], [of["figures"][name] for name in names]) for of in found["rows"]]


def test_extract_is_the_first_row_and_every_file_is_written(askd: Shell) -> None:
    targets = ("--json-file", "c.json", "--html", "c.html", "--svg", "c.svg", "--sheet", "c.csv")
    found = compare(askd, *targets)
    extract, tiny = found["rows"]
    assert (extract["name"], extract["model"], extract["figures"]["asked_model"]["count"]) == (
        "extract",
        None,
        0,
    )
    assert tiny["name"] == "t5:tiny auto"
    # It tells no size, so that it writes freely anyway: a second row would be the same.
    assert tiny["manner"].startswith("strict")
    assert tiny["figures"]["asked_model"]["count"] > 0
    for of in (extract, tiny):
        figures = of["figures"]
        assert figures["questions"] == figures["right"]["of"] == figures["answered_removed"]["of"] == 30
        assert figures["memory"] > 10_000_000
        assert 0 < figures["whole_ms"]["p50"]["value"] <= figures["whole_ms"]["p95"]["value"]
    assert found["ranked"] is False
    assert tiny["model"]["disk"] > 100_000
    assert {each["row"] for each in found["differences"]} == {"t5:tiny auto"}
    assert len(found["samples"]) == 20
    assert json.loads((askd.folder / "c.json").read_text("utf-8"))["rows"] == found["rows"]
    page = (askd.folder / "c.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert (askd.folder / "c.svg").read_text("utf-8").strip() in page
    assert str(askd.folder) not in page
    assert (askd.folder / "c.csv").read_text("utf-8").startswith("row,question,")
    told = askd("compare", "faq.json", "questions.csv", "t5:tiny", settings=_where(askd)).out
    assert "t5:tiny auto" in told
    assert "Fewer than 50 questions" in told


def test_brackets_in_the_name_of_a_model_are_shown_as_they_are(askd: Shell) -> None:
    (askd.folder / "tiny").rename(askd.folder / "tiny[q4]")
    told = askd(
        "compare", "faq.json", "questions.csv", "t5:tiny[q4]", "--limit-questions", "1", settings=_where(askd)
    ).out
    assert told.count("t5:tiny[q4] auto") == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_comparison_goes_on_where_it_was(askd: Shell, number: signal.Signals) -> None:
    write_questions(askd.folder, 40)
    kept = askd.folder / "results.jsonl"
    command = ("compare", "faq.json", "questions.csv", "t5:tiny", "--results", kept)
    with askd.killed(*command, settings=_where(askd)) as process:
        deadline = time.monotonic() + _PATIENCE
        while len(lines(kept)) < 70:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.send_signal(number)
        assert process.wait(_PATIENCE) in (-signal.SIGKILL, 130)
    before = lines(kept)
    asked = 2 * 2 * 120  # rows, with the entry and without, questions
    assert len(before) < asked
    resumed = compare(askd, "--results", kept)
    after = lines(kept)
    whole = len(before) if before[-1].endswith("}") else len(before) - 1  # it may have been killed in a line
    assert after[:whole] == before[:whole]
    records = [json.loads(line) for line in after[whole + (whole < len(before)) :]]
    keys = [(of["row"], of["case"], of["removed"]) for of in records]
    assert len(keys) == len(set(keys)) == asked - whole
    assert shares(resumed) == shares(compare(askd, "--results", askd.folder / "other.jsonl"))
    assert resumed["ranked"] is True


def test_only_what_is_new_is_asked(askd: Shell) -> None:
    compare(askd)
    (kept,) = askd.data.glob("comparisons/*.jsonl")
    assert len(lines(kept)) == 120
    compare(askd, "--limit-questions", "5", "--no-free")
    assert len(lines(kept)) == 120
    write_questions(askd.folder, 11)
    compare(askd)
    assert len(lines(kept)) == 132
    faq = askd.folder / "faq.json"
    faq.write_text(faq.read_text("utf-8").replace("In the course", "In a course"), "utf-8")
    compare(askd)
    assert len(lines(kept)) == 132 + 132
    compare(askd, "--afresh", "--limit-questions", "3")
    assert len(lines(kept)) == 132 + 132 + 12


@pytest.mark.parametrize(
    ("model", "status", "said"),
    [
        ("t5:nowhere", 1, "t5:nowhere: "),
        ("embedded:none.gguf", 1, "neither a model askd knows"),
        ("ollama:gemma:2b", 1, "ollama:gemma:2b: "),
        ("openai:gpt", 2, "ASKD_OPENAI_URL"),
    ],
)
def test_a_model_that_cannot_be_opened_is_told_before_anything_is_asked(
    askd: Shell, model: str, status: int, said: str
) -> None:
    settings = {"ASKD_OLLAMA_URL": "http://127.0.0.1:9"} if model.startswith("ollama:") else {}
    ended = askd("compare", "faq.json", "questions.csv", "t5:tiny", model, status=status, settings=settings)
    assert said in ended.err
    assert not [line for path in askd.data.glob("comparisons/*") for line in lines(path)]


def test_a_target_that_cannot_be_written_is_told_at_once(askd: Shell) -> None:
    ended = askd("compare", "faq.json", "questions.csv", "t5:tiny", "--html", "none/c.html", status=2)
    assert "there is no folder none" in ended.err
