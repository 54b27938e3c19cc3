"""The embedder of the measurements that have one: fetched once, as the tests do."""

from pathlib import Path

from platformdirs import user_cache_path

from app.embedders.base import EmbedderInfo
from app.embedders.catalogue import own_recipe, pull
from app.embedders.onnx import OnnxEmbedder
from app.settings import Settings

EMBEDDER = "bge-small-en-v1.5"


def embedder_home() -> Path:
    """A data directory that has its files."""
    home = user_cache_path("askd", appauthor=False)
    pull(EMBEDDER, home / "models", lambda _: None)
    return home


async def embedder_info() -> EmbedderInfo:
    home = embedder_home()
    opened = OnnxEmbedder(EMBEDDER, home / "models", own_recipe(Settings(_env_file=None)), home / "unused")
    try:
        return await opened.info()
    finally:
        opened.close()
