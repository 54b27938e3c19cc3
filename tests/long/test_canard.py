"""Follow-up questions of CANARD's development dialogues, whose rewrites stand for the entries of a FAQ.

ASKD_TEST_CANARD names its data/release/dev.json, which is not ours to ship. Run by `scripts/soak`.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.ranking.text import normalised_question
from tests.cli.shell import Shell

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
HIT_AT_5 = 0.95


@pytest.fixture
def dialogues() -> Sequence[Mapping[str, Any]]:
    file = os.environ.get("ASKD_TEST_CANARD")
    if not file:
        pytest.fail("ASKD_TEST_CANARD must name CANARD's data/release/dev.json", pytrace=False)
    found: Sequence[Mapping[str, Any]] = json.loads(Path(file).read_text(encoding="utf-8"))
    return found


def test_by_words_alone_the_rewrite_is_among_the_first_five(
    dialogues: Sequence[Mapping[str, Any]], tmp_path: Path
) -> None:
    rewrites = {normalised_question(turn["Rewrite"]): turn["Rewrite"] for turn in dialogues}
    ids = {key: str(number) for number, key in enumerate(rewrites)}
    faq = [{"id": ids[key], "question": text, "answer": text} for key, text in rewrites.items()]
    (tmp_path / "faq.json").write_text(json.dumps(faq), encoding="utf-8")
    asked = [_line(turn, ids) for turn in dialogues if turn["Question_no"] > 1]
    (tmp_path / "dialogues.jsonl").write_text("\n".join(asked), encoding="utf-8")

    found = Shell(tmp_path)("eval", "followups", "faq.json", "dialogues.jsonl", "--json").json
    of = found["groups"]["follow_ups"]
    print({name: of[name] for name in ("questions", "hit1", "hit5", "alone_hit1")})
    assert of["hit5"] >= HIT_AT_5


def _line(turn: Mapping[str, Any], ids: Mapping[str, str]) -> str:
    _title, _section, *said = turn["History"]
    history = [
        {"question": question, "answer": answer}
        for question, answer in zip(said[::2], said[1::2], strict=True)
    ]
    entry = ids[normalised_question(turn["Rewrite"])]
    return json.dumps({"history": history, "question": turn["Question"], "id": entry})
