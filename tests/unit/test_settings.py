from pathlib import Path

import pytest

from app.errors import BadSettings
from app.settings import Settings, read_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without `.env`, so that only the test decides."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_flags_win_over_the_environment_and_that_over_the_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / ".env").write_text("ASKD_PORT=1\nASKD_HOST=file\nASKD_INDEX=file\n")
    monkeypatch.setenv("ASKD_PORT", "2")
    monkeypatch.setenv("ASKD_HOST", "environment")

    settings = read_settings(port=3, host=None)

    assert (settings.port, settings.host, settings.index) == (3, "environment", "file")


def test_an_empty_value_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKD_PORT", "")
    monkeypatch.setenv("ASKD_OLLAMA_URL", "")

    assert read_settings().port == 8000
    assert read_settings().ollama_url is None


def test_a_misspelt_setting_is_an_error_that_suggests_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKD_OLAMA_URL", "http://127.0.0.1:11434")
    with pytest.raises(BadSettings, match="ASKD_OLAMA_URL; did you mean ASKD_OLLAMA_URL"):
        read_settings()


def test_a_misspelt_setting_in_the_file_is_one_too(elsewhere: Path) -> None:
    (elsewhere / ".env").write_text("ASKD_PROT=1\n")
    with pytest.raises(BadSettings, match="did you mean ASKD_PORT"):
        read_settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ASKD_PORT", "http"),
        ("ASKD_PORT", "70000"),
        ("ASKD_ELASTICSEARCH_URL", "localhost:9200"),
        ("ASKD_NUM_CTX", "-1"),
        ("ASKD_INDEX", "Not A Name"),
        ("ASKD_SEARCH_TIMEOUT", "0"),
    ],
)
def test_a_value_without_sense_is_named(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSettings, match=variable):
        read_settings()


def test_a_prompt_and_answer_that_do_not_fit_the_window_are_refused() -> None:
    with pytest.raises(BadSettings, match="num_ctx"):
        read_settings(num_ctx=1024, prompt_tokens=1000, answer_tokens=100)


def test_more_slots_than_the_embedded_model_has_are_refused() -> None:
    with pytest.raises(BadSettings, match="one answer at a time"):
        read_settings(slots=2)
    assert read_settings(slots=2, ollama_url="http://127.0.0.1:11434").slots == 2


def test_the_server_urls_choose_model_and_budgets() -> None:
    embedded, ollama = Settings(), read_settings(ollama_url="http://127.0.0.1:11434")

    assert (embedded.model_name, ollama.model_name) == ("smollm2-135m-instruct", "gemma:2b")
    assert embedded.prompt_budget < ollama.prompt_budget
