"""What every IndexStore must do, and what a reader beside it may see meanwhile."""

import asyncio
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from app.domain import FaqEntry
from app.errors import BadSettings, IndexMissing, IngestConflict, NoPreviousVersion, SearchUnavailable
from app.indexes.base import IndexRecord, SearchResult
from app.indexes.memory import manifest_of, records_of
from tests.contract.conftest import DurablePlace, Index, IndexPlace
from tests.contract.publisher import ENTRIES as SLOW

pytestmark = pytest.mark.anyio


def faq(word: str, count: int = 3) -> Sequence[FaqEntry]:
    return [
        FaqEntry(str(number), "course", f"Where is lantern {number}?", f"Here: {word}.", "Lights", None)
        for number in range(count)
    ]


OLD, NEW, NEWEST = faq("old", 700), faq("new", 600), faq("newest", 20)


async def publish(index: Index, entries: Sequence[FaqEntry], version: str) -> None:
    await index.publish(manifest_of(entries, version), records_of(entries), lambda _: None)


async def search(index: Index) -> SearchResult:
    return await index.search("lantern", vector=None, collection="course", size=1000)


async def records(index: Index) -> Sequence[FaqEntry]:
    return sorted([entry async for entry in index.records()], key=lambda entry: int(entry.id))


async def served(index: Index) -> Sequence[FaqEntry]:
    return whole(await search(index))


def whole(result: SearchResult) -> Sequence[FaqEntry]:
    return sorted([candidate.entry for candidate in result.candidates.found], key=lambda entry: int(entry.id))


# --- versions ----------------------------------------------------------------------------------


async def test_publishing_replaces_the_whole_index(index: Index) -> None:
    await publish(index, OLD, "1")
    assert await served(index) == OLD
    await publish(index, NEW, "2")
    assert await served(index) == NEW
    assert (await search(index)).statistics.entries == len(NEW)


async def test_the_same_id_lives_in_two_collections(index: Index) -> None:
    twins = [FaqEntry("1", "a", "Lantern?", "Yes."), FaqEntry("1", "b", "Lantern?", "No.")]
    await publish(index, twins, "1")
    found = (await index.search("lantern", vector=None, collection=None, size=9)).candidates.found
    assert {candidate.entry.key for candidate in found} == {("a", "1"), ("b", "1")}


async def test_tells_how_many_entries_were_written(index: Index) -> None:
    told: list[int] = []
    await index.publish(manifest_of(OLD), records_of(OLD), told.append)
    assert sum(told) == len(OLD)


async def test_keeps_the_version_before_and_no_older_one(index: Index) -> None:
    assert await index.versions() == []
    for number, entries in enumerate([OLD, NEW, NEWEST]):
        await publish(index, entries, f"v{number}")
    versions = await index.versions()
    assert [(version.manifest.version, version.current) for version in versions] == [
        ("v2", True),
        ("v1", False),
    ]
    assert versions[1].manifest.collections == {"course": len(NEW)}
    assert all(version.size_bytes > 0 for version in versions)


async def test_rolls_back_and_forth(index_place: IndexPlace) -> None:
    index = index_place.open()
    await publish(index, OLD, "1")
    await publish(index, NEW, "2")
    back = await index.rollback()
    assert (back.manifest.version, back.current) == ("1", True)
    assert await served(index) == await served(index_place.open()) == OLD
    assert [version.current for version in await index.versions()] == [False, True]
    assert (await index.rollback()).manifest.version == "2"
    assert await served(index) == NEW


async def test_a_version_rolled_back_to_is_kept_by_the_next_ingest(index: Index) -> None:
    await publish(index, OLD, "1")
    await publish(index, NEW, "2")
    await index.rollback()
    await publish(index, NEWEST, "3")
    assert [version.manifest.version for version in await index.versions()] == ["3", "1"]


async def test_there_may_be_nothing_to_roll_back_to(index: Index) -> None:
    with pytest.raises(NoPreviousVersion):
        await index.rollback()
    await publish(index, OLD, "1")
    with pytest.raises(NoPreviousVersion):
        await index.rollback()
    assert await served(index) == OLD


