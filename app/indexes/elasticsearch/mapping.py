"""An index as Elasticsearch sees it: its name, settings, mapping, documents and queries. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from app.embedders.base import Vector
from app.indexes import format as index_format
from app.indexes.base import IndexRecord
from app.indexes.format import entry_data, manifest_data, statistics_data
from app.indexes.manifest import Manifest, Spread
from app.ranking.candidates import WordStatistics
from app.ranking.languages import UNSTEMMED
from app.ranking.text import CONTEXT_WEIGHT, bigrams, context_words, grams, question_words

# A document of the index itself, so that the statistics appear and disappear with it.
STATISTICS_ID = "#statistics"

ENTRIES: dict[str, Any] = {"exists": {"field": "collection"}}  # all documents but the statistics

_RECORDS: dict[str, Any] = {"_source": ["record"], "track_total_hits": False}

_OVERSAMPLE = 2  # fetches this many times the wanted neighbours from a graph, to rescore them
_MIN_CANDIDATES = 200  # nodes of the graph visited, at least: with fewer it misses more neighbours

_ANALYSIS = {
    "char_filter": {
        "edges": {"type": "pattern_replace", "pattern": r"(\S+)", "replacement": "<$1>"},
    },
    "tokenizer": {
        # A tokenizer, because grams from a token *filter* share one position and score as synonyms.
        "grams": {
            "type": "ngram",
            "min_gram": 4,
            "max_gram": 4,
            "token_chars": ["letter", "digit", "custom"],
            "custom_token_chars": "<>",
        },
    },
    "filter": {
        "bigrams": {"type": "shingle", "output_unigrams": False},
    },
    "analyzer": {
        "plain": {"type": "custom", "tokenizer": "whitespace"},
        "bigrams": {"type": "custom", "tokenizer": "whitespace", "filter": ["bigrams"]},
        "grams": {"type": "custom", "tokenizer": "grams", "char_filter": ["edges"]},
    },
}

# While it is written: copied once, when it is whole, which is cheaper than writing every copy.
EASED: dict[str, Any] = {"number_of_replicas": 0}


def index_name(alias: str, version: str) -> str:
    return f"{alias}-{version}".lower()  # Elasticsearch allows no capitals


def settings(spread: Spread) -> dict[str, Any]:
    return {
        "number_of_shards": spread.shards,
        "number_of_replicas": spread.replicas,
        "refresh_interval": -1,  # while it is written, it is searched by nobody
        "analysis": _ANALYSIS,
    }


def restored(spread: Spread) -> dict[str, Any]:
    """The settings that were eased, as they serve. A copy whose node was away at the last refresh then
    refreshes by itself."""
    return {"number_of_replicas": spread.replicas, "refresh_interval": None}


def mappings(alias: str, manifest: Manifest) -> dict[str, Any]:
    def analysed(analyzer: str) -> dict[str, Any]:
        return {"type": "text", "analyzer": analyzer, "index_options": "freqs"}

    return {
        "dynamic": False,
        "_meta": {"alias": alias, "manifest": manifest_data(manifest)},
        "_source": {"excludes": ["text", "vector"]},
        "properties": {
            "record": {"type": "object", "enabled": False},
            "statistics": {"type": "object", "enabled": False},
            "collection": {"type": "keyword"},
            "text": analysed("plain" if manifest.language in UNSTEMMED else manifest.language)
            | {"fields": {"bigrams": analysed("bigrams"), "grams": analysed("grams")}},
            **_vector_field(manifest),
        },
    }


def _vector_field(manifest: Manifest) -> dict[str, Any]:
    if manifest.embedder is None:
        return {}
    # The graph compares vectors quantised to one byte per number; rescoring makes the cosines exact again.
    graph = {"type": "int8_hnsw", "rescore_vector": {"oversample": _OVERSAMPLE}}
    field = {
        "type": "dense_vector",
        "dims": manifest.embedder.dimension,
        "similarity": "cosine",
        "index_options": {"type": "flat"} if manifest.entries <= index_format.FLAT_VECTORS else graph,
    }
    return {"vector": field}


def vector_search(mappings: Mapping[str, Any]) -> Literal["flat", "hnsw"] | None:
    """How the vectors of an index with these mappings are searched; None when it has none."""
    field = mappings.get("properties", {}).get("vector")
    if field is None:
        return None
    return "flat" if field["index_options"]["type"] == "flat" else "hnsw"


def entry_document(record: IndexRecord, words: Sequence[str]) -> dict[str, Any]:
    entry, vector = record.entry, record.vector
    document = {"record": entry_data(entry), "collection": entry.collection, "text": " ".join(words)}
    return document if vector is None else document | {"vector": vector}


def statistics_document(statistics: WordStatistics) -> dict[str, Any]:
    return {"statistics": statistics_data(statistics)}


def header(index: str) -> dict[str, Any]:
    """Of a search. `index` is that of a version, not the alias, which may move between two searches.

    A search of which a shard is missing fails, rather than to find a part.
    """
    return {"index": index, "allow_partial_search_results": False}


def words_header(index: str, spread: Spread) -> dict[str, Any]:
    """How rare a word is counts in the whole index, not in its shard, so that shards change no score."""
    return header(index) | ({"search_type": "dfs_query_then_fetch"} if spread.shards > 1 else {})


def search_by_words(
    question: str, context: str, collection: str | None, size: int, without: Collection[str] = ()
) -> dict[str, Any]:
    """`without`: the grams that are left out (`common_grams`)."""
    asked = question_words(question)
    said = " ".join(context_words(context, asked))
    pairs = [pair.replace("_", " ") for pair in bigrams(asked)]  # as the shingle filter joins them
    # Terms in one flat list: three nested `match` queries score the same, but take 18 ms instead of 5 with
    # 100,000 entries.
    should = [
        {"match": {"text": " ".join(asked)}},
        *_terms("text.bigrams", pairs, weight=0.5),
        *_terms("text.grams", (gram for gram in grams(asked) if gram not in without), weight=0.3),
        *([{"match": {"text": {"query": said, "boost": CONTEXT_WEIGHT}}}] if said else []),
    ]
    query = {"bool": {"should": should, "minimum_should_match": 1, "filter": _in_collection(collection)}}
    return _RECORDS | {"query": query, "size": size}


def search_by_meaning(vector: Vector, collection: str | None, size: int) -> dict[str, Any]:
    query = {
        "knn": {
            "field": "vector",
            "query_vector": vector.tolist(),
            "k": size,
            "num_candidates": max(size, _MIN_CANDIDATES),
            "filter": _in_collection(collection),
        }
    }
    return _RECORDS | {"query": query, "size": size}


def cosine(score: float) -> float:
    """Of a score: Elasticsearch maps cosines to 0..1, because its scores are never negative."""
    return 2.0 * score - 1.0


def _terms(field: str, terms: Iterable[str], weight: float) -> Iterator[dict[str, Any]]:
    for term, times in Counter(terms).items():
        yield {"term": {field: {"value": term, "boost": weight * times}}}


def _in_collection(collection: str | None) -> list[dict[str, Any]]:
    return [] if collection is None else [{"term": {"collection": collection}}]
