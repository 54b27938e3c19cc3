"""Feedback in Elasticsearch, in an index of its own beside those of the FAQ."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import BadRequestError, NotFoundError
from elasticsearch.helpers import BulkIndexError, async_bulk

from app.domain import Origin, Status
from app.errors import AskdError, FeedbackUnavailable
from app.feedback.base import Outcome, Record, Shown, Verdict
from app.indexes.elasticsearch.client import Client, repeatable
from app.indexes.elasticsearch.errors import translated_errors

_PAGE = 1_000  # records read at once
_KEYWORD, _KEPT = {"type": "keyword"}, {"type": "keyword", "index": False, "doc_values": False}
_MAPPINGS: Mapping[str, Any] = {
    "dynamic": "strict",
    "properties": {
        "id": _KEYWORD,
        "request_id": _KEYWORD,
        "time": {"type": "double"},
        "index_version": _KEYWORD,
        "status": _KEYWORD,
        "origin": _KEYWORD,
        "collection": _KEYWORD,
        "entries": _KEPT,  # JSON: of no use to a search
        "question": _KEPT,
        "helpful": {"type": "boolean"},
        "judged": {"type": "double"},
        "comment": _KEPT,
        "entry": _KEYWORD,
        "texts": {"type": "boolean"},  # a question or a comment is kept
    },
}
# A request that was forgotten: a document of its own, found by its id.
_FORGOTTEN = "forgotten"
_TOMBSTONES: Mapping[str, Any] = {"term": {"status": _FORGOTTEN}}
_SILENCE = "ctx._source.remove('question'); ctx._source.remove('comment'); ctx._source.texts = false"


@dataclass
class ElasticsearchFeedback:
    """A `FeedbackStore`. `alias` is that of its index, which is made at the first use."""

    client: Client
    alias: str
    _there: bool = field(default=False, init=False)

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        if kept := await self._without_forgotten(outcomes):
            await self._write([(outcome.id, _document(outcome)) for outcome in kept])
            await self._delete_forgotten(kept)

    async def judge(self, outcome: Outcome, verdict: Verdict) -> bool:
        if not await self._without_forgotten([outcome]):
            return False
        said = {
            "helpful": verdict.helpful,
            "judged": verdict.time,
            "comment": verdict.comment,
            "entry": verdict.entry,
        }
        document = _document(outcome) | said | ({"texts": True} if verdict.comment else {})
        await self._write([(outcome.id, document)])
        return not await self._delete_forgotten([outcome])

    async def records(self, since: float) -> AsyncIterator[Record]:
        after: Sequence[Any] | None = None
        with self._translated_errors():
            await self._ensure()
            await repeatable(self.client).indices.refresh(index=self.alias)
        while True:
            with self._translated_errors():
                found = await repeatable(self.client).search(
                    index=self.alias,
                    query={"bool": {"filter": {"range": {"time": {"gte": since}}}, "must_not": _TOMBSTONES}},
                    sort=[{"time": "asc"}, {"id": "asc"}],
                    size=_PAGE,
                    search_after=after,
                    track_total_hits=False,
                )
                hits = found["hits"]["hits"]
            for hit in hits:
                yield _record(hit["_source"])
            if len(hits) < _PAGE:
                return
            after = hits[-1]["sort"]

    async def forget(self, request_id: str, now: float) -> int:
        id_ = _tombstone_id(request_id)
        tombstone = {"id": id_, "request_id": request_id, "time": now, "status": _FORGOTTEN}
        await self._write([(id_, tombstone)])  # first: what is written meanwhile is deleted below
        with self._translated_errors():
            query = {"filter": {"term": {"request_id": request_id}}, "must_not": _TOMBSTONES}
            return await self._delete({"bool": query})

    async def expire(self, before: float, texts_before: float, forgotten_before: float) -> None:
        tombstones = [_TOMBSTONES, {"range": {"time": {"lt": forgotten_before}}}]
        gone = [{"range": {"time": {"lt": before}}}, {"bool": {"filter": tombstones}}]
        silent = [{"term": {"texts": True}}, {"range": {"time": {"lt": texts_before}}}]
        with self._translated_errors():
            await self._delete({"bool": {"should": gone}})
            await self.client.update_by_query(
                index=self.alias,
                query={"bool": {"filter": silent}},
                script={"source": _SILENCE},
                conflicts="proceed",  # what is judged meanwhile is silenced the next time
                refresh=True,
            )

    async def close(self) -> None:
        """The client is closed by whoever opened it."""

    async def _without_forgotten(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        ids = {_tombstone_id(outcome.request_id) for outcome in outcomes}
        with self._translated_errors():
            await self._ensure()
            found = await repeatable(self.client).mget(index=self.alias, ids=sorted(ids))
        times = {each["_id"]: each["_source"]["time"] for each in found["docs"] if each.get("found")}
        return [each for each in outcomes if each.time > times.get(_tombstone_id(each.request_id), -1.0)]

    async def _delete_forgotten(self, written: Sequence[Outcome]) -> int:
        """How many were forgotten between the look at the tombstones and the write."""
        still = {outcome.id for outcome in await self._without_forgotten(written)}
        if not (gone := [outcome.id for outcome in written if outcome.id not in still]):
            return 0
        with self._translated_errors():
            await self._delete({"ids": {"values": gone}})
        return len(gone)

    async def _delete(self, query: Mapping[str, Any]) -> int:
        await self._ensure()
        await self.client.indices.refresh(index=self.alias)
        gone = await self.client.delete_by_query(
            index=self.alias, query=query, conflicts="proceed", refresh=True
        )
        return int(gone["deleted"])

    async def _write(self, documents: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """What is there already and these have not stays."""
        updates = [
            {
                "_op_type": "update",
                "_id": id_,
                "doc": document,
                "doc_as_upsert": True,
                "retry_on_conflict": 3,
            }
            for id_, document in documents
        ]
        with self._translated_errors():
            await self._ensure()
            # By its alias only: else an index that was deleted comes back without its mapping.
            await async_bulk(repeatable(self.client), updates, index=self.alias, require_alias=True)

    async def _ensure(self) -> None:
        """The index is there, with its alias."""
        if self._there:
            return
        try:
            await self.client.indices.create(
                index=f"{self.alias}-1",
                aliases={self.alias: {}},
                mappings=_MAPPINGS,
                settings={"number_of_shards": 1, "auto_expand_replicas": "0-1"},
            )
        except BadRequestError as error:
            if error.error != "resource_already_exists_exception":
                raise
        self._there = True

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            with translated_errors():
                try:
                    yield
                except (NotFoundError, BulkIndexError):
                    self._there = False  # it may have been deleted: the next call makes it
                    raise
        except AskdError as error:
            unavailable = FeedbackUnavailable(f"feedback cannot be stored: {_told(error)}")
            unavailable.reason = error.reason
            raise unavailable from error


def _told(error: AskdError) -> str:
    detail = str(error)
    if "privilege" in detail:
        return (
            "the API key has no privilege for the indexes askd-feedback-* in Elasticsearch; "
            "ASKD_FEEDBACK_API_KEY_FILE names a file with one that has"
        )
    return "its index in Elasticsearch is gone; try again" if "ingest" in detail else detail


def _tombstone_id(request_id: str) -> str:
    return f"{_FORGOTTEN}-{request_id}"


def _document(outcome: Outcome) -> dict[str, Any]:
    entries = [(entry.collection, entry.id, entry.cited) for entry in outcome.entries]
    texts = {"question": outcome.question, "texts": True} if outcome.question is not None else {}
    return {
        "id": outcome.id,
        "request_id": outcome.request_id,
        "time": outcome.time,
        "index_version": outcome.index_version,
        "status": outcome.status.value,
        "origin": outcome.origin.value if outcome.origin else None,
        "collection": outcome.collection,
        "entries": json.dumps(entries, ensure_ascii=False),
        **texts,
    }


def _record(document: Mapping[str, Any]) -> Record:
    origin = document["origin"]
    outcome = Outcome(
        id=document["id"],
        request_id=document["request_id"],
        time=document["time"],
        index_version=document["index_version"],
        status=Status(document["status"]),
        origin=Origin(origin) if origin else None,
        collection=document["collection"],
        entries=tuple(Shown(*entry) for entry in json.loads(document["entries"])),
        question=document.get("question"),
    )
    if document.get("helpful") is None:
        return Record(outcome, None)
    verdict = Verdict(document["helpful"], document["judged"], document.get("comment"), document.get("entry"))
    return Record(outcome, verdict)
