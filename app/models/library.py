"""The port of what a model server has: its models, and how it gets more."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ListedModel:
    name: str
    size_bytes: int | None = None
    loaded: bool | None = None  # None: the server does not say


@dataclass(frozen=True, slots=True)
class Download:
    """How far one is, in bytes."""

    completed: int
    total: int


class ModelLibrary(Protocol):
    async def models(self) -> Sequence[ListedModel]:
        """Raises ModelUnavailable."""
        ...

    def pull(self, name: str) -> AsyncGenerator[Download]:
        """Closing it stops the download, which goes on from there the next time.

        Raises DownloadFailed, ModelMissing or ModelUnavailable.
        """
        ...

    async def remove(self, name: str) -> None:
        """Raises ModelMissing or ModelUnavailable."""
        ...