async def test_gives_all_entries_back_whole(index: Index) -> None:
    with pytest.raises(IndexMissing):
        await records(index)
    entries = [
        *faq("text", 1200),
        FaqEntry("1200", "other", "Ünicode\n?", "`code`\n\n* list", "", "https://x.org"),
    ]
    await publish(index, entries, "1")
    assert await records(index) == entries


async def test_gives_entries_of_another_schema_back_so_that_they_can_be_indexed_anew(index: Index) -> None:
    await index.publish(manifest_of(OLD, schema=999), records_of(OLD), lambda _: None)
    assert await records(index) == OLD
    assert [version.manifest.schema for version in await index.versions()] == [999]


async def test_does_not_roll_back_to_what_it_could_not_search(index: Index) -> None:
    await index.publish(manifest_of(OLD, "1", schema=999), records_of(OLD), lambda _: None)
    await publish(index, NEW, "2")
    with pytest.raises(NoPreviousVersion):
        await index.rollback()


# --- readers beside it -------------------------------------------------------------------------


async def test_searches_see_the_old_version_or_the_new_one_and_never_fail(index_place: IndexPlace) -> None:
    writer, reader = index_place.open(), index_place.open()
    await publish(writer, OLD, "old")
    looking = asyncio.Event()

    async def look() -> None:
        version = "old"
        while version != "newest":
            result = await search(reader)
            version = result.manifest.version
            expected = {"old": OLD, "new": NEW, "newest": NEWEST}[version]
            assert whole(result) == expected
            assert result.manifest.entries == result.statistics.entries == len(expected)
            looking.set()
            await asyncio.sleep(0)

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(look())
        await looking.wait()
        await publish(writer, NEW, "new")
        await publish(writer, NEWEST, "newest")


async def test_a_reader_notices_the_new_version_within_two_seconds(index_place: IndexPlace) -> None:
    writer, reader = index_place.open(), index_place.open()
    await publish(writer, OLD, "1")
    assert (await reader.manifest()).version == "1"
    await publish(writer, NEW, "2")
    await asyncio.sleep(2)
    assert (await reader.manifest()).version == "2"


async def test_a_search_is_of_one_version_whatever_takes_over_before_it(index_place: IndexPlace) -> None:
    writer, reader = index_place.open(), index_place.open()
    entries = {"1": OLD, "2": NEW}

    async def check_search() -> None:
        result = await search(reader)
        expected = entries[result.manifest.version]
        assert whole(result) == expected
        assert (result.manifest.entries, result.statistics.entries) == (len(expected), len(expected))

    await publish(writer, OLD, "1")
    assert (await reader.manifest()).version == "1"
    await publish(writer, NEW, "2")
    await check_search()
    assert (await reader.manifest()).version in ("1", "2")
    await writer.rollback()
    await check_search()
    # Who published or rolled back sees it at once.
    assert (await search(writer)).manifest.version == "1"


# --- what goes wrong ---------------------------------------------------------------------------


async def test_a_version_that_came_out_short_never_serves(durable_place: DurablePlace) -> None:
    index = durable_place.open()
    await publish(index, OLD, "1")
    with pytest.raises(SearchUnavailable, match=f"{len(NEW)} of {len(OLD)} entries"):
        await index.publish(manifest_of(OLD, "2"), records_of(NEW), lambda _: None)
    assert await served(index) == OLD
    assert [version.manifest.version for version in await index.versions()] == ["1"]
    await publish(index, NEW, "3")
    assert await durable_place.stored() == 2


async def test_entries_that_cannot_be_read_leave_the_old_version(durable_place: DurablePlace) -> None:
    def broken() -> Iterator[IndexRecord]:
        yield from records_of(NEW)
        raise LookupError("the file changed")

    index = durable_place.open()
    await publish(index, OLD, "1")
    with pytest.raises(LookupError, match="the file changed"):
        await index.publish(manifest_of(NEW, "2"), broken(), lambda _: None)
    assert await served(index) == OLD
    await publish(index, NEW, "3")
    assert await durable_place.stored() == 2


