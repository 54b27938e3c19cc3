"""Searches for the texts of one question: their vectors, and what the index has for words and vectors."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.answering.embedder_state import embedder_trouble, unavailable
from app.domain import Notice
from app.embedders.base import Embedder, Vector
from app.errors import EmbedderUnavailable, IndexUnreadable, UnknownCollection
from app.indexes.base import SearchIndex, SearchResult
from app.indexes.manifest import Manifest
from app.ranking.conversation import Context, towards
from app.ranking.synonyms import search_text, wordings
from app.ranking.text import mostly_latin

_CANDIDATES = 30  # of each list: enough that de-duplication still leaves as many hits as wanted


@dataclass(frozen=True, slots=True)
class Searched:
    """The texts of one question, all searched in one version of the index."""

    texts: Sequence[str]
    results: Sequence[SearchResult]
    manifest: Manifest
    notices: list[Notice]
    embed_ms: float
    search_ms: float


@dataclass(frozen=True)
class Searcher:
    index: SearchIndex
    embedder: Embedder | None  # None: search by words alone
    clock: Callable[[], float] = time.perf_counter  # seconds

    async def search(
        self, texts: Sequence[str], collection: str | None, context: Context | None = None
    ) -> Searched:
        """In one version of the index: if a new one is published meanwhile, it starts over.

        In a context the words and the meaning of what was said count a little, too.
        """
        started = self.clock()
        read = [context.completed(text) for text in texts] if context else texts
        said = context.said if context else ""
        manifest = await self.index.manifest()
        while True:
            _check_collection(collection, manifest)
            if context:
                (*vectors, lately), notices = await self._embed([*texts, context.lately], manifest)
                vectors = [towards(vector, lately) for vector in vectors]
            else:
                vectors, notices = await self._embed(texts, manifest)
            embedded = self.clock()
            try:
                results = await asyncio.gather(
                    *(
                        self.index.search(
                            search_text(wordings(text, manifest.synonyms)),
                            vector=vector,
                            collection=collection,
                            size=_CANDIDATES,
                            context=said,
                        )
                        for text, vector in zip(texts, vectors, strict=True)
                    )
                )
                versions = [result.manifest for result in results]
            except IndexUnreadable:  # of a new version, whose embedder makes vectors of another size?
                versions = [await self.index.manifest()]
                if versions[0].version == manifest.version:
                    raise
            other = [each for each in versions if each.version != manifest.version]
            if not other:
                break
            manifest = other[-1]  # collection, synonyms and vectors were of the version before it
        searched = self.clock()
        embed_ms, search_ms = (embedded - started) * 1000, (searched - embedded) * 1000
        return Searched(read, results, manifest, notices, embed_ms, search_ms)

    async def _embed(
        self, texts: Sequence[str], manifest: Manifest
    ) -> tuple[list[Vector | None], list[Notice]]:
        """The texts' vectors; Nones, with the reason, where only words can be compared."""
        none: list[Vector | None] = [None] * len(texts)
        if self.embedder is None:
            return none, []
        trouble = await embedder_trouble(self.embedder, manifest)
        if trouble is None:
            try:
                info = await self.embedder.info()
                readable = [text for text in texts if mostly_latin(text) or not info.latin_only]
                found = await asyncio.gather(*map(self.embedder.embed_question, readable))
                vector_of = dict(zip(readable, found, strict=True))
                return [vector_of.get(text) for text in texts], []
            except EmbedderUnavailable as error:
                trouble = unavailable(error)
        return none, [trouble]


def _check_collection(wanted: str | None, manifest: Manifest) -> None:
    if wanted is not None and wanted not in manifest.collections:
        there = ", ".join(sorted(manifest.collections))
        raise UnknownCollection(f"no collection {wanted!r}; there are: {there}")
