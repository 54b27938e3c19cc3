"""The vectors of one version of the embedded index, as files beside those of tantivy.

vectors.npy               one row per entry, grouped by collection; memory-mapped
nearest-<from>-<to>       an HNSW graph over these rows, where there are more than FLAT_VECTORS
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from voyager import Index, RecallError, Space, StorageDataType

from app.embedders.base import Vector
from app.errors import IndexUnreadable, SearchUnavailable
from app.indexes import format as index_format
from app.indexes.base import IndexRecord
from app.indexes.format import DAMAGED, damage_translated

_MATRIX = "vectors.npy"
_BATCH = 1000

# Parameters of the graphs. One byte per dimension takes a third of the memory of four, and recall is as good
# when more neighbours than wanted are fetched and ranked with the full vectors: 99.9 % of the nearest 50
# (20,000 clustered vectors, against exhaustive search).
_LINKS, _EF_CONSTRUCTION, _FETCHED = 16, 200, 400

Rows = NDArray[np.int64]


class VectorWriter:
    """Writes the vectors of a version into its folder; records may come in any order."""

    def __init__(self, folder: Path, collections: Mapping[str, int], dimension: int) -> None:
        self._folder = folder
        self._dimension = dimension
        self._spans = _spans(collections)
        self._written = Counter[str]()
        self._file = (folder / _MATRIX).open("wb")
        shape = sum(collections.values()), dimension
        np.lib.format.write_array_header_1_0(
            self._file, {"descr": "<f4", "fortran_order": False, "shape": shape}
        )
        self._header = self._file.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, record: IndexRecord) -> int:
        """Write the record's vector and return its row.

        Raises SearchUnavailable when the collection has more records than the manifest says.
        """
        collection = record.entry.collection
        span, position = self._spans.get(collection, range(0)), self._written[collection]
        if position >= len(span):
            raise SearchUnavailable(
                f"there are more entries in {collection!r} than were counted; the old version stays current"
            )
        if record.vector is None or record.vector.shape != (self._dimension,):
            raise ValueError(f"no vector of {self._dimension} dimensions for the entry {record.entry.key}")
        self._written[collection] += 1
        row = span[position]
        # Not through a memory map, where a full disk would kill the process.
        self._file.seek(self._header + row * self._dimension * 4)
        self._file.write(record.vector.astype("<f4").tobytes())
        return row

    def finish(self, check: Callable[[], None]) -> None:
        """Build the graphs once all vectors are written; `check` is called often and may raise to cancel."""
        matrix = np.lib.format.open_memmap(self._folder / _MATRIX, mode="r")
        everything = range(len(matrix))
        for span in {everything, *self._spans.values()}:
            if len(span) > index_format.FLAT_VECTORS:
                self._build_graph(matrix, span, check)

    def _build_graph(self, matrix: NDArray[np.float32], span: range, check: Callable[[], None]) -> None:
        graph = Index(
            Space.Cosine,
            self._dimension,
            M=_LINKS,
            ef_construction=_EF_CONSTRUCTION,
            storage_data_type=StorageDataType.Float8,
            max_elements=len(span),
        )
        for start in range(span.start, span.stop, _BATCH):
            check()
            rows = np.arange(start, min(start + _BATCH, span.stop))
            graph.add_items(matrix[rows], rows)
        graph.save(str(_graph_path(self._folder, span)))


@dataclass(frozen=True, slots=True)
class Vectors:
    """The vectors of a version, opened for reading. They stay usable after the folder is removed."""

    _matrix: NDArray[np.float32]
    _spans: Mapping[str, range]
    _graphs: Mapping[range, Index]

    @property
    def kind(self) -> Literal["flat", "hnsw"]:
        return "hnsw" if self._graphs else "flat"

    def nearest(
        self, vector: Vector, collection: str | None, count: int
    ) -> tuple[Sequence[int], Sequence[float]]:
        """The rows nearest to a vector, in one collection or in all, and their cosines; best first."""
        span = range(len(self._matrix)) if collection is None else self._spans.get(collection, range(0))
        rows = self._approximate(vector, span, count)
        # Not `@`, whose threads wait for each other: on busy cores 16 ms for 10,000 rows instead of 0.4.
        near = self._matrix[span.start : span.stop] if rows is None else self._matrix[rows]
        cosines = np.vecdot(near, vector)
        best = np.argpartition(-cosines, count)[:count] if count < len(cosines) else np.arange(len(cosines))
        best = best[np.argsort(-cosines[best], kind="stable")]
        return (best + span.start if rows is None else rows[best]).tolist(), cosines[best].tolist()

    def _approximate(self, vector: Vector, span: range, count: int) -> Rows | None:
        """Candidate rows from the graph; None where there is no graph, or it reaches too few rows."""
        graph = self._graphs.get(span)
        if graph is None:
            return None
        fetched = min(max(_FETCHED, 2 * count), len(span))
        try:
            rows, _ = graph.query(vector, k=fetched, query_ef=fetched)
        except RecallError:
            return None
        return np.asarray(rows, dtype=np.int64)


def open_vectors(folder: Path, collections: Mapping[str, int], dimension: int) -> Vectors:
    """Raises IndexUnreadable when they are damaged or incomplete."""
    with damage_translated():
        matrix = np.lib.format.open_memmap(folder / _MATRIX, mode="r")
        if matrix.dtype != np.float32 or matrix.shape != (sum(collections.values()), dimension):
            raise ValueError(f"{_MATRIX} has the shape {matrix.shape}")
        spans = _spans(collections)
        return Vectors(matrix, spans, _open_graphs(folder, {range(len(matrix)), *spans.values()}))


def _open_graphs(folder: Path, spans: Iterable[range]) -> Mapping[range, Index]:
    try:
        return {span: Index.load(str(path)) for span in spans if (path := _graph_path(folder, span)).exists()}
    except RuntimeError as error:
        raise IndexUnreadable(DAMAGED) from error


def _spans(collections: Mapping[str, int]) -> Mapping[str, range]:
    """The rows of each collection."""
    ordered = sorted(collections.items())
    ends = accumulate(size for _, size in ordered)
    return {name: range(end - size, end) for (name, size), end in zip(ordered, ends, strict=True)}


def _graph_path(folder: Path, span: range) -> Path:
    return folder / f"nearest-{span.start}-{span.stop}"
