"""How an index looks inside Elasticsearch: settings, mapping, documents and the query that fits them."""

from typing import Any

from app.adapters.index_format import entry_data, manifest_data, statistics_data
from app.domain import FaqEntry, Manifest, WordStatistics
from app.text import question_words

# The statistics lie in the index itself, so that they come and go with it.
STATISTICS_ID = "#statistics"

ENTRIES: dict[str, Any] = {"exists": {"field": "collection"}}  # all documents but the statistics

_ANALYSIS = {
    "char_filter": {
        "edges": {"type": "pattern_replace", "pattern": r"(\S+)", "replacement": "<$1>"},
    },
    "tokenizer": {
        # A tokenizer on purpose: grams from a token *filter* share one position and score as synonyms.
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
        "bigrams": {"type": "custom", "tokenizer": "whitespace", "filter": ["bigrams"]},
        "grams": {"type": "custom", "tokenizer": "grams", "char_filter": ["edges"]},
    },
}

SETTINGS: dict[str, Any] = {
    "number_of_shards": 1,
    "number_of_replicas": 0,
    "refresh_interval": -1,  # written once and refreshed once
    "analysis": _ANALYSIS,
}


def mappings(alias: str, manifest: Manifest) -> dict[str, Any]:
    def analysed(analyzer: str) -> dict[str, Any]:
        return {"type": "text", "analyzer": analyzer, "index_options": "freqs"}

    return {
        "dynamic": False,
        "_meta": {"alias": alias, "manifest": manifest_data(manifest)},
        "_source": {"excludes": ["text"]},
        "properties": {
            "record": {"type": "object", "enabled": False},
            "statistics": {"type": "object", "enabled": False},
            "collection": {"type": "keyword"},
            "text": analysed(manifest.language)
            | {"fields": {"bigrams": analysed("bigrams"), "grams": analysed("grams")}},
        },
    }


def entry_document(entry: FaqEntry, of_entry: list[str]) -> dict[str, Any]:
    return {"record": entry_data(entry), "collection": entry.collection, "text": " ".join(of_entry)}


def statistics_document(statistics: WordStatistics) -> dict[str, Any]:
    return {"statistics": statistics_data(statistics)}


def faq_query(question: str, collection: str | None) -> dict[str, Any]:
    text = " ".join(question_words(question))
    fields = {"text": 1.0, "text.bigrams": 0.5, "text.grams": 0.3}
    return {
        "bool": {
            "should": [{"match": {name: {"query": text, "boost": boost}}} for name, boost in fields.items()],
            "minimum_should_match": 1,
            "filter": [] if collection is None else [{"term": {"collection": collection}}],
        }
    }
