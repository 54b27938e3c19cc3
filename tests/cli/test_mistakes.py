"""What a user can get wrong: a line that says what to do, the right exit status, and never a traceback."""

import socket
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.support.checkout import ROOT

NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens
LATE = "Is it possible to join the course at any time?"


# --- settings ----------------------------------------------------------------------------------


def test_a_misspelt_setting_is_refused_with_the_right_one(askd: Shell) -> None:
    ended = askd("index", "list", status=2, settings={"ASKD_OLAMA_URL": NOBODY})
    assert ended.err == "askd: unknown setting ASKD_OLAMA_URL; did you mean ASKD_OLLAMA_URL?\n"


@pytest.mark.parametrize(
    ("command", "variables", "reason"),
    [
        (["serve"], {"ASKD_PORT": "http"}, "ASKD_PORT: Input should be a valid integer"),
        (["serve", "--port", "99999"], {}, "ASKD_PORT: Input should be less than or equal to 65535"),
        (["search", "x"], {"ASKD_ELASTICSEARCH_URL": "not an address"}, "ASKD_ELASTICSEARCH_URL: "),
        (["search", "x", "--limit", "99"], {}, "'--limit'"),
        (["ingest"], {}, "'files"),
        (["nope"], {}, "No such command 'nope'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_value_without_sense_is_named(
    command: list[str], variables: dict[str, str], reason: str, askd: Shell
) -> None:
    assert reason in askd(*command, status=2, settings=variables).err


def test_an_env_file_that_is_no_text_is_named(askd: Shell) -> None:
    (askd.folder / ".env").write_bytes(b"ASKD_PORT=\xff\n")
    assert "the file .env cannot be read" in askd("index", "list", status=2).err


def test_a_key_file_that_is_not_there_is_told_before_serving(askd: Shell) -> None:
    key = {"ASKD_ELASTICSEARCH_URL": NOBODY, "ASKD_ELASTICSEARCH_API_KEY_FILE": "nope"}
    ended = askd("serve", "--port", "0", status=2, settings=key)
    assert ended.err == "askd: ASKD_ELASTICSEARCH_API_KEY_FILE: cannot read nope\n"


def test_a_port_that_is_taken_is_told_in_one_line(askd: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = askd("serve", "--port", address.partition(":")[2], status=1)
    assert ended.err.startswith(f"askd: cannot listen on {address} (Address already in use)")
    assert len(ended.err.splitlines()) == 1


# --- files and folders -------------------------------------------------------------------------


def test_files_that_cannot_be_read_are_named(askd: Shell, tmp_path: Path) -> None:
    locked, empty = tmp_path / "locked.json", tmp_path / "empty"
    locked.write_text("[]")
    locked.chmod(0)
    empty.mkdir()
    assert askd("ingest", "nope.json", status=1).err == "askd: nope.json: No such file or directory\n"
    assert askd("ingest", locked, status=1, denied=True).err == f"askd: {locked}: Permission denied\n"
    assert askd("ingest", "empty", status=1).err == "askd: empty: no records\n"


def test_a_data_directory_that_cannot_be_made_is_told(askd: Shell, faq_file: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for command in (["ingest", faq_file], ["search", "x"], ["models", "pull"]):
        ended = askd(*command, status=1, settings={"ASKD_DATA_DIR": tmp_path / "file" / "data"})
        assert "Not a directory" in ended.err


def test_an_index_that_may_not_be_written_is_searched_and_not_called_damaged(
    filled: Shell,
) -> None:
    modes = {path: path.stat().st_mode for path in filled.data.rglob("*")}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        told = filled("ingest", ROOT / "app/sample/faq.json", status=1, denied=True).err
        assert told.startswith("askd: the index on disk could not be used: ")
        assert "damaged" not in told
        assert "docker" in filled("search", "docker", denied=True).out
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


# --- servers that are down ---------------------------------------------------------------------


def test_an_elasticsearch_that_is_down_is_told(askd: Shell, faq_file: Path) -> None:
    for command in (["ingest", faq_file], ["search", "x"]):
        ended = askd(*command, status=1, settings={"ASKD_ELASTICSEARCH_URL": NOBODY})
        assert (
            ended.err == "askd: Elasticsearch did not answer; check ASKD_ELASTICSEARCH_URL and that it runs\n"
        )


def test_an_ollama_that_is_down_is_told(ingested: Shell) -> None:
    ended = ingested("ask", LATE, "--mode", "generate", status=1, settings={"ASKD_OLLAMA_URL": NOBODY})
    assert ended.err.startswith("askd: ")
    assert "ASKD_OLLAMA_URL" in ended.err
    assert "its runtime does not answer" in ingested("models", settings={"ASKD_OLLAMA_URL": NOBODY}).out
