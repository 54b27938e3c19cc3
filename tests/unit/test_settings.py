from collections.abc import Mapping
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
        ("ASKD_ELASTICSEARCH_URL", "not an address"),
        ("ASKD_ELASTICSEARCH_URL", "ftp://localhost:9200"),
        ("ASKD_OLLAMA_URL", "http:/localhost"),
        ("ASKD_NUM_CTX", "-1"),
        ("ASKD_INDEX", "Not A Name"),
        ("ASKD_SEARCH_TIMEOUT", "0"),
    ],
)
def test_an_invalid_value_is_told_with_its_variable_and_the_right_form(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSettings, match=rf"^{variable}: .*\(for example {variable}=\S+\)$"):
        read_settings()


@pytest.mark.parametrize(
    ("given", "completed"),
    [
        ("localhost", "http://localhost:9200/"),
        ("localhost:9200", "http://localhost:9200/"),
        ("127.0.0.1:9201", "http://127.0.0.1:9201/"),
        ("[::1]:9200", "http://[::1]:9200/"),
        ("search.example.org:443/es", "https://search.example.org/es"),
        ("elastic:secret@search:9200", "http://elastic:secret@search:9200/"),
        ("https://search.example.org:9200", "https://search.example.org:9200/"),
    ],
)
def test_an_address_without_a_scheme_is_completed(
    given: str, completed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKD_ELASTICSEARCH_URL", given)
    assert [str(url) for url in read_settings().elasticsearch_url or ()] == [completed]


def test_elasticsearch_may_have_several_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKD_ELASTICSEARCH_URL", "http://a:9200, b ,https://c,")
    urls = read_settings().elasticsearch_url or ()
    assert [str(url) for url in urls] == ["http://a:9200/", "http://b:9200/", "https://c/"]
    monkeypatch.setenv("ASKD_ELASTICSEARCH_URL", "http://a:9200,no address")
    with pytest.raises(BadSettings, match=r"^ASKD_ELASTICSEARCH_URL: this is not an address"):
        read_settings()


def test_questions_are_not_kept_longer_than_their_outcomes() -> None:
    assert Settings(_env_file=None, keep_questions=90).keep_questions == 90
    with pytest.raises(ValueError, match=r"ASKD_KEEP_QUESTIONS .* exceeds ASKD_FEEDBACK_DAYS"):
        Settings(_env_file=None, keep_questions=91)


FINGERPRINT = ":".join(["0A"] * 32)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"API_KEY": "k", "API_KEY_FILE": "k"}, "API_KEY and ASKD_ELASTICSEARCH_API_KEY_FILE contradict"),
        (
            {"API_KEY": "k", "USER": "u", "PASSWORD_FILE": "p"},
            "API_KEY and ASKD_ELASTICSEARCH_USER contra",
        ),
        ({"API_KEY": "k", "URL": "https://u:p@host"}, "and a user in ASKD_ELASTICSEARCH_URL contradict"),
        ({"USER": "u", "PASSWORD_FILE": "p", "URL": "http://a,http://u:p@b"}, "USER and a user in"),
        ({"USER": "u"}, "go together"),
        ({"PASSWORD_FILE": "p"}, "go together"),
        ({"CA": "ca.crt", "FINGERPRINT": FINGERPRINT}, "ASKD_ELASTICSEARCH_FINGERPRINT, not both"),
        ({"CA": "ca.crt", "URL": "https://a,http://b"}, "ASKD_ELASTICSEARCH_CA: .* begin with https://"),
        ({"FINGERPRINT": FINGERPRINT, "URL": "a:9200"}, "FINGERPRINT: .* begin with https://"),
        ({"FINGERPRINT": "0A"}, "ASKD_ELASTICSEARCH_FINGERPRINT"),
    ],
)
def test_what_contradicts_itself_about_elasticsearch_is_refused(
    given: Mapping[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"ASKD_ELASTICSEARCH_{name}", value)
    with pytest.raises(BadSettings, match=told):
        read_settings()


def test_each_server_has_its_own_port_where_the_address_names_none() -> None:
    settings = read_settings(ollama_url="ollama", otlp_endpoint="collector")
    assert list(map(str, settings.ollama_url or ())) == ["http://ollama:11434/"]
    assert str(settings.otlp_endpoint) == "http://collector:4318/"


def test_the_host_may_stand_in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKD_HOST", "[::1]")
    assert read_settings().host == "::1"
    assert read_settings(host="[::]").host == "::"


@pytest.mark.parametrize("called", ["German", "de", "DE", "deu", "deutsch", "de-AT", "de_CH", " german "])
def test_a_language_may_be_given_by_any_usual_name(called: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKD_LANGUAGE", called)
    assert read_settings().language == "german"


def test_an_unknown_language_is_refused_with_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKD_LANGUAGE", "klingon")
    with pytest.raises(BadSettings, match=r"ASKD_LANGUAGE: .*danish, dutch, english, .*swedish"):
        read_settings()


# What Kubernetes sets in every container of a namespace with a Service named askd, and one named askd-ollama.
INJECTED = {
    "ASKD_SERVICE_HOST": "10.0.0.1",
    "ASKD_SERVICE_PORT": "8000",
    "ASKD_SERVICE_PORT_HTTP": "8000",
    "ASKD_PORT": "tcp://10.0.0.1:8000",
    "ASKD_PORT_8000_TCP": "tcp://10.0.0.1:8000",
    "ASKD_PORT_8000_TCP_PROTO": "tcp",
    "ASKD_PORT_8000_TCP_PORT": "8000",
    "ASKD_PORT_8000_TCP_ADDR": "10.0.0.1",
    "ASKD_OLLAMA_SERVICE_HOST": "10.0.0.2",
    "ASKD_OLLAMA_PORT": "tcp://10.0.0.2:11434",
    "ASKD_OLLAMA_PORT_11434_TCP": "tcp://10.0.0.2:11434",
}


@pytest.fixture
def in_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in INJECTED.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("in_kubernetes")
def test_what_kubernetes_injects_for_a_service_named_askd_is_ignored(elsewhere: Path) -> None:
    assert read_settings().port == 8000
    (elsewhere / ".env").write_text("ASKD_PORT=9000\n")
    assert read_settings().port == 9000


@pytest.mark.usefixtures("in_kubernetes")
def test_a_port_of_ones_own_counts_in_kubernetes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKD_PORT", "9000")
    assert read_settings().port == 9000


@pytest.mark.usefixtures("in_kubernetes")
def test_a_misspelt_setting_is_an_error_in_kubernetes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKD_SERVICE_HOSTS", "10.0.0.1")
    with pytest.raises(BadSettings, match="unknown setting ASKD_SERVICE_HOSTS"):
        read_settings()


def test_a_secret_is_not_repeated_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKD_ELASTICSEARCH_URL", "http://elastic:hunter2@")
    with pytest.raises(BadSettings) as raised:
        read_settings()
    assert "hunter2" not in str(raised.value)


def test_a_prompt_and_answer_that_do_not_fit_the_window_are_refused() -> None:
    with pytest.raises(BadSettings, match="ASKD_NUM_CTX"):
        read_settings(num_ctx=1024, prompt_tokens=1000, answer_tokens=100)


def test_more_slots_than_the_embedded_model_has_are_refused() -> None:
    with pytest.raises(BadSettings, match="one answer at a time"):
        read_settings(slots=2)
    assert read_settings(slots=2, ollama_url="http://127.0.0.1:11434").slots == 2


@pytest.mark.parametrize("name", ["index_shards", "index_replicas"])
def test_only_an_index_in_elasticsearch_has_shards_and_replicas(name: str) -> None:
    with pytest.raises(BadSettings, match=f"^ASKD_{name.upper()}: .* set ASKD_ELASTICSEARCH_URL"):
        read_settings(**{name: 2})
    assert getattr(read_settings(**{name: 2}, elasticsearch_url="127.0.0.1:9200"), name) == 2


def test_a_model_may_have_several_servers() -> None:
    ollama = read_settings(ollama_url="10.0.0.1, http://10.0.0.2:8080")
    assert ollama.model_urls == ("http://10.0.0.1:11434/", "http://10.0.0.2:8080/")
    openai = read_settings(openai_url="http://10.0.0.1/v1,http://10.0.0.2/v1", model="x")
    assert openai.model_urls == ("http://10.0.0.1/v1", "http://10.0.0.2/v1")
    assert Settings().model_urls == ()


@pytest.mark.parametrize(
    ("setting", "urls"),
    [("ollama_url", "10.0.0.1, http://10.0.0.1:11434/"), ("openai_url", "http://lb/v1,http://lb/v1/")],
)
def test_a_server_is_not_named_twice(setting: str, urls: str) -> None:
    with pytest.raises(BadSettings, match=f"ASKD_{setting.upper()} names a server twice.*ASKD_SLOTS"):
        read_settings(model="x", **{setting: urls})


def test_the_server_urls_choose_model_and_budgets() -> None:
    embedded, ollama = Settings(), read_settings(ollama_url="http://127.0.0.1:11434")

    assert (embedded.model_name, ollama.model_name) == ("smollm2-135m-instruct", "gemma:2b")
    assert embedded.prompt_budget < ollama.prompt_budget


# --- which model -------------------------------------------------------------------------------

OLLAMA, OPENAI = {"ollama_url": "http://127.0.0.1:11434"}, {"openai_url": "http://127.0.0.1:8000/v1"}


@pytest.mark.parametrize(
    ("urls", "model", "expected"),
    [
        ({}, None, ("embedded", "smollm2-135m-instruct")),
        ({}, "/models/x.gguf", ("embedded", "/models/x.gguf")),
        ({}, "ollama:gemma:2b", ("ollama", "gemma:2b")),
        ({}, "t5:/models/flan-t5-xl", ("t5", "/models/flan-t5-xl")),
        (OLLAMA, "ollama:t5:latest", ("ollama", "t5:latest")),
        (OLLAMA, None, ("ollama", "gemma:2b")),
        (OLLAMA, "hf.co/x/y:Q4_K_M", ("ollama", "hf.co/x/y:Q4_K_M")),
        (OLLAMA, "embedded:smollm2-135m-instruct", ("embedded", "smollm2-135m-instruct")),
        (OLLAMA, "ollama:openai:latest", ("ollama", "openai:latest")),
        (OPENAI, "gpt-4o-mini", ("openai", "gpt-4o-mini")),
        (OPENAI, "meta-llama/Llama-3.2-3B", ("openai", "meta-llama/Llama-3.2-3B")),
        (OLLAMA | OPENAI, "ollama:gemma:2b", ("ollama", "gemma:2b")),
        (OLLAMA | OPENAI, "openai:gpt-4o-mini", ("openai", "gpt-4o-mini")),
        (OLLAMA | OPENAI, "embedded:", ("embedded", "smollm2-135m-instruct")),
    ],
)
def test_the_prefix_or_the_url_says_whose_model_it_is(
    urls: dict[str, str], model: str | None, expected: tuple[str, str]
) -> None:
    settings = read_settings(**urls, model=model)
    assert (settings.model_backend, settings.model_name) == expected


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (OLLAMA | OPENAI | {"model": "gemma:2b"}, "ASKD_MODEL=ollama:gemma:2b or ASKD_MODEL=openai:gemma:2b"),
        ({"model": "openai:gpt-4o-mini"}, "ASKD_OPENAI_URL"),
        (OPENAI, "ASKD_MODEL=openai:NAME"),
        ({"openai_url": "http://me:key@127.0.0.1/v1", "model": "x"}, "put the key into a file"),
        ({"openai_url": "api.openai.com", "model": "x"}, "ASKD_OPENAI_URL=http://"),
    ],
)
def test_a_model_that_is_not_said_clearly_is_refused(values: dict[str, str], told: str) -> None:
    with pytest.raises(BadSettings, match=told) as raised:
        read_settings(**values)
    assert "me:key" not in str(raised.value)


def test_a_model_server_has_as_many_slots_as_it_has() -> None:
    assert read_settings(slots=4, **OPENAI, model="x").slots == 4
    with pytest.raises(BadSettings, match="one answer at a time"):
        read_settings(slots=2, **OLLAMA, model="embedded:smollm2-135m-instruct")
