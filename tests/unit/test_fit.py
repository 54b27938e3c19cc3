"""What fits is told from metadata alone: of known models by their published configurations."""

import asyncio
import struct
from pathlib import Path
from typing import Any

import pytest

from app.errors import DownloadFailed, ModelMissing
from app.models.fit.shapes import Shape, of_config, of_gguf
from app.models.fit.sources import of_file, of_hub, of_ollama, of_registry
from app.models.fit.verdict import MACHINES, Machine, fit
from app.models.gguf import Header
from app.models.llamacpp.model import LlamaCppModel
from app.models.llamacpp.server import ServerOptions
from tests.support.file_server import file_server
from tests.support.ollama_server import model_server

KIB, GB = 1024, 1_000_000_000


def config(layers: int, heads: int, kv_heads: int | None, hidden: int, **more: Any) -> dict[str, Any]:
    return {
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "hidden_size": hidden,
        "vocab_size": 32_000,
        "max_position_embeddings": 32_768,
        **more,
    }


T5_XL = {
    "is_encoder_decoder": True, "num_layers": 24, "num_decoder_layers": 24, "num_heads": 32, "d_kv": 64,
    "d_model": 2048, "vocab_size": 32_128,
}  # fmt: skip
KNOWN: dict[
    str, tuple[dict[str, Any], float, float, int]
] = {  # parameters and bytes in billions, KiB a token
    "flan-t5-xl": (T5_XL, 2.85, 11.4, 384),
    "phi-3-mini": (config(32, 32, 32, 3072), 3.82, 7.6, 384),
    "mistral-7b": (config(32, 32, 8, 4096), 7.24, 14.5, 128),
    "phi-2": (config(32, 32, None, 2560), 2.78, 5.6, 320),
    "llama-2-7b": (config(32, 32, 32, 4096), 6.74, 13.5, 512),
    "gemma-2b": (config(18, 8, 1, 2048, head_dim=256), 2.51, 5.0, 18),
    "gemma-2-2b": (
        config(26, 8, 4, 2304, head_dim=256, sliding_window=4096, model_type="gemma2"),
        2.61,
        5.2,
        104,
    ),
}


def shape_of(name: str) -> Shape:
    told, parameters, weights, _ = KNOWN[name]
    return of_config(told, int(weights * GB), int(parameters * GB))


@pytest.mark.parametrize("name", KNOWN)
def test_the_cache_of_known_models_is_the_published_one(name: str) -> None:
    assert shape_of(name).kv_cache(4096, 512) == KNOWN[name][3] * KIB * 4096


def test_a_window_bounds_the_cache_of_its_layers_alone() -> None:
    shape = shape_of("gemma-2-2b")
    # Of 13 layers all tokens; of 13 the window and the batch that is being read.
    assert shape.kv_cache(8192, 512) == 52 * KIB * 8192 + 52 * KIB * (4096 + 512)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("flan-t5-xl", "partly on the CPU"),
        ("phi-3-mini", "fits the GPU"),
        ("mistral-7b", "partly on the CPU"),
        ("phi-2", "fits the GPU"),
        ("gemma-2b", "fits the GPU"),
    ],
)
def test_what_a_free_t4_holds_with_a_margin(name: str, verdict: str) -> None:
    found = fit(shape_of(name), MACHINES["t4"], 4096, 512)
    assert found.verdict.startswith(verdict)
    assert found.fits


def test_a_smaller_window_or_fewer_bits_are_offered_where_they_fit() -> None:
    phi = shape_of("phi-3-mini")
    assert "num_ctx up to" in fit(phi, MACHINES["t4"], 16_384, 512).verdict
    laptop = fit(shape_of("mistral-7b"), MACHINES["laptop-8gb"], 4096, 64)
    assert (laptop.fits, laptop.verdict) == (False, "does not fit; as Q4_K_M it would: fits RAM, on the CPU")
    assert fit(phi, Machine("small", ram=GB), 4096, 64).verdict == "does not fit"


def test_nothing_fits_that_leaves_less_than_a_tenth_free() -> None:
    shape = shape_of("gemma-2b")
    needed = fit(shape, MACHINES["t4"], 2048, 64).total
    assert not fit(shape, Machine("full", ram=int(needed * 1.05)), 2048, 64).fits
    assert fit(shape, Machine("enough", ram=int(needed * 1.12)), 2048, 64).fits


def test_no_window_is_counted_that_the_model_has_not() -> None:
    assert fit(shape_of("mistral-7b"), MACHINES["t4"], 100_000, 64).num_ctx == 32_768


# --- by a file -----------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_file_tells_what_its_server_tells_once_it_is_loaded(gguf: Path) -> None:
    shape = of_file(gguf).shape
    options = ServerOptions(num_ctx=2048, num_batch=64, num_thread=1, seed=1)
    model = LlamaCppModel(str(gguf), gguf.parent, options, first_token_timeout=120, generate_timeout=120)
    async with model:
        assert (await model.profile()).parameters == shape.parameters
        size = (await model.status()).size_bytes
    assert size
    assert abs(shape.weights - size) < 0.02 * size
    assert shape.kv_cache(8192, 64) - shape.kv_cache(2048, 64) == 135 << 20  # as was measured of its process


def test_windows_of_gemma_3_and_the_batch_being_read_are_counted_as_llama_cpp_does() -> None:
    keys = {
        "general.architecture": "gemma3",
        "gemma3.block_count": 18,
        "gemma3.embedding_length": 640,
        "gemma3.attention.head_count": 4,
        "gemma3.attention.head_count_kv": 1,
        "gemma3.attention.key_length": 256,
        "gemma3.attention.value_length": 256,
        "gemma3.attention.sliding_window": 512,
    }
    shape = of_gguf(Header(keys, parameters=268_098_176, size=0), 1)
    # What llama.cpp says when it loads Gemma 3 270M, for the layers without a window and those with one.
    mib = 1 << 20
    assert shape.kv_cache(4096, 64) == 12 * mib + 11.25 * mib
    assert shape.kv_cache(4096, 512) == 12 * mib + 15 * mib
    assert shape.kv_cache(1024, 300) == 3 * mib + 15 * mib


