"""`askd compare` with real models: the embedded one and Ollama's."""

from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.cli.test_eval import FAQ, QUESTIONS
from tests.support.servers import MODEL

pytestmark = pytest.mark.live


def test_models_of_two_kinds_are_compared(gguf: Path, ollama_url: str, tmp_path: Path) -> None:
    settings = {"ASKD_OLLAMA_URL": ollama_url, "ASKD_NUM_THREAD": "1", "ASKD_ANSWER_TOKENS": "16"}
    models = (f"embedded:{gguf}", f"ollama:{MODEL}")
    options = ("--limit-questions", "2", "--html", "c.html", "--json")
    found = Shell(tmp_path)("compare", FAQ, QUESTIONS, *models, *options, settings=settings).json
    shown = (f"embedded:{gguf.name}", f"ollama:{MODEL}")  # without the folder
    names = [f"{model} {writing}" for model in shown for writing in ("auto", "free")]
    extract, *rows = found["rows"]
    assert [of["name"] for of in rows] == names
    for of in rows:
        assert of["model"]["parameters"] == pytest.approx(135e6, rel=0.01)
        assert of["model"]["disk"] == pytest.approx(98e6, rel=0.03)
        assert len(of["model"]["digest"]) >= 12
        assert of["figures"]["questions"] == 2
    askd_alone = extract["figures"]["memory"]
    embedded, served = rows[0]["figures"], rows[2]["figures"]
    assert embedded["memory"] > askd_alone + 90_000_000  # the model is in a child process
    assert served["memory"] > 90_000_000  # of Ollama's runner
    assert any(of["figures"]["prefill"] for of in rows)
    assert "side by side: 2 questions" in (tmp_path / "c.html").read_text("utf-8")
