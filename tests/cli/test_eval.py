"""`askd eval` over the sample FAQ, by words alone: that needs no model and is the same on every machine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Ended, Shell

SAMPLE = Path(__file__).parent.parent.parent / "app" / "sample"
FAQ, QUESTIONS, FOLLOW_UPS = SAMPLE / "faq.json", SAMPLE / "questions.csv", SAMPLE / "followups.jsonl"
Evaluate = Callable[..., Ended]


@pytest.fixture
def evaluate(askd: Shell) -> Evaluate:
    def run(*arguments: str | Path, status: int = 0) -> Ended:
        ended = askd("eval", *arguments, status=status, settings={"ASKD_EMBEDDER": "none"})
        assert list(askd.data.glob("index/*")) == []  # the one it made is gone
        return ended

    return run


def hybrid(evaluate: Evaluate, *options: str) -> Any:
    return evaluate("retrieval", FAQ, QUESTIONS, "--json", *options).json["configurations"]["hybrid"]


def test_retrieval_is_measured(evaluate: Evaluate) -> None:
    found = evaluate("retrieval", FAQ, QUESTIONS, "--json").json
    assert found["about"]["questions"] == "questions.csv: 90"  # the others name no entry
    assert found["about"]["faq"] == "faq.json, 163 entries"
    (quality,) = found["configurations"].values()
    for measure in quality["measures"].values():
        assert 0.5 < measure["low"] <= measure["value"] <= measure["high"] <= 1
    assert sum(of["questions"] for of in quality["collections"].values()) == 90


def test_the_same_call_gives_the_same_figures(evaluate: Evaluate) -> None:
    options = ("--typos", "0.5", "--limit-questions", "40")
    first, second = hybrid(evaluate, *options), hybrid(evaluate, *options)
    assert first["questions"] == 40
    assert (first["measures"], first["worst"]) == (second["measures"], second["worst"])


def test_follow_ups_are_understood_and_other_questions_left_as_they_are(evaluate: Evaluate) -> None:
    gates = ("--min-hit1", "0.85", "--min-unchanged", "1")
    groups = evaluate("followups", FAQ, FOLLOW_UPS, QUESTIONS, "--json", *gates).json["groups"]
    assert groups["follow_ups"]["questions"] >= 60
    assert groups["follow_ups"]["hit1"] > groups["follow_ups"]["alone_hit1"]
    assert groups["unanswerable"]["answered"] == 0


def test_dialogues_that_are_wrong_are_named_by_line(evaluate: Evaluate, tmp_path: Path) -> None:
    file = tmp_path / "dialogues.jsonl"
    file.write_text('{"history": [{"question": "What is askd?"}], "question": "And?", "id": "nowhere"}\n')
    assert "line 1: id nowhere is in 0 collections" in evaluate("followups", FAQ, file, status=1).err
    file.write_text('{"question": "And?", "id": "windows"}\n')
    assert "line 1: history" in evaluate("followups", FAQ, file, status=1).err


def test_harder_questions_are_found_less(evaluate: Evaluate) -> None:
    plain, typos, one_word = (
        hybrid(evaluate, *options)["measures"]["mrr@5"]["value"]
        for options in ((), ("--typos", "1"), ("--keywords", "1"))
    )
    assert typos < plain
    assert one_word < plain


def test_gates_that_hold_pass_and_those_missed_are_named(evaluate: Evaluate) -> None:
    evaluate("retrieval", FAQ, QUESTIONS, "--min-hit1", "0.5", "--min-hit5", "0.5", "--min-mrr5", "0.5")
    missed = evaluate("retrieval", FAQ, QUESTIONS, "--min-hit1", "1", "--min-hit5", "0.5", status=1)
    assert "missed: hit@1 is 0." in missed.err
    assert "hit@5" not in missed.err


def test_the_gates_of_abstention_hold_both_ways(evaluate: Evaluate, askd: Shell) -> None:
    evaluate("abstention", FAQ, QUESTIONS, "--min-rejected", "0", "--max-refused", "1")
    mislabelled = askd.folder / "mislabelled.csv"
    answered = "Can I run askd without Docker?,,,unanswerable\n"
    mislabelled.write_text(QUESTIONS.read_text("utf-8") + answered, "utf-8")
    gates = ("--min-rejected", "1", "--max-refused", "0")
    missed = evaluate("abstention", FAQ, mislabelled, "--removed", *gates, status=1)
    assert "of the unanswerable were declined, less than 1" in missed.err
    assert "entry removed" in missed.out


def test_files_are_written_beside_the_table(evaluate: Evaluate, askd: Shell) -> None:
    targets = ("--json-file", "found.json", "--html", "found.html")
    ended = evaluate("abstention", FAQ, QUESTIONS, *targets, "--limit-questions", "9")
    found = json.loads((askd.folder / "found.json").read_text())
    assert found["abstention"]["questions"] == {"answerable": 9, "unanswerable": 30, "wrong collection": 9}
    assert found["about"]["command"].startswith("askd eval abstention faq.json questions.csv")
    assert (askd.folder / "found.html").read_text().startswith("<!DOCTYPE html>")
    assert "answerable" in ended.out


def test_a_calibration_is_learnt_and_written(evaluate: Evaluate, askd: Shell) -> None:
    evaluate("calibrate", FAQ, QUESTIONS, QUESTIONS, "--out", "lexical.json", "--limit-questions", "60")
    found = json.loads((askd.folder / "lexical.json").read_text())
    assert found["embedder"] is None
    assert found["answers"]["cosine"] == 0 < found["answers"]["coverage"]
    assert 0 < found["thresholds"]["suggest"] < found["thresholds"]["answer"] < 1
    (used,) = found["sets"]
    assert (used["faq"], used["counts"]["unanswerable"]) == ("faq.json", 30)
    assert used["counts"]["right"] + used["counts"]["wrong_first"] == 60


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["retrieval", FAQ, "none.csv"], 1, "none.csv: No such file"),
        (["retrieval", FAQ, QUESTIONS, "--compare", "lexical,best"], 2, "lexical, semantic"),
        (["retrieval", FAQ, QUESTIONS, "--compare", "semantic"], 2, "no embedder"),
        (["calibrate", FAQ, QUESTIONS, "--out", "x.json"], 2, "all three"),
        (["retrieval", FAQ, QUESTIONS, "--html", "none/x.html"], 2, "there is no folder none"),
    ],
)
def test_a_mistake_is_explained(evaluate: Evaluate, arguments: list[str], status: int, said: str) -> None:
    ended = evaluate(*arguments, status=status)
    assert said in " ".join(ended.err.replace("│", " ").split())


def test_how_questions_end_is_measured_by_class(evaluate: Evaluate, tmp_path: Path) -> None:
    page = tmp_path / "answers.html"
    options = ("--limit-questions", "20", "--tampering", "2", "--json", "--html", page)
    found = evaluate(
        "answers", FAQ, QUESTIONS, QUESTIONS, *options, "--at-most", "off-topic.answered=0.5"
    ).json
    assert found["classes"].keys() == {
        *("asked", "rewordings", "noise", "compound", "near misses", "key words", "off-topic", "removed")
    }
    for of in found["classes"].values():
        ends = ("right", "wrong", "suggested_right", "suggested_other", "declined")
        assert sum(of[end] for end in ends) == pytest.approx(1)
    assert found["tampering"]["word for word"]["caught"] == 0
    assert found["tampering"]["number"]["caught"] == 1
    assert "Changed sentences" in page.read_text("utf-8")
    missed = evaluate(
        "answers", FAQ, QUESTIONS, "--limit-questions", "5", "--at-least", "asked.right=1", status=1
    )
    assert "missed: asked.right is " in missed.err
