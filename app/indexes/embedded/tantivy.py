"""One version of the embedded index, as files in a folder: what it holds and how it is searched."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import tantivy
from tantivy import DocAddress, Document, Filter, Occur, Query, Schema, Searcher, TextAnalyzer, Tokenizer

from app.domain import FaqEntry
from app.embedders.base import Vector
from app.errors import IndexUnreadable, SearchUnavailable
from app.indexes.base import IndexRecord
from app.indexes.embedded.vectors import Vectors, VectorWriter, open_vectors
from app.indexes.format import (
    DAMAGED,
    check_dimension,
    damage_reported,
    entry_data,
    manifest_data,
    read_entry,
    read_manifest,
    read_statistics,
    statistics_data,
)
from app.indexes.manifest import Manifest
from app.ranking.candidates import Candidate, Candidates, WordStatistics
from app.ranking.languages import LANGUAGES, UNSTEMMED
from app.ranking.text import WordCounter, bigrams, entry_words, grams, question_words

log = logging.getLogger(__name__)

# Languages that tantivy has stop words for.
_STOPPED = LANGUAGES - UNSTEMMED - {"arabic", "hindi", "turkish"}
_HEAP_BYTES = 32_000_000  # of the one writing thread; what does not fit becomes another segment
_MANIFEST, _STATISTICS, _FILES = "manifest.json", "statistics.json", "tantivy"


@dataclass(frozen=True, slots=True)
class Version:
    """A version opened for reading. It keeps working when its folder is removed."""

    manifest: Manifest  # without an embedder where its vectors are not whole
    statistics: WordStatistics
    vectors: Vectors | None
    _schema: Schema
    _searcher: Searcher
    _analyser: TextAnalyzer

    def search(self, question: str, vector: Vector | None, collection: str | None, size: int) -> Candidates:
        """Raises IndexUnreadable when damage shows only now, as do `records`."""
        query = self._query(question, collection)
        with _panics_reported():
            by_words = self._searcher.search(query, size, count=False).hits
            if vector is None or self.vectors is None:
                found = [Candidate(self._entry(address), lexical=score) for score, address in by_words]
                return Candidates(found)
            check_dimension(vector, self.manifest)
            rows, cosines = self.vectors.nearest(vector, collection, size)
            found = self._merged(by_words, dict(zip(rows, cosines, strict=True)))
            return Candidates(found, cosines[-1] if cosines else None)

    def _merged(
        self, by_words: Sequence[tuple[Any, DocAddress]], cosines: Mapping[int, float]
    ) -> list[Candidate]:
        """Both lists as one; `cosines` are of rows, best first."""
        known = self._rows([address for _, address in by_words])
        found = [
            Candidate(self._entry(address), score, cosines.get(row))
            for row, (score, address) in zip(known, by_words, strict=True)
        ]
        further = self._addresses(set(cosines).difference(known))
        rows = self._rows(further)
        return found + [
            Candidate(self._entry(address), None, cosines[row])
            for row, address in zip(rows, further, strict=True)
        ]

    def _rows(self, addresses: list[DocAddress]) -> list[Any]:
        return self._searcher.fast_field_values("row", addresses)

    def _addresses(self, rows: Collection[int]) -> list[DocAddress]:
        query = Query.boolean_query([(Occur.Should, self._term("row", row, "basic")) for row in rows])
        return [address for _, address in self._searcher.search(query, max(len(rows), 1), count=False).hits]

    def records(self) -> Iterator[FaqEntry]:
        """All entries, in the order they lie in the files."""
        with _panics_reported():
            everything = self._searcher.search(
                Query.all_query(), max(self._searcher.num_docs, 1), count=False
            )
            for _, address in everything.hits:
                yield self._entry(address)

    def _entry(self, address: tantivy.DocAddress) -> FaqEntry:
        return read_entry(orjson.loads(self._searcher.doc(address).get_first("record") or b""))

    def _query(self, question: str, collection: str | None) -> Query:
        """The question's words, their pairs and their pieces: whatever matches adds its BM25."""
        asked = question_words(question)
        terms = {
            "text": (1.0, self._analyser.analyze(" ".join(asked))),
            "bigrams": (0.5, bigrams(asked)),
            "grams": (0.3, grams(asked)),
        }
        matches = Query.boolean_query(
            [
                (Occur.Should, Query.boost_query(self._term(name, term, "freq"), weight * times))
                for name, (weight, found) in terms.items()
                for term, times in Counter(found).items()
            ]
        )
        if collection is None:
            return matches
        inside = Query.const_score_query(self._term("collection", collection, "basic"), 0.0)
        return Query.boolean_query([(Occur.Must, matches), (Occur.Must, inside)])

    def _term(self, field: str, term: str | int, option: str) -> Query:
        return Query.term_query(self._schema, field, term, option)


