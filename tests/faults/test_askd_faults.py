"""`askd serve` as a process: told to stop, killed, and where its disk takes no writes."""

import asyncio
import signal
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.cli.shell import Shell
from tests.faults.calls import Call, made
from tests.faults.models import made_up, reply, says
from tests.faults.page import Page
from tests.live.problems import check_problem
from tests.live.serving import SAMPLE, events
from tests.support.ollama_server import Then, lines, said

pytestmark = pytest.mark.anyio

GROUP = "askd itself"
_SEES = "callers see"
# In the words of the one entry in the prompt: others would be held back until the sentence is complete.
JOINED = lines(said("You can join at any time, "))
RUNNING, QUEUED = 64, 10  # and as many again that ask for JSON
SEARCH = Call("/search", {"question": "Is it possible to join the course at any time?"})


def body(number: int) -> dict[str, str]:
    """Each asks something else, so that nobody shares."""
    return {
        "question": f"Is it possible to join the course at any time, say in week {number}?",
        "mode": "generate",
    }


@pytest.fixture
async def model() -> AsyncIterator[dict[str, str]]:
    """Says a few words to those it has slots for, then nothing more."""
    async with made_up() as (ollama, chosen):
        says(ollama, reply(JOINED, then=Then.HANG))
        yield {f"ASKD_{name.upper()}": value for name, value in chosen.items()}


async def stream(client: httpx.AsyncClient, number: int, begun: asyncio.Semaphore, until: str) -> str:
    """All of a stream; `begun` is released at the first event of the kind `until`."""
    text, waits = "", True
    async with client.stream("POST", "/ask/stream", json=body(number)) as response:
        assert response.status_code == 200, await response.aread()
        async for piece in response.aiter_text():
            text += piece
            if waits and f"event: {until}" in text:
                waits = False
                begun.release()
    return text


async def test_all_who_wait_are_told_that_it_stops(filled: Shell, model: dict[str, str], page: Page) -> None:
    begun = asyncio.Semaphore(0)
    with filled.serving({**model, "ASKD_SLOTS": str(RUNNING)}) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as client:
            running = [asyncio.create_task(stream(client, n, begun, "token")) for n in range(RUNNING)]
            for _ in running:
                await begun.acquire()
            numbers = range(RUNNING, RUNNING + QUEUED)
            calls = [asyncio.create_task(client.post("/ask", json=body(n + QUEUED))) for n in numbers]
            queued = [asyncio.create_task(stream(client, n, begun, "sources")) for n in numbers]
            for _ in queued:
                await begun.acquire()
            status = await asyncio.to_thread(server.stop, signal.SIGTERM)

            for text in await asyncio.gather(*running, *queued):
                last = text.strip().split("\n\n")[-1].splitlines()
                assert {"event: error", f"id: {text.count('event: ')}"} <= set(last)
                name, problem = events(text)[-1]
                assert name == "error"
                check_problem(problem, 503, "shutting-down")
            for response in await asyncio.gather(*calls):
                check_problem(response.json(), 503, "shutting-down")
                assert response.status_code == 503
            assert status == 0
    what = f"SIGTERM, with {RUNNING} streams running and {2 * QUEUED} questions waiting, none of which ends"
    told = "503 shutting-down, or `error` shutting-down where the stream had begun; the process ends with 0"
    page.note(GROUP, what, {_SEES: told})


async def test_killed_it_leaves_nothing_broken(filled: Shell, model: dict[str, str], page: Page) -> None:
    with filled.serving(model) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as client:
            begun = asyncio.Semaphore(0)
            cut = asyncio.create_task(stream(client, 1, begun, "token"))
            await begun.acquire()
            server.process.send_signal(signal.SIGKILL)
            with pytest.raises(httpx.RemoteProtocolError):
                await cut
    with filled.serving(model) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as client:
            seen = await made(SEARCH, client)
    page.note(
        GROUP, "SIGKILL while it answers", {_SEES: "the connection is cut; started again it serves as before"}
    )
    assert seen == "200 found"


def set_modes(shell: Shell, *, folders: int, files: int) -> None:
    for path in [shell.data, *shell.data.rglob("*")]:
        path.chmod(folders if path.is_dir() else files)


async def test_a_disk_that_is_read_only(filled: Shell, page: Page) -> None:
    """Serving writes nothing; ingest says so and changes nothing."""
    set_modes(filled, folders=0o555, files=0o444)
    with filled.serving(denied=True) as server:
        refused = filled("ingest", SAMPLE.absolute(), status=1, denied=True)
        async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as client:
            seen = await made(SEARCH, client)
            asked = {"question": "Which Python do I need to run askd?", "mode": "extract"}
            answer = (await client.post("/ask", json=asked)).json()
            verdict = {"token": answer["feedback_token"], "helpful": True}
            feedback = (await client.post("/feedback", json=verdict)).json()
    assert (feedback["status"], feedback["type"]) == (503, "/problems/feedback-unavailable")
    assert "ASKD_DATA_DIR" in feedback["detail"]
    assert refused.err.startswith("askd: the index on disk could not be used: ")
    page.note(
        GROUP, "its disk is read-only", {_SEES: "answers; `askd ingest` and `/feedback` fail and say why"}
    )
    assert seen == "200 found"
    set_modes(filled, folders=0o755, files=0o644)


async def test_a_disk_that_is_full(filled: Shell, page: Page) -> None:
    with filled.serving() as server:
        before = server.get("/collections").json()["index"]["version"]
        refused = filled("ingest", SAMPLE.absolute(), status=1, file_bytes=500)
        async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as client:
            seen = await made(SEARCH, client)
        assert server.get("/collections").json()["index"]["version"] == before
    assert "on disk" in refused.err or "disk full" in refused.err
    told = "answers from the old version; `askd ingest` fails and says why"
    page.note(GROUP, "its disk is full during an ingest", {_SEES: told})
    assert seen == "200 found"
