"""What askd needs from the outside world, and nothing more. Every adapter and every fake passes
the same contract suite (`tests/contract/`)."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Protocol

from app.domain import (
    Candidates,
    Chunk,
    EmbedderInfo,
    FaqEntry,
    IndexRecord,
    IndexVersion,
    Manifest,
    ModelProfile,
    ModelStatus,
    Prompt,
    Vector,
    WordStatistics,
)


class SearchIndex(Protocol):
    """The reading side of an index: what a request needs."""

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int
    ) -> Candidates:
        """Up to `size` candidates by words and, with a `vector`, up to `size` more by meaning.

        The `vector` must come from the embedder that the manifest names; an index without vectors
        ignores it. A candidate of both lists carries both signals.

        Raises SearchUnavailable, IndexMissing or IndexUnreadable.
        """
        ...

    async def manifest(self) -> Manifest:
        """What the current version says of itself, at most a second old. Raises as `search`."""
        ...

    async def statistics(self) -> WordStatistics:
        """Of the current version. Raises as `search`."""
        ...


class IndexStore(Protocol):
    """The writing side of an index: what ingest needs."""

    async def publish(
        self, manifest: Manifest, records: Iterable[IndexRecord], progress: Callable[[int], None]
    ) -> None:
        """Write a new version beside the old one, check it, then switch to it in one step.

        Readers see the old version or the new one, never a part. The version that was current is
        kept, older ones and what killed ingests left behind are removed. `progress` is told how
        many more entries were written. Every record has a vector when `manifest.embedder` is set,
        and none otherwise.

        Raises SearchUnavailable, IngestConflict or BadSettings; the old version then keeps serving.
        """
        ...

    async def versions(self) -> Sequence[IndexVersion]:
        """Newest first, without what cannot be read; empty when nothing was ever ingested.

        Raises SearchUnavailable.
        """
        ...

    async def rollback(self) -> IndexVersion:
        """Switch to the version that served before the current one; a second time switches back.

        Raises SearchUnavailable, NoPreviousVersion or IngestConflict.
        """
        ...

    def records(self) -> AsyncIterator[FaqEntry]:
        """The current version's entries, whole, also when another askd wrote them.

        Raises SearchUnavailable, IndexMissing or IndexUnreadable.
        """
        ...


class Embedder(Protocol):
    """Turns text into vectors of unit length. Every method loads the model first if need be."""

    async def info(self) -> EmbedderInfo:
        """Raises EmbedderUnavailable."""
        ...

    async def embed_question(self, question: str) -> Vector:
        """The vector to search with; never blocks the event loop. Raises EmbedderUnavailable."""
        ...

    def embed_entries(self, entries: Iterable[FaqEntry]) -> Iterator[Vector]:
        """One vector for each entry, of all its text, however long; for ingest, so it may block.

        Raises EmbedderUnavailable.
        """
        ...


class LanguageModel(Protocol):
    """A local model. `generate` may be called before `load`: it loads first."""

    async def load(self) -> None:
        """Bring the model into memory. Raises ModelUnavailable, ModelMissing or ModelTimeout."""
        ...

    async def profile(self) -> ModelProfile:
        """Raises ModelUnavailable, ModelMissing or ModelTimeout."""
        ...

    async def status(self) -> ModelStatus:
        """Where the model is now. Raises ModelUnavailable when its runtime does not answer."""
        ...

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        """Tokens of each text: exact where the tokenizer is at hand, else an estimate on the safe side.

        Raises ModelUnavailable, ModelMissing or ModelTimeout.
        """
        ...

    def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        """The reply, piece by piece; the last chunk carries the usage. Closing it stops the model.

        Raises ModelUnavailable, ModelMissing, ModelTimeout, or PromptTooLong before the first chunk:
        a prompt is never cut.
        """
        ...
