"""Three real Elasticsearch nodes, of which one after another is killed and comes back, while people search
and an ingest publishes: nobody meets an error or part of an index, and what was acknowledged stays.

ASKD_TEST_NODE_DEATHS says how many; `scripts/soak` raises it.
"""

import asyncio
import json
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.cli.shell import Server, Shell
from tests.support.elasticsearch_cluster import Cluster, Node, running_cluster
from tests.support.sizes import NODE_DEATHS, SEED

pytestmark = [pytest.mark.anyio, pytest.mark.live]

CALLERS, ENTRIES = 8, 2000
SHARDS, REPLICAS = 2, 1
CACHED = 5.0  # seconds until a search must find what is published; for a busy machine
DOWN = 3.0  # seconds until a node is started again
PATIENCE = 240.0  # seconds for a round
FILLER = " ".join(f"word{number}" for number in range(60))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@dataclass
class Editions:
    """A FAQ that is published over and over, with the same questions and answers that tell the edition."""

    shell: Shell
    settings: dict[str, str]
    begun: int = 0
    acknowledged: list[tuple[float, int]] = field(default_factory=list)  # with the time it was

    def oldest(self, moment: float) -> int:
        """That a search may find that begins at this moment."""
        return max(edition for when, edition in self.acknowledged if when <= moment)

    def start(self) -> subprocess.Popen[bytes]:
        self.begun += 1
        records = [
            {"id": f"{item}", "question": f"What is item{item}?", "answer": f"{FILLER} of {self.begun}"}
            for item in range(ENTRIES)
        ]
        (self.shell.folder / "faq.json").write_text(json.dumps(records), "utf-8")
        with self.log.open("wb") as log:
            return self.shell.start("ingest", "faq.json", settings=self.settings, err=log)

    @property
    def log(self) -> Path:
        return self.shell.folder / "ingest.log"

    async def publish(self) -> None:
        process = self.start()
        try:
            while process.poll() is None:
                await asyncio.sleep(0.05)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 0, self.log.read_text()
        self.acknowledged.append((time.monotonic() + CACHED, self.begun))

    async def publish_on(self) -> None:
        while True:
            await self.publish()
            await asyncio.sleep(2.0)

    async def another(self) -> None:
        """Returns once one is acknowledged that begins from now on."""
        begun = self.begun
        async with asyncio.timeout(PATIENCE):
            while self.acknowledged[-1][1] <= begun:
                await asyncio.sleep(0.1)


@dataclass
class Callers:
    server: Server
    editions: Editions
    found: Counter[int] = field(default_factory=Counter)
    longest: float = 0.0

    async def search_on(self, number: int) -> None:
        chance = Random(number)
        async with httpx.AsyncClient(base_url=self.server.url, timeout=60, trust_env=False) as client:
            while True:
                await self.search(client, chance.randrange(ENTRIES))
                await asyncio.sleep(0.25)  # leave the CPU to the nodes

    async def search(self, client: httpx.AsyncClient, item: int) -> None:
        began = time.monotonic()
        oldest = self.editions.oldest(began)
        answer = await client.post("/search", json={"question": f"What is item{item}?", "limit": 3})
        self.longest = max(self.longest, time.monotonic() - began)
        assert answer.status_code == 200, answer.text
        hits = answer.json()["hits"]
        assert hits[0]["id"] == f"{item}"
        (edition,) = {edition_of(hit["answer"]) for hit in hits}
        assert oldest <= edition <= self.editions.begun
        self.found[edition] += 1


@asynccontextmanager
async def going_on(*works: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """While the block runs; what fails there fails here."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        yield
        for task in tasks:
            task.cancel()


@pytest.mark.timeout(240 + PATIENCE * NODE_DEATHS)
async def test_a_node_that_dies_and_comes_back_is_not_noticed(cluster: Cluster, tmp_path: Path) -> None:
    settings = {
        "ASKD_ELASTICSEARCH_URL": cluster.urls,
        "ASKD_INDEX_SHARDS": f"{SHARDS}",
        "ASKD_INDEX_REPLICAS": f"{REPLICAS}",
        "ASKD_SEARCH_TIMEOUT": "30",  # the machine may be busy
    }
    editions, chance = Editions(Shell(tmp_path), settings), Random(SEED)
    await editions.publish()
    editions.acknowledged = [(0.0, 1)]
    masters = 0
    with editions.shell.serving(settings) as server:
        callers = Callers(server, editions)
        async with going_on(*(callers.search_on(number) for number in range(CALLERS)), editions.publish_on()):
            for death in range(NODE_DEATHS):
                await asyncio.sleep(chance.uniform(1.0, 6.0))
                master = await asyncio.to_thread(lambda: cluster.master)
                others = [node for node in cluster.nodes if node is not master]
                victim = master if death % 2 == 0 else chance.choice(others)
                masters += victim is master
                await die_and_come_back(victim)
                await editions.another()
    await editions.publish()  # also removes what the last one left that was stopped
    assert served(cluster) == editions.begun
    # scripts/soak shows it
    print(
        f"{NODE_DEATHS} deaths, {masters} of the master: {callers.found.total()} searches, none failed, the "
        f"longest took {callers.longest:.1f} s; {len(editions.acknowledged)} ingests, none failed"
    )


async def die_and_come_back(node: Node) -> None:
    await asyncio.to_thread(node.kill)
    await asyncio.sleep(DOWN)
    node.start()
    await asyncio.to_thread(node.wait_for, "wait_for_nodes=3&wait_for_status=green")


def served(cluster: Cluster) -> int:
    """The edition that every copy of every shard holds whole; nothing else is left but the version before."""
    cluster.nodes[0].wait_for("wait_for_status=green")
    assert len(cluster.get("/askd-2*/_alias")) == 2  # versions begin with their year
    ((name, index),) = cluster.get("/askd/_stats/docs?level=shards")["indices"].items()
    shards = [[copy["docs"]["count"] for copy in copies] for copies in index["shards"].values()]
    assert [len(copies) for copies in shards] == [1 + REPLICAS] * SHARDS
    assert all(len(set(copies)) == 1 for copies in shards)
    assert sum(copies[0] for copies in shards) == ENTRIES + 1  # and the statistics
    found = cluster.get(f"/{name}/_search?size={ENTRIES}&q=collection:*")["hits"]["hits"]
    (edition,) = {edition_of(hit["_source"]["record"]["answer"]) for hit in found}
    assert len(found) == ENTRIES
    return edition


def edition_of(answer: str) -> int:
    return int(answer.rpartition(" ")[2])
