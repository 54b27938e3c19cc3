"""The index in this process: files on disk, searched by tantivy. Needs no server."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from app.domain import FaqEntry
from app.embedders.base import Vector
from app.errors import IndexMissing, IndexUnreadable, SearchUnavailable
from app.indexes.base import IndexRecord, SearchResult
from app.indexes.embedded.tantivy import Version, open_version, write_version
from app.indexes.embedded.versions import VersionFolders, size_of
from app.indexes.format import check_language, check_schema, damage_reported, previous_version
from app.indexes.manifest import IndexVersion, Manifest

_BATCH = 500


class EmbeddedIndex:
    """Both sides of the index `name` below `directory`. What reads and writes files runs in threads."""

    def __init__(self, directory: Path, name: str) -> None:
        self._folders = VersionFolders(directory / name)
        self._opening = threading.Lock()
        self._opened: tuple[object, Version] | None = None  # with the signature it was opened at

    # --- reading ---

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int
    ) -> SearchResult:
        version = await self._readable()
        candidates = await asyncio.to_thread(version.search, question, vector, collection, size)
        return SearchResult(version.manifest, version.statistics, candidates)

    async def manifest(self) -> Manifest:
        return (await self._readable()).manifest

    async def records(self) -> AsyncIterator[FaqEntry]:
        # Whatever its schema: an index that can no longer be searched is made anew from its records.
        version = await asyncio.to_thread(self._current)
        records = version.records()
        while batch := await asyncio.to_thread(lambda: list(islice(records, _BATCH))):
            for entry in batch:
                yield entry

    async def _readable(self) -> Version:
        # Whether another version serves is one look at a file, which a thread would make ten times slower.
        version = self._unchanged()
        if version is None:
            version = await asyncio.to_thread(self._current)
        check_schema(version.manifest)
        return version

    def _current(self) -> Version:
        """The version that serves; opened again when that is another one than before."""
        with _translated_errors(), self._opening:
            return self._unchanged() or self._open()

    def _unchanged(self) -> Version | None:
        """The version that was opened, if it still serves."""
        with _translated_errors():
            opened = self._opened
            return opened[1] if opened and opened[0] == self._folders.signature() else None

    def _open(self) -> Version:
        while True:
            signature = self._folders.signature()
            if signature is None:
                raise IndexMissing("there is no index yet; run `askd ingest FILE`")
            try:
                with damage_reported():
                    version = open_version(self._folders.path_of(self._folders.served()[0]))
            except IndexUnreadable:
                if self._folders.signature() == signature:
                    raise
                continue  # while it was opened, an ingest switched to another one and removed it
            self._opened = signature, version
            return version

    # --- writing ---

    async def publish(
        self, manifest: Manifest, records: Iterable[IndexRecord], progress: Callable[[int], None]
    ) -> None:
        check_language(manifest)
        cancelled = threading.Event()

        def progress_until_cancelled(written: int) -> None:
            if cancelled.is_set():
                raise asyncio.CancelledError
            progress(written)

        try:
            await asyncio.to_thread(self._publish, manifest, records, progress_until_cancelled)
        except asyncio.CancelledError:
            cancelled.set()  # the thread would go on and publish
            raise

    def _publish(
        self, manifest: Manifest, records: Iterable[IndexRecord], progress: Callable[[int], None]
    ) -> None:
        with _translated_errors(), self._folders.locked():
            building = self._folders.begin(manifest.version)
            written = write_version(building, manifest, records, progress)
            if written != manifest.entries:
                raise SearchUnavailable(
                    f"{written} of {manifest.entries} entries were written; the old version keeps serving"
                )
            self._folders.finish(building)
            self._folders.switch(manifest.version)
            self._folders.clean()

    async def versions(self) -> Sequence[IndexVersion]:
        return await asyncio.to_thread(self._versions)

    def _versions(self) -> Sequence[IndexVersion]:
        found = []
        with _translated_errors():
            served = self._folders.served()
        for name in served:
            folder = self._folders.path_of(name)
            with _translated_errors(), suppress(IndexUnreadable):  # a damaged one is none to go back to
                version = open_version(folder)
                vectors = version.vectors.kind if version.vectors else None
                found.append(IndexVersion(version.manifest, name == served[0], size_of(folder), vectors))
        return sorted(found, key=lambda version: version.manifest.created, reverse=True)

    async def rollback(self) -> IndexVersion:
        return await asyncio.to_thread(self._rollback)

    def _rollback(self) -> IndexVersion:
        with _translated_errors(), self._folders.locked():
            previous = previous_version(self._versions())
            self._folders.switch(previous.manifest.version)
            return previous


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SearchUnavailable(f"the index on disk could not be used: {error.strerror}") from error
