import json
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.support.faq import JOIN

LATE = "Is it possible to join the course at any time?"


def test_search_shows_the_nearest_entries(ingested: Shell) -> None:
    ended = ingested("search", "join the course", "--limit", "1")
    header, nearest = ended.out.splitlines()
    assert header.split() == ["score", "collection", "id", "question"]
    assert nearest.split()[:3] == ["1.00", "course", "join"]


def test_brackets_in_an_entry_are_shown_as_they_are(askd: Shell) -> None:
    entry = {
        "id": "x",
        "collection": "c",
        "question": "What is [bold] and [/q4] in :book:?",
        "answer": "Text.",
    }
    (askd.folder / "faq.json").write_text(json.dumps([entry]), "utf-8")
    askd("ingest", "faq.json", settings={"ASKD_EMBEDDER": "none"})
    ended = askd("search", entry["question"], settings={"ASKD_EMBEDDER": "none"})
    assert entry["question"] in ended.out


def test_search_keeps_to_a_collection(ingested: Shell) -> None:
    ended = ingested("search", "install Docker for the course", "--collection", "tools", "--json")
    assert {hit["collection"] for hit in ended.json["hits"]} == {"tools"}


def test_ask_quotes_the_best_entry_and_lists_the_sources(ingested: Shell) -> None:
    ended = ingested("ask", LATE, "--mode", "extract")
    assert ended.out.startswith(JOIN.answer + "\n")
    assert ended.out.splitlines()[2].split(maxsplit=2)[:2] == ["[1]", "course"]


def test_a_question_that_the_faq_does_not_hold_is_no_failure(ingested: Shell) -> None:
    ended = ingested("ask", "What is the capital of Mongolia?")
    assert ended.out.startswith("The FAQ does not answer this question.\n")


def test_the_embedded_model_writes_with_a_mark_for_its_source(ingested: Shell, gguf: Path) -> None:
    # One thread: where others compute, too, llama.cpp's wait for each other.
    ended = ingested(
        "ask",
        LATE,
        "--mode",
        "generate",
        "--limit",
        "1",
        settings={"ASKD_MODEL": gguf, "ASKD_NUM_THREAD": "1"},
    )
    answer, _, sources = ended.out.partition("\n\n")
    assert " ".join(answer.split()).endswith(" [1]")
    assert JOIN.question in sources
    assert ended.err == ""


def test_a_model_that_is_not_there_is_told_beside_the_entry_itself(ingested: Shell) -> None:
    ended = ingested("ask", LATE, "--json")
    assert (ended.json["origin"], ended.json["answer"]) == ("extracted", JOIN.answer)
    assert ended.json["notices"][0]["code"] == "model_missing"


def test_where_only_the_model_may_write_it_is_an_error(ingested: Shell) -> None:
    ended = ingested("ask", LATE, "--mode", "generate", status=1)
    assert ended.out == ""
    assert "run `askd models pull smollm2-135m-instruct`" in ended.err


def test_an_unknown_collection_is_told_with_those_there_are(ingested: Shell) -> None:
    ended = ingested("search", LATE, "--collection", "nope", status=1)
    assert ended.err == "askd: no collection 'nope'; there are: course, tools\n"


@pytest.mark.parametrize(
    ("question", "reason"), [(" ", "at least 1"), ("x" * 8001, "at most 8000")], ids=["empty", "too long"]
)
def test_a_question_that_is_none_is_refused(question: str, reason: str, ingested: Shell) -> None:
    ended = ingested("ask", question, status=2)
    assert reason in ended.err