def open_version(folder: Path) -> Version:
    """Raises IndexUnreadable when it is not whole, OSError when the system denies access."""
    with _panics_reported():
        manifest = read_manifest(_read_json(folder / _MANIFEST))
        with _lockable(folder / _FILES) as files:
            index = tantivy.Index.open(str(files))
            index.config_reader("manual")  # nothing is ever added, so nothing need be watched for
            index.reload()
        analyser = _analyser(manifest.language)
        statistics = read_statistics(_read_json(folder / _STATISTICS))
        vectors = _vectors(folder, manifest)
        if vectors is None:
            manifest = replace(manifest, embedder=None)
        return Version(manifest, statistics, vectors, index.schema, index.searcher(), analyser)


def _vectors(folder: Path, manifest: Manifest) -> Vectors | None:
    """None in an index without an embedder, and where they are not whole: words are found without them."""
    if manifest.embedder is None:
        return None
    try:
        return open_vectors(folder, manifest.collections, manifest.embedder.dimension)
    except (OSError, IndexUnreadable):
        log.warning("the vectors of the index cannot be used; make it anew with `askd index rebuild`")
        return None


def write_version(
    folder: Path, manifest: Manifest, records: Iterable[IndexRecord], progress: Callable[[int], None]
) -> int:
    """Write all that a version is, and count the entries in it afterwards. Raises SearchUnavailable."""
    (folder / _FILES).mkdir()
    with _write_failures():
        index = tantivy.Index(_schema(), path=str(folder / _FILES), reuse=False)
        index.register_tokenizer("language", _analyser(manifest.language))
        writer = index.writer(_HEAP_BYTES, num_threads=1)
    counter = WordCounter()
    with _vector_writer(folder, manifest) as vectors:
        for record in records:
            found = entry_words(record.entry)
            counter.add(found)
            row = vectors.add(record) if vectors else None
            with _write_failures():
                writer.add_document(_document(record.entry, found, row))
            progress(1)
    with _write_failures():
        writer.commit()
        writer.wait_merging_threads()
    if vectors:
        vectors.finish(lambda: progress(0))
    (folder / _STATISTICS).write_bytes(orjson.dumps(statistics_data(counter.statistics())))
    (folder / _MANIFEST).write_bytes(orjson.dumps(manifest_data(manifest)))
    index.reload()
    return index.searcher().num_docs


def _vector_writer(folder: Path, manifest: Manifest) -> AbstractContextManager[VectorWriter | None]:
    if manifest.embedder is None:
        return nullcontext()
    return VectorWriter(folder, manifest.collections, manifest.embedder.dimension)


def _schema() -> Schema:
    fields = tantivy.SchemaBuilder()
    fields.add_bytes_field("record", stored=True)
    fields.add_unsigned_field("row", indexed=True, fast=True)  # of its vector
    fields.add_text_field("collection", tokenizer_name="raw", index_option="basic")
    fields.add_text_field("text", tokenizer_name="language", index_option="freq")
    # tantivy has no filter for pairs, and its n-grams ignore words: both are made here and joined by spaces.
    fields.add_text_field("bigrams", tokenizer_name="whitespace", index_option="freq")
    fields.add_text_field("grams", tokenizer_name="whitespace", index_option="freq")
    return fields.build()


def _document(entry: FaqEntry, found: Sequence[str], row: int | None) -> Document:
    document = Document()
    document.add_bytes("record", orjson.dumps(entry_data(entry)))
    if row is not None:
        document.add_unsigned("row", row)
    document.add_text("collection", entry.collection)
    document.add_text("text", " ".join(found))
    document.add_text("bigrams", " ".join(bigrams(found)))
    document.add_text("grams", " ".join(grams(found)))
    return document


def _analyser(language: str) -> TextAnalyzer:
    """For words that `app.ranking.text` has already separated and lowercased."""
    builder = tantivy.TextAnalyzerBuilder(Tokenizer.whitespace())
    if language in _STOPPED:
        builder = builder.filter(Filter.stopword(language))
    if language in LANGUAGES - UNSTEMMED - {"hindi"}:  # tantivy has no stemmer for Hindi
        builder = builder.filter(Filter.stemmer(language))
    return builder.build()


@contextmanager
def _write_failures() -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # all that tantivy says when its thread could not write
        raise SearchUnavailable("the index could not be written; is the disk full?") from error


@contextmanager
def _panics_reported() -> Iterator[None]:
    """As `damage_reported`; tantivy also panics, which arrives as a BaseException of no importable type."""
    try:
        with damage_reported():
            yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise IndexUnreadable(DAMAGED) from error


@contextmanager
def _lockable(files: Path) -> Iterator[Path]:
    """Where tantivy can open the files: it makes a lock file among them, even to read.

    On a disk that is read-only that is a folder of links to them, for the moment of the opening.
    """
    if os.access(files, os.W_OK, effective_ids=True):
        yield files
        return
    with TemporaryDirectory(prefix="askd-") as links:
        for file in files.iterdir():
            if not file.name.endswith(".lock"):
                (Path(links) / file.name).symlink_to(file.resolve())
        yield Path(links)


def _read_json(path: Path) -> Any:
    return orjson.loads(path.read_bytes())