def test_a_window_that_llama_cpp_ignores_is_not_counted() -> None:
    keys = {
        "general.architecture": "phi3",
        "phi3.block_count": 32,
        "phi3.embedding_length": 3072,
        "phi3.attention.head_count": 32,
        "phi3.attention.sliding_window": 2047,
    }
    assert of_gguf(Header(keys, parameters=1, size=0), 1).kv_cache(4096, 64) == 384 * KIB * 4096


_ONE_KEY = b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"k", 9)  # an array
DAMAGED = {
    "empty": b"",
    "text": b"notes",
    "cut off": b"GGUF",
    "nonsense": b"GGUF\x03\x00\x00\x00" + b"\xff" * 64,
    "arrays in arrays": _ONE_KEY + struct.pack("<IQ", 9, 1) * 5000,
    "endless": _ONE_KEY + struct.pack("<IQ", 5, 1 << 62),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_what_is_no_gguf_is_told_as_such(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes.gguf").write_bytes(content)
    with pytest.raises(ModelMissing, match=r"notes\.gguf is not a GGUF file"):
        of_file(tmp_path / "notes.gguf")


# --- by the hub and by the registry --------------------------------------------------------------

REPOSITORY = "/api/models/org/tiny"
CONFIG = "/org/tiny/resolve/abc/config.json"


def info(**more: Any) -> dict[str, Any]:
    files = [{"rfilename": "model.safetensors", "size": 14_500_000_000}, {"rfilename": "README.md"}]
    return {"sha": "abc", "siblings": files, "cardData": {"license": "mit"}, "gated": False, **more}


def test_a_repository_tells_its_weights_licence_and_cache() -> None:
    files = {REPOSITORY: info(safetensors={"total": 7_240_000_000}), CONFIG: KNOWN["mistral-7b"][0]}
    with file_server(files) as server:
        found = of_hub("org/tiny", server.url, None)
    assert (found.shape.weights, found.shape.parameters) == (14_500_000_000, 7_240_000_000)
    assert (found.licence, found.gated) == ("mit", None)
    assert found.shape.kv_cache(4096, 64) == 512 << 20


def test_of_a_gguf_on_the_hub_the_header_is_read_alone(gguf: Path) -> None:
    content = gguf.read_bytes()
    siblings = [{"rfilename": "tiny.Q4_K_M.gguf", "size": len(content)}, {"rfilename": "tiny.Q8_0.gguf"}]
    files: dict[str, Any] = {REPOSITORY: info(siblings=siblings)}
    files["/org/tiny/resolve/abc/tiny.Q4_K_M.gguf"] = content
    with file_server(files) as server:
        found = of_hub("org/tiny", server.url, None)
        assert server.sent < 4 << 20
    assert found.shape == of_file(gguf).shape


def test_the_registry_tells_size_and_licence(gguf: Path) -> None:
    content = gguf.read_bytes()
    layers = [
        {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:1", "size": len(content)},
        {"mediaType": "application/vnd.ollama.image.license", "digest": "sha256:2", "size": 9},
    ]
    files: dict[str, Any] = {
        "/v2/library/tiny/manifests/1b": {"layers": layers},
        "/v2/library/tiny/blobs/sha256:1": content,
        "/v2/library/tiny/blobs/sha256:2": b"\nApache License\nVersion 2.0\n",
    }
    with file_server(files) as server:
        found = of_registry(f"{server.url.removeprefix('http://')}/library/tiny:1b")
    assert found.shape == of_file(gguf).shape
    assert found.licence == "Apache License"


@pytest.mark.parametrize(
    ("files", "error", "told"),
    [
        ({}, ModelMissing, "no model org/tiny"),
        ({REPOSITORY: info(gated="manual"), CONFIG: 403}, ModelMissing, "accept its terms.*HF_TOKEN_PATH"),
        ({REPOSITORY: 503}, DownloadFailed, "try again later"),
        ({REPOSITORY: b"<html>"}, DownloadFailed, "does not tell how large"),
        ({REPOSITORY: info(), CONFIG: {"model_type": "other"}}, DownloadFailed, "does not tell how large"),
    ],
    ids=["missing", "gated", "down", "no hub", "an unknown architecture"],
)
def test_each_trouble_has_words_of_its_own(files: dict[str, Any], error: type[Exception], told: str) -> None:
    with file_server(files) as server, pytest.raises(error, match=told):
        of_hub("org/tiny", server.url, None)


def test_without_a_network_it_says_so() -> None:
    with pytest.raises(DownloadFailed, match="is there a network"):
        of_hub("org/tiny", "http://127.0.0.1:9", None)
    with pytest.raises(DownloadFailed, match="is there a network"):
        of_registry("127.0.0.1:9/library/tiny")


# --- by an Ollama --------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("user", "key", "sent"),
    [
        ("", None, None),
        ("", "secret", "Bearer secret"),
        ("jo:p@", None, "Basic am86cA=="),
        ("jo:p@", "secret", "Bearer secret"),
    ],
)
async def test_a_key_takes_the_place_of_a_password_in_the_address(
    user: str, key: str | None, sent: str | None
) -> None:
    async with model_server({}) as server:
        url = server.url.replace("://", f"://{user}")
        assert await asyncio.to_thread(of_ollama, "tiny", url, key) is None  # it has no models
        assert server.authorizations == [sent]
