"""The models that clients of OpenAI's API choose from: one for each collection of the FAQ."""

from collections.abc import Sequence

from pydantic import BaseModel

from app.errors import UnknownCollection
from app.indexes.manifest import Manifest

_ALL = "askd"
_WITH_SOURCES = "askd+sources"  # the same, and the sources are listed at the end of the text


class ModelOut(BaseModel):
    id: str
    object: str = "model"
    created: int
    owned_by: str = "askd"


class ModelList(BaseModel):
    object: str = "list"
    data: list[ModelOut]


def models_of(manifest: Manifest) -> Sequence[ModelOut]:
    created = int(manifest.created.timestamp())
    names = [_ALL, *(f"{_ALL}/{name}" for name in sorted(manifest.collections))]
    return [ModelOut(id=name, created=created) for name in names]


def model_named(name: str, manifest: Manifest) -> ModelOut:
    """Raises UnknownCollection."""
    collection = collection_of(name)
    if collection is not None and collection not in manifest.collections:
        raise _no_model(name)
    return ModelOut(id=name, created=int(manifest.created.timestamp()))


def collection_of(model: str) -> str | None:
    """None: all of the FAQ. Raises UnknownCollection."""
    head, slash, collection = model.partition("/")
    if head not in (_ALL, _WITH_SOURCES) or (slash and not collection):
        raise _no_model(model)
    return collection or None


def lists_sources(model: str) -> bool:
    return model.partition("/")[0] == _WITH_SOURCES


def _no_model(name: str) -> UnknownCollection:
    return UnknownCollection(f"there is no model {name[:200]!r}; GET /v1/models lists them")
