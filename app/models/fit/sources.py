"""Metadata of models: of a file, the model hub, Ollama's registry or an Ollama. No weights are read."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from app.errors import ModelMissing
from app.models.fit.shapes import Described, Shape, of_config, of_gguf
from app.models.gguf import Header, read_file, read_header
from app.models.hub import SECONDS, explained, json_of, open_hub, repository_info
from app.models.ollama.client import API_PATH, authorization

_REGISTRY = "registry.ollama.ai"
_MODEL_LAYER, _LICENCE_LAYER = "application/vnd.ollama.image.model", "application/vnd.ollama.image.license"


def of_file(path: Path) -> Described:
    """Raises ModelMissing."""
    try:
        return Described(path.name, of_gguf(read_file(path), path.stat().st_size))
    except (OSError, ValueError) as error:
        raise ModelMissing(f"{path.name} is not a GGUF file that can be read") from error


def of_hub(name: str, endpoint: str, token: str | None) -> Described:
    """`name` is a repository, or one of its GGUF files. Raises ModelMissing or DownloadFailed."""
    owner, repository, *rest = name.split("/", 2)
    repository = f"{owner}/{repository}"
    with open_hub(token) as client, explained(name, "the model hub"):
        found = repository_info(client, endpoint, repository)
        file = rest[0] if rest else _smallest_gguf(found.sizes)
        found.refuse_gated(client, file or "config.json")
        if file:
            shape = _remote_gguf(client, found.url(file), found.sizes.get(file, 0))
        else:
            weights = sum(size for path, size in found.sizes.items() if path.endswith(".safetensors"))
            config = json_of(client.get(found.url("config.json")), repository)
            shape = of_config(config, weights, found.parameters)
        full_name = f"{repository}/{file}" if file else repository
        return Described(full_name, shape, found.licence, found.gated, found.page)


def _smallest_gguf(sizes: Mapping[str, int]) -> str | None:
    """Of a repository that holds nothing but GGUF files."""
    files = [path for path in sizes if path.endswith(".gguf")]
    if any(path.endswith(".safetensors") for path in sizes):
        return None
    return min((path for path in files if "Q4_K_M" in path), key=len, default=next(iter(sorted(files)), None))


def of_registry(name: str) -> Described:
    """`name` as Ollama's, such as `gemma:2b`. Raises ModelMissing or DownloadFailed."""
    host, path, tag = _registry_name(name)
    scheme = "http" if urlsplit(f"//{host}").hostname in ("127.0.0.1", "::1", "localhost") else "https"
    base = f"{scheme}://{host}/v2/{path}"
    with open_hub(None) as client, explained(name, "Ollama's registry"):
        manifest = json_of(client.get(f"{base}/manifests/{tag}"), name)
        layers = {layer["mediaType"]: layer for layer in manifest["layers"]}
        weights = layers[_MODEL_LAYER]
        shape = _remote_gguf(client, f"{base}/blobs/{weights['digest']}", int(weights["size"]))
        licence = None
        if told := layers.get(_LICENCE_LAYER):
            text = client.get(f"{base}/blobs/{told['digest']}").text
            licence = next((line.strip() for line in text.splitlines() if line.strip()), None)
        return Described(name, shape, licence)


def of_ollama(name: str, url: str, api_key: str | None = None) -> Described | None:
    """A model that the Ollama at `url` has; None where it has none of that name, or does not answer."""
    base = API_PATH.sub("", url.rstrip("/"))
    auth = authorization(httpx.URL(base), api_key)
    try:
        with httpx.Client(timeout=SECONDS, trust_env=False, auth=auth) as client:
            asked = {"model": name, "verbose": True}  # with the tokenizer
            shown = client.post(f"{base}/api/show", json=asked).raise_for_status().json()
            listed = client.get(f"{base}/api/tags").raise_for_status().json()["models"]
    except httpx.HTTPError:
        return None
    names = (name, f"{name}:latest")
    size = next((int(model["size"]) for model in listed if model["model"] in names), 0)
    keys = shown["model_info"]
    with explained(name, "Ollama"):
        header = Header(keys, int(keys.get("general.parameter_count") or 0), 0)
        licence = next(iter((shown.get("license") or "").strip().splitlines()), None)
        return Described(name, of_gguf(header, size), licence)


def _registry_name(name: str) -> tuple[str, str, str]:
    """Host, path and tag, as Ollama completes them."""
    path, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        path, tag = name, "latest"
    parts = path.split("/")
    host = parts.pop(0) if len(parts) == 3 else _REGISTRY
    return host, "/".join(parts if len(parts) == 2 else ["library", *parts]), tag


def _remote_gguf(client: httpx.Client, url: str, size: int) -> Shape:
    def read(at: int, count: int) -> bytes:
        with client.stream("GET", url, headers={"Range": f"bytes={at}-{at + count - 1}"}) as response:
            response.raise_for_status()
            if response.status_code != 206 and at:
                raise ValueError("the server sends no parts of files")
            data = b""
            for part in response.iter_bytes():
                data += part
                if len(data) >= count:  # one that knows no ranges sends the whole file
                    break
            return data[:count]

    return of_gguf(read_header(read), size)