async def test_a_language_without_an_analyser_is_refused(durable_place: DurablePlace) -> None:
    klingon = replace(manifest_of(OLD), language="klingon")
    with pytest.raises(BadSettings, match="klingon"):
        await durable_place.open().publish(klingon, records_of(OLD), lambda _: None)


@pytest.mark.parametrize(
    ("language", "written", "asked"),
    [
        ("english", "used", "using"),
        ("german", "Häuser", "Haus"),
        ("spanish", "caída", "caida"),
    ],  # no piece of four letters is the same
)
async def test_words_are_stemmed_in_the_language_of_the_faq(
    durable_place: DurablePlace, language: str, written: str, asked: str
) -> None:
    index = durable_place.open()
    entry = FaqEntry("1", "course", f"{written}?", "42")
    await index.publish(replace(manifest_of([entry]), language=language), records_of([entry]), lambda _: None)
    result = await index.search(asked, vector=None, collection=None, size=1)
    assert [candidate.entry for candidate in result.candidates.found] == [entry]


@pytest.mark.parametrize(
    ("language", "written", "asked"),
    [
        ("arabic", "كيف أعيد تعيين كلمات المرور؟", "كلمة مرور"),
        ("chinese", "如何申请退款？", "怎么退款"),
        ("hindi", "पासवर्ड कैसे बदलें?", "पासवर्ड"),
        ("japanese", "パスワードを再設定するには？", "再設定の方法"),
        ("korean", "비밀번호를 재설정하려면?", "비밀번호 변경"),
        ("polish", "Jak zmienić hasło?", "zmiana hasła"),
        ("russian", "Как изменить пароль?", "смена пароля"),
        ("turkish", "Şifremi nasıl değiştiririm?", "şifre değiştirme"),
        ("ukrainian", "Як змінити пароль?", "зміна пароля"),
    ],
)
async def test_the_words_of_many_languages_are_found(
    durable_place: DurablePlace, language: str, written: str, asked: str
) -> None:
    index = durable_place.open()
    entry = FaqEntry("1", "course", written, "42")
    await index.publish(replace(manifest_of([entry]), language=language), records_of([entry]), lambda _: None)
    result = await index.search(asked, vector=None, collection=None, size=1)
    assert [candidate.entry for candidate in result.candidates.found] == [entry]


async def test_one_version_is_never_written_over_another(durable_place: DurablePlace) -> None:
    index = durable_place.open()
    await publish(index, OLD, "1")
    with pytest.raises(IngestConflict):
        await publish(index, NEW, "1")
    assert await served(index) == OLD


@contextmanager
def halted_publisher(place: DurablePlace) -> Iterator[subprocess.Popen[str]]:
    """An ingest in another process that has written half of its entries and waits."""
    process = subprocess.Popen(place.publisher, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "half-way\n"
            yield process
        finally:
            process.kill()


async def test_a_killed_ingest_leaves_the_old_version_and_no_litter(durable_place: DurablePlace) -> None:
    index = durable_place.open()
    await publish(index, OLD, "1")
    with halted_publisher(durable_place) as process:
        assert await served(index) == OLD
        assert await durable_place.stored() == 2
        process.kill()
    assert await served(durable_place.open()) == OLD
    assert [version.manifest.version for version in await index.versions()] == ["1"]
    await publish(index, NEW, "2")
    assert await served(index) == NEW
    assert await durable_place.stored() == 2


async def test_of_two_ingests_at_once_one_is_published_whole_and_one_is_told(
    durable_place: DurablePlace,
) -> None:
    index = durable_place.open()
    await publish(index, OLD, "1")
    with halted_publisher(durable_place) as process:
        try:
            await publish(index, NEW, "2")
            ours = "published"
        except IngestConflict:
            ours = "conflict"
        theirs, _ = await asyncio.to_thread(process.communicate, "\n", 60)
    assert {ours, theirs.strip()} == {"published", "conflict"}
    assert await records(durable_place.open()) == (NEW if ours == "published" else SLOW)
    assert await durable_place.stored() == 2
