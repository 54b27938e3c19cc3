"""`askd gaps` beside a running service, and over a week whose gaps are known."""

import asyncio
import csv
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import sub
from pathlib import Path
from typing import Any

import pytest

from app.domain import Answer, Mode, Question
from app.feedback.sqlite import SqliteFeedback
from app.settings import Settings
from app.wiring import open_askd
from tests.cli.shell import Server, Shell
from tests.support.feedback import feedback_of
from tests.support.gap_week import TOPICS, week

SAMPLE = Path("app/sample/faq.json").absolute()
KNOWN = Path("app/sample/questions.csv")
KEEPING = {"ASKD_KEEP_QUESTIONS": "30"}


def ask(server: Server, question: str) -> Mapping[str, Any]:
    body = {"question": question, "mode": "extract", "limit": 3}
    response = server.post("/ask", body)
    assert response.status_code == 200
    answer: Mapping[str, Any] = response.json()
    return answer


def judge(server: Server, answer: Mapping[str, Any], **said: Any) -> None:
    verdict = {"token": answer["feedback_token"], **said}
    assert server.post("/feedback", verdict).status_code == 200


def report(askd: Shell, *options: str) -> Any:
    """Of what the service has written by now: within a second it has everything."""
    time.sleep(1.2)
    return askd("gaps", "--json", "--least", "1", *options).json


def test_without_the_setting_there_are_counts_and_no_questions(filled: Shell) -> None:
    with filled.serving() as server:
        server.get("/readyz")
        answered = ask(server, "Is it possible to join the course at any time?")
        judge(server, answered, helpful=False, comment="Which course?")
        ask(server, "How do I bake bread with rye?")
        found = report(filled)

    assert found["answers"]["answered"] == 1
    assert (found["unhelpful"], found["without_question"], found["groups"]) == (1, 2, [])
    assert found["entries"]["course/join"] == {"cited": 1, "helpful": 0, "unhelpful": 1, "nearest": 0}
    assert "course/join" not in found["never_used"]
    assert found["never_used"]
    assert "ASKD_KEEP_QUESTIONS" in filled("gaps").out
    assert filled("gaps", "--json", "--collection", "course").json["answers"]["answered"] == 1
    assert filled("gaps", "--json", "--collection", "other").json["answers"] == {}


def test_what_was_declined_and_what_did_not_help_is_shown_and_exported(filled: Shell, faq_file: Path) -> None:
    with filled.serving(settings=KEEPING) as server:
        server.get("/readyz")
        for question in ("=HYPERLINK of rye bread?", "How do I bake bread with rye?", "rye bread"):
            ask(server, question)
        judge(server, ask(server, "Is it possible to join the course at any time?"), helpful=True)
        wrong = ask(server, "Is it possible to get a refund within thirty days?")
        judge(server, wrong, helpful=False, comment="Only [red]twenty[/red] days")
        found = report(filled)
        table, rows, lines = (filled.folder / name for name in ("gaps.csv", "cases.csv", "cases.jsonl"))
        filled("gaps", "--csv", table, "--questions", rows)
        filled("gaps", "--questions", lines)
        entry = json.loads(filled("gaps", "--entry", "1", "--least", "1").out)
        measured = filled("eval", "retrieval", faq_file, lines)

    assert [group["asked"] for group in found["groups"]] == [3, 1]
    assert found["groups"][1]["comments"] == ["Only [red]twenty[/red] days"]
    assert (found["helpful"], found["unhelpful"]) == (1, 1)
    cells = rows_of(table)
    assert "'=HYPERLINK of rye bread?" in [cell["question"] for cell in cells]
    cases = rows_of(rows)
    assert ("join", "helpful") in [(case["id"], case["kind"]) for case in cases]
    assert all(case["id"] == "" for case in cases if case["kind"] == "declined")
    assert entry["question"] in found["groups"][0]["questions"]
    assert entry["answer"] == ""
    assert "hit" in measured.out


