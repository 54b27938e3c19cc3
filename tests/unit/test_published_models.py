"""The catalogue of published models, and the command that compares it with the hub."""

import json
from pathlib import Path

import pytest

from app.models.published import read_catalogue
from tests.support.file_server import file_server
from tools import verify_catalogue


def test_every_model_is_called_by_each_of_its_names_and_by_no_other() -> None:
    catalogue = read_catalogue()
    for model in catalogue.models:
        for name in filter(None, (model.name, model.hub, model.ollama and f"ollama:{model.ollama}")):
            assert [one for one in catalogue.models if one.is_called(name)] == [model]
    assert catalogue.find("ollama:gemma:2b") is not None
    assert catalogue.find("gemma") is None


def test_the_models_of_the_course_are_there_with_their_gates() -> None:
    gates = {model.name: model.gated for model in read_catalogue().models if model.use == "course"}
    assert gates["mistral-7b-v0.1"] == "auto"
    assert gates["llama-2-7b-chat"] == "manual"
    assert gates["flan-t5-xl"] is False
    assert len(gates) == 7


def test_what_the_hub_says_otherwise_is_reported_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "published.json"
    model = {"name": "tiny", "hub": "org/tiny", "parameters": 1_000_000, "gated": False, "licence": "MIT"}
    copy.write_text(json.dumps({"checked": "2020-01-01", "how": "guessed", "models": [model]}))
    monkeypatch.setattr(verify_catalogue, "FILE", copy)
    info = {"gated": "auto", "cardData": {"license": "mit"}, "safetensors": {"total": 1_010_000}}
    with file_server({"/api/models/org/tiny": info}) as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        monkeypatch.setattr("sys.argv", ["verify-catalogue"])
        assert verify_catalogue.main() == 1
        assert capsys.readouterr().out == "org/tiny: gated is 'auto', not False\n"
        monkeypatch.setattr("sys.argv", ["verify-catalogue", "--write"])
        assert verify_catalogue.main() == 0
        written = json.loads(copy.read_text())
        assert (written["models"][0]["gated"], written["models"][0]["source"]) == ("auto", "hub")
        assert written["checked"] > "2020-01-01"
        monkeypatch.setattr("sys.argv", ["verify-catalogue"])
        assert verify_catalogue.main() == 0
