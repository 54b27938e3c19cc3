"""The embedded index: files on disk, searched in this process by tantivy. Needs no server."""

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
from app.indexes.format import check_language, check_schema, damage_translated, previous_version
from app.indexes.manifest import IndexVersion, Manifest

_BATCH = 500


class EmbeddedIndex:
    """Reads and writes the index `name` in `directory`. File access runs in threads."""

    def __init__(self, directory: Path, name: str) -> None:
        self._folders = VersionFolders(directory / name)
        self._opening = threading.Lock()
        self._opened: tuple[object, Version] | None = None  # with the signature it was opened at

    # --- reading ---

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int, context: str = ""
    ) -> SearchResult:
        version = await self._readable()
        candidates = await asyncio.to_thread(version.search, question, context, vector, collection, size)
        return SearchResult(version.manifest, version.statistics, candidates)

    async def manifest(self) -> Manifest:
        return (await self._readable()).manifest

    async def records(self) -> AsyncIterator[FaqEntry]:
        # Whatever its schema: `askd index rebuild` reads an index that can no longer be searched.
        version = await asyncio.to_thread(self._current)
        records = version.records()
        while batch := await asyncio.to_thread(lambda: list(islice(records, _BATCH))):
            for entry in batch:
                yield entry

    async def _readable(self) -> Version:
        # Checking for a new version is one `stat`, which would take ten times as long in a thread.
        version = self._unchanged()
        if version is None:
            version = await asyncio.to_thread(self._current)
        check_schema(version.manifest)
        return version

    def _current(self) -> Version:
        """The current version, opened if it has changed since the last call."""
        with _translated_errors(), self._opening:
            return self._unchanged() or self._open()

    def _unchanged(self) -> Version | None:
        """The opened version, if it is still current."""
        with _translated_errors():
            opened = self._opened
            return opened[1] if opened and opened[0] == self._folders.signature() else None

    def _open(self) -> Version:
        while True:
            signature = self._folders.signature()
            if signature is None:
                raise IndexMissing("there is no index yet; run `askd ingest FILE`")
            try:
                with damage_translated():
                    version = open_version(self._folders.path_of(self._folders.listed()[0]))
            except IndexUnreadable:
                if self._folders.signature() == signature:
                    raise
                continue  # an ingest switched versions and removed this one while it was being opened
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
            cancelled.set()  # otherwise the thread would go on and publish
            raise

    def _publish(
        self, manifest: Manifest, records: Iterable[IndexRecord], progress: Callable[[int], None]
    ) -> None:
        with _translated_errors(), self._folders.locked():
            building = self._folders.begin(manifest.version)
            written = write_version(building, manifest, records, progress)
            if written != manifest.entries:
                raise SearchUnavailable(
                    f"{written} of {manifest.entries} entries were written; the old version stays current"
                )
            self._folders.finish(building)
            self._folders.switch(manifest.version)
            self._folders.clean()

    async def versions(self) -> Sequence[IndexVersion]:
        return await asyncio.to_thread(self._versions)

    def _versions(self) -> Sequence[IndexVersion]:
        found = []
        with _translated_errors():
            listed = self._folders.listed()
        for name in listed:
            folder = self._folders.path_of(name)
            with _translated_errors(), suppress(IndexUnreadable):  # no rollback to a damaged version
                version = open_version(folder)
                vectors = version.vectors.kind if version.vectors else None
                found.append(IndexVersion(version.manifest, name == listed[0], size_of(folder), vectors))
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