def rows_of(file: Path) -> Sequence[Mapping[str, str]]:
    with file.open(encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def test_a_question_cannot_steer_the_terminal(filled: Shell) -> None:
    with filled.serving(settings=KEEPING) as server:
        server.get("/readyz")
        ask(server, "How do I bake \x1b[31mred\x1b[0m \u202ebread [b]with[/b] rye?")
        time.sleep(1.2)
        shown = filled("gaps", "--least", "1").out
    assert "bake" in shown
    assert "[b]with[/b] rye?" in shown
    assert not {"\x1b", "\u202e"} & set(shown)


def test_a_request_is_forgotten(filled: Shell) -> None:
    with filled.serving(settings=KEEPING) as server:
        server.get("/readyz")
        request_id = ask(server, "How do I bake bread with rye?")["request_id"]
        assert report(filled)["groups"]
        filled("gaps", "forget", request_id)
        assert report(filled)["answers"] == {}
        assert request_id in filled("gaps", "forget", request_id, status=1).err


def test_a_verdict_that_was_taken_survives_kill_9(filled: Shell) -> None:
    with filled.serving() as server:
        server.get("/readyz")
        for number in range(30):
            judge(server, ask(server, "Is it possible to join the course at any time?"), helpful=number > 9)
        server.process.kill()
        server.process.wait()
    found = filled("gaps", "--json").json
    assert (found["helpful"], found["unhelpful"]) == (20, 10)


def test_mistakes_are_told(askd: Shell) -> None:
    assert ".jsonl" in askd("gaps", "--questions", "cases.xlsx", status=2).err
    assert "no group 1" in askd("gaps", "--entry", "1", status=2).err


# --- Show 6 ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seeded:
    askd: Shell
    topics: Mapping[str, str | None]  # of each question, as it was recorded


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory, embedders: Path) -> Seeded:
    """2,000 questions of a week to the sample FAQ, recorded as a service records them."""
    askd = Shell(tmp_path_factory.mktemp("week"))
    askd("ingest", SAMPLE)
    (askd.data / "models").symlink_to(embedders)
    return Seeded(askd, asyncio.run(_record(askd.data)))


async def _record(data: Path) -> Mapping[str, str | None]:
    settings = Settings(_env_file=None, data_dir=data, embedder="none", keep_questions=30)
    store = SqliteFeedback(settings.feedback_dir / "feedback.sqlite3")
    answers: dict[str, Answer] = {}
    topics = {}
    async with open_askd(settings) as askd:
        feedback = feedback_of(store, settings)
        for place, asked in enumerate(week(_answered())):
            question = Question(asked.question, mode=Mode.EXTRACT)
            if asked.question not in answers:
                answers[asked.question] = await askd.assistant.ask(question)
            answer = answers[asked.question]
            feedback.clock = partial(sub, time.time(), (2_000 - place) * 300.0)
            feedback.answered(answer, question, f"request-{place}")
            topics[answer.asked or asked.question] = asked.topic
            if place % 1_000 == 999:
                await feedback.recorder.finish()
    await store.close()
    return topics


def _answered() -> Sequence[str]:
    with KNOWN.open(encoding="utf-8") as file:
        return [row["question"] for row in csv.DictReader(file) if row["kind"] != "unanswerable"]


def found_topics(seeded: Seeded, groups: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """The gaps of which a group holds half of the questions or more, and four fifths of it are of the gap."""
    reported = [Counter(seeded.topics[question] for question in group["questions"]) for group in groups]
    total = Counter(topic for group in reported for topic in group.elements())
    found = []
    for topic in TOPICS:
        best = max(reported, key=lambda group: group[topic])
        if best[topic] >= 0.8 * best.total() and best[topic] >= 0.5 * total[topic] > 0:
            found.append(topic)
    return found


@pytest.mark.parametrize(("embedder", "least"), [("none", 0.7), ("bge-small-en-v1.5", 0.9)])
def test_a_week_of_questions_shows_its_gaps(seeded: Seeded, embedder: str, least: float) -> None:
    began = time.monotonic()
    found = seeded.askd("gaps", "--json", settings={"ASKD_EMBEDDER": embedder}).json
    took = time.monotonic() - began
    topics = found_topics(seeded, found["groups"])
    print(  # noqa: T201
        f"{embedder}: {len(topics)} of {len(TOPICS)} gaps found, in {len(found['groups'])} groups, "
        f"{took:.1f} s; missed: {sorted(set(TOPICS) - set(topics))}"
    )

    assert sum(found["answers"].values()) == 2_000
    assert len(topics) >= least * len(TOPICS)
