"""One version of the embedded index: the files it consists of, and how they are searched."""

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
    damage_translated,
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
from app.ranking.text import (
    CONTEXT_WEIGHT,
    WordCounter,
    bigrams,
    common_grams,
    context_words,
    entry_words,
    grams,
    question_words,
)

log = logging.getLogger(__name__)

# Languages for which tantivy has stop words.
_WITH_STOP_WORDS = LANGUAGES - UNSTEMMED - {"arabic", "hindi", "turkish"}
_HEAP_BYTES = 32_000_000  # of the single writer thread; what does not fit goes into another segment
_MANIFEST, _STATISTICS, _FILES = "manifest.json", "statistics.json", "tantivy"


@dataclass(frozen=True, slots=True)
class Version:
    """A version opened for reading. It stays usable after its folder is removed."""

    manifest: Manifest  # without an embedder where its vectors are damaged
    statistics: WordStatistics
    vectors: Vectors | None
    _schema: Schema
    _searcher: Searcher
    _analyser: TextAnalyzer
    _common_grams: frozenset[str]

    def search(
        self, question: str, context: str, vector: Vector | None, collection: str | None, size: int
    ) -> Candidates:
        """Raises IndexUnreadable for damage that opening did not find, as does `records`."""
        query = self._query(question, context, collection)
        with _panics_translated():
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
        """Joins both lists; `cosines` maps rows to cosines, best first."""
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
        """All entries, in the order of the files."""
        with _panics_translated():
            everything = self._searcher.search(
                Query.all_query(), max(self._searcher.num_docs, 1), count=False
            )
            for _, address in everything.hits:
                yield self._entry(address)

    def _entry(self, address: tantivy.DocAddress) -> FaqEntry:
        return read_entry(orjson.loads(self._searcher.doc(address).get_first("record") or b""))

    def _query(self, question: str, context: str, collection: str | None) -> Query:
        """Words, bigrams and character n-grams of the question, and the context's words with less weight.

        Scores are the weighted sum of their BM25.
        """
        asked = question_words(question)
        terms = {
            "text": (1.0, self._analyser.analyze(" ".join(asked))),
            "bigrams": (0.5, bigrams(asked)),
            "grams": (0.3, [gram for gram in grams(asked) if gram not in self._common_grams]),
        }
        weighted = [
            (self._term(name, term, "freq"), weight * times)
            for name, (weight, of_field) in terms.items()
            for term, times in Counter(of_field).items()
        ]
        for term in set(self._analyser.analyze(" ".join(context_words(context, asked)))):
            weighted.append((self._term("text", term, "freq"), CONTEXT_WEIGHT))
        matches = Query.boolean_query(
            [(Occur.Should, Query.boost_query(term, weight)) for term, weight in weighted]
        )
        if collection is None:
            return matches
        inside = Query.const_score_query(self._term("collection", collection, "basic"), 0.0)
        return Query.boolean_query([(Occur.Must, matches), (Occur.Must, inside)])

    def _term(self, field: str, term: str | int, option: str) -> Query:
        return Query.term_query(self._schema, field, term, option)


def open_version(folder: Path) -> Version:
    """Raises IndexUnreadable when it is damaged, OSError when the system denies access."""
    with _panics_translated():
        manifest = read_manifest(_read_json(folder / _MANIFEST))
        with _with_lock_file(folder / _FILES) as files:
            index = tantivy.Index.open(str(files))
            index.config_reader("manual")  # versions are immutable, so there is nothing to watch for
            index.reload()
        analyser = _analyser(manifest.language)
        statistics = read_statistics(_read_json(folder / _STATISTICS))
        vectors = _vectors(folder, manifest)
        if vectors is None:
            manifest = replace(manifest, embedder=None)
        common = common_grams(statistics)
        return Version(manifest, statistics, vectors, index.schema, index.searcher(), analyser, common)


def _vectors(folder: Path, manifest: Manifest) -> Vectors | None:
    """None in an index without an embedder, and where they are damaged: lexical search works without them."""
    if manifest.embedder is None:
        return None
    try:
        return open_vectors(folder, manifest.collections, manifest.embedder.dimension)
    except (OSError, IndexUnreadable):
        log.warning("the vectors of the index are damaged; recreate it with `askd index rebuild`")
        return None


def write_version(
    folder: Path, manifest: Manifest, records: Iterable[IndexRecord], progress: Callable[[int], None]
) -> int:
    """Write all files of a version; returns the number of entries in it. Raises SearchUnavailable."""
    (folder / _FILES).mkdir()
    with _write_errors_translated():
        index = tantivy.Index(_schema(), path=str(folder / _FILES), reuse=False)
        index.register_tokenizer("language", _analyser(manifest.language))
        writer = index.writer(_HEAP_BYTES, num_threads=1)
    counter = WordCounter()
    with _vector_writer(folder, manifest) as vectors:
        for record in records:
            words = entry_words(record.entry)
            counter.add(words)
            row = vectors.add(record) if vectors else None
            with _write_errors_translated():
                writer.add_document(_document(record.entry, words, row))
            progress(1)
    with _write_errors_translated():
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
    # tantivy has no filter for bigrams, and its n-grams ignore word boundaries: both are computed here.
    fields.add_text_field("bigrams", tokenizer_name="whitespace", index_option="freq")
    fields.add_text_field("grams", tokenizer_name="whitespace", index_option="freq")
    return fields.build()


def _document(entry: FaqEntry, words: Sequence[str], row: int | None) -> Document:
    document = Document()
    document.add_bytes("record", orjson.dumps(entry_data(entry)))
    if row is not None:
        document.add_unsigned("row", row)
    document.add_text("collection", entry.collection)
    document.add_text("text", " ".join(words))
    document.add_text("bigrams", " ".join(bigrams(words)))
    document.add_text("grams", " ".join(grams(words)))
    return document


def _analyser(language: str) -> TextAnalyzer:
    """For words that `app.ranking.text` has already split and lowercased."""
    builder = tantivy.TextAnalyzerBuilder(Tokenizer.whitespace())
    if language in _WITH_STOP_WORDS:
        builder = builder.filter(Filter.stopword(language))
    if language in LANGUAGES - UNSTEMMED - {"hindi"}:  # tantivy has no stemmer for Hindi
        builder = builder.filter(Filter.stemmer(language))
    return builder.build()


@contextmanager
def _write_errors_translated() -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # all that tantivy raises when its thread cannot write
        raise SearchUnavailable("the index could not be written; is the disk full?") from error


@contextmanager
def _panics_translated() -> Iterator[None]:
    """As `damage_translated`, and for panics of tantivy: a BaseException whose type cannot be imported."""
    try:
        with damage_translated():
            yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise IndexUnreadable(DAMAGED) from error


@contextmanager
def _with_lock_file(files: Path) -> Iterator[Path]:
    """A folder in which tantivy can open the files: it creates a lock file there, even for reading.

    On a read-only disk that is a temporary folder with links to the files.
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
