"""What is measured. Each scenario runs all services in turns, so that the machine's moods hit them alike."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import numpy as np

from tools.bench.serving.embedder import EMBEDDER, embedder_home
from tools.bench.serving.load import Caller, Reply, close_all, closed_loop
from tools.bench.serving.services import Service, askd, tutorial
from tools.bench.serving.stubs import MODEL, Pace, Stubs

Figures = dict[str, Any]

# The main table: a model as people have them, 64 tokens 20 ms apart, each written on its own as Ollama does.
PACED = Pace(search=0.002, first_token=0.005, interval=0.02, tokens=64)
# The second table: all 64 tokens after 5 ms. No such model exists; it shows what the service itself takes.
INSTANT = Pace(search=0.002, first_token=0.005, tokens=64)
FOUR_A_SECOND = Pace(search=0.002, first_token=0.05, interval=0.2 / 63, tokens=64, slots=1)

_numbers = count(1)


async def one(stubs: Stubs, rounds: int = 4, each: int = 15) -> Figures:
    """One caller, one stream after the other: what is added to the first token."""
    return await streams(stubs, callers=1, rounds=rounds, each=each)


async def instant_one(stubs: Stubs, rounds: int = 6, each: int = 50) -> Figures:
    """One caller and an instant model: what a service adds to the time that the stubs take themselves."""
    stubs.begin(INSTANT)
    seconds: dict[str, list[float]] = {"direct": [], "tutorial": [], "askd": []}
    async with askd(stubs, _slots(1)) as ours, tutorial(stubs) as theirs:
        for turn in range(rounds + 1):
            found = {"direct": await _direct(stubs, 1, each)}
            for service in (ours, theirs):
                found[service.name] = await _asked(service, 1, _bodies(stubs, each))
            for name, replies in found.items():
                _check(name, replies)
                if turn:  # the first one warms up
                    seconds[name] += [reply.seconds for reply in replies]
    direct = _quantiles(seconds.pop("direct"))
    figures: Figures = {"direct_ms": direct}
    for name, taken in seconds.items():
        of_service = _quantiles(taken)
        figures[name] = {q: round(of_service[q] - direct[q], 2) for q in of_service}
    figures["ratio"] = round(figures["askd"]["p50"] / figures["tutorial"]["p50"], 3)
    return figures


async def instant_many(stubs: Stubs, callers: int = 32, rounds: int = 5, each: int = 600) -> Figures:
    """As many callers as fit, and an instant model: answers a second."""
    stubs.begin(INSTANT)
    found: dict[str, list[Figures]] = {"tutorial": [], "askd": []}
    async with askd(stubs, _slots(callers)) as ours, tutorial(stubs) as theirs:
        for turn in range(rounds + 1):
            for service in (ours, theirs):
                cpu, began = service.cpu_seconds(), time.perf_counter()
                replies = await _asked(service, callers, _bodies(stubs, each))
                taken = time.perf_counter() - began
                _check(service.name, replies)
                quantiles = _quantiles([reply.seconds for reply in replies])
                cpu_ms = (service.cpu_seconds() - cpu) / each * 1000
                figures = {"answers_per_second": each / taken, "cpu_ms": cpu_ms, **quantiles}
                if turn:
                    found[service.name].append(figures)
    merged: Figures = {name: _medians(rows) for name, rows in found.items()}
    merged["ratio"] = round(
        merged["askd"]["answers_per_second"] / merged["tutorial"]["answers_per_second"], 2
    )
    return merged


async def embedder(stubs: Stubs, callers: int = 32, each: int = 300) -> Figures:
    """The same with search by meaning, which the tutorial service has not: what the embedder adds."""
    stubs.begin(INSTANT)
    settings = {**_slots(callers), "ASKD_EMBEDDER": EMBEDDER, "ASKD_DATA_DIR": str(embedder_home())}
    async with askd(stubs, settings) as ours:
        direct = await _direct(stubs, 1, each)
        await _asked(ours, 1, _bodies(stubs, 50))
        alone = await _asked(ours, 1, _bodies(stubs, each))
        began = time.perf_counter()
        together = await _asked(ours, callers, _bodies(stubs, each))
        taken = time.perf_counter() - began
    for replies in (alone, together):
        _check("askd", replies)
    added = np.median([reply.seconds for reply in alone]) - np.median([reply.seconds for reply in direct])
    return {"one_added_p50_ms": round(float(added) * 1000, 2), "answers_per_second": round(each / taken, 1)}


async def hits(stubs: Stubs, callers: int = 32, each: int = 10_000) -> Figures:
    """A question whose answer is cached."""
    stubs.begin(INSTANT)
    body = _bodies(stubs, 1)[0]
    async with askd(stubs, {"ASKD_CACHE_ENTRIES": "1000"}) as ours:
        for _ in range(100):  # nothing is cached until askd has seen which model answers
            (reply,) = await _asked(ours, 1, [body])
            if b'"cached":true' in reply.body:
                break
            await asyncio.sleep(0.1)
        alone = await _asked(ours, 1, [body] * 1000)
        began = time.perf_counter()
        together = await _asked(ours, callers, [body] * each)
        taken = time.perf_counter() - began
    for replies in (alone, together):
        if any(b'"cached":true' not in reply.body for reply in replies):
            raise RuntimeError("an answer was not cached")
    return {"one": _quantiles([reply.seconds for reply in alone]), "answers_per_second": round(each / taken)}


async def streams(stubs: Stubs, callers: int = 64, rounds: int = 3, each: int = 1) -> Figures:
    """Streams at once, `each` one after the other: what is added to the first token, how long the whole
    takes, and the CPU time of the service."""
    stubs.begin(PACED)
    found: dict[str, list[Figures]] = {"tutorial": [], "askd": []}
    async with askd(stubs, _slots(callers)) as ours, tutorial(stubs) as theirs:
        for turn in range(rounds + 1):
            for service in (ours, theirs):
                figures = await _streamed(service, stubs, callers, each)
                if turn:  # the first one warms up
                    found[service.name].append(figures)
    merged: Figures = {name: _medians(rows) for name, rows in found.items()}
    merged["direct_whole_ms"] = (PACED.search + PACED.generation) * 1000
    for figure in ("added_first_token", "whole"):
        merged[f"ratio_{figure}"] = round(
            merged["askd"][figure]["p50"] / merged["tutorial"][figure]["p50"], 3
        )
    return merged


async def _streamed(service: Service, stubs: Stubs, callers: int, each: int) -> Figures:
    cpu = service.cpu_seconds()
    async with _callers(service, callers) as clients:
        replies = await closed_loop(clients, "/ask/stream", _bodies(stubs, callers * each))
    whole = [reply for reply in replies if reply.whole]
    direct = PACED.search + PACED.first_token
    return {
        "complete": len(whole),
        "added_first_token": _quantiles([(reply.first_token or 0.0) - direct for reply in whole]),
        "whole": _quantiles([reply.seconds for reply in whole]),
        "cpu_ms": (service.cpu_seconds() - cpu) / len(replies) * 1000,
    }


async def burst(stubs: Stubs, callers: int = 200, patience: float = 30.0) -> Figures:
    """All at once, and one slot of four answers a second: who gets what, and what is done for nobody."""
    figures: Figures = {"slot_gives": round(patience / FOUR_A_SECOND.generation)}
    async with askd(stubs, _slots(1)) as ours, tutorial(stubs) as theirs:
        for service in (ours, theirs):
            stubs.begin(INSTANT)
            _check(service.name, await _asked(service, 4, _bodies(stubs, 20)))
            stubs.begin(FOUR_A_SECOND)
            # askd knows how long the model takes from those who asked before
            _check(service.name, await _asked(service, 1, _bodies(stubs, 12)))
            stubs.begin(FOUR_A_SECOND)
            clients = [Caller(service.url) for _ in range(callers)]
            header = f"x-request-timeout: {patience:g}\r\n"
            posts = [
                client.post("/ask", body, timeout=patience, headers=header)
                for client, body in zip(clients, _bodies(stubs, callers), strict=True)
            ]
            replies = await asyncio.gather(*posts)
            close_all(clients)
            answered = sum(reply.whole for reply in replies)
            refused = [reply for reply in replies if reply.status == 503]
            if service.name == "tutorial":  # what it has taken on it will still do
                await asyncio.sleep((callers - answered) * FOUR_A_SECOND.generation + 2)
            counts = stubs.ollama.counts
            figures[service.name] = {
                "answered": answered,
                "refused": len(refused),
                "refused_with_retry_after": sum(reply.retry_after is not None for reply in refused),
                "refusal": _quantiles([reply.seconds for reply in refused]) if refused else None,
                "timed_out": sum(reply.timed_out for reply in replies),
                "searches": stubs.elasticsearch.counts.searches,
                "begun": counts.begun,
                "finished_for_nobody": counts.finished - answered,
                "broken_off": counts.left,
            }
    return figures


async def steady(stubs: Stubs, minutes: float = 15.0, share: float = 0.7, callers: int = 32) -> Figures:
    """At a share of capacity, for long: whether memory or file descriptors grow."""
    stubs.begin(INSTANT)
    async with askd(stubs, _slots(callers)) as ours:
        idle, own = ours.memory_bytes(), ours.descriptors()
        await _asked(ours, callers, _bodies(stubs, 1000))
        began = time.perf_counter()
        await _asked(ours, callers, _bodies(stubs, 2000))
        rate = share * 2000 / (time.perf_counter() - began)
        await _open_loop(ours, stubs, rate, callers, minutes * 60 / 5)  # warm-up, a fifth on top
        memory, descriptors = [ours.memory_bytes()], [ours.descriptors()]
        failed = 0
        for _ in range(10):
            failed += await _open_loop(ours, stubs, rate, callers, minutes * 60 / 10)
            memory.append(ours.memory_bytes())
            descriptors.append(ours.descriptors())
    return {
        "idle_mb": round(idle / 1e6, 1),
        "answers_per_second": round(rate),
        "minutes": minutes,
        "memory_mb": [round(size / 1e6, 1) for size in memory],
        "grown_mb": round((memory[-1] - memory[0]) / 1e6, 1),
        "descriptors": descriptors,
        "descriptors_allowed": own + 3 * callers,  # connections of its callers, and to both servers
        "failed": failed,
    }


async def _open_loop(service: Service, stubs: Stubs, rate: float, callers: int, seconds: float) -> int:
    """How many failed of those that came at this rate."""
    async with _callers(service, callers) as clients:
        idle: asyncio.Queue[Caller] = asyncio.Queue()
        for client in clients:
            idle.put_nowait(client)
        failed = 0

        async def ask(client: Caller) -> None:
            nonlocal failed
            (body,) = _bodies(stubs, 1)
            failed += not (await client.post("/ask", body)).whole
            idle.put_nowait(client)

        loop = asyncio.get_running_loop()
        due = loop.time()
        end = due + seconds
        async with asyncio.TaskGroup() as group:
            while due < end:
                await asyncio.sleep(due - loop.time())
                group.create_task(ask(await idle.get()))
                due += 1 / rate
    return failed


@asynccontextmanager
async def _callers(service: Service, number: int) -> AsyncIterator[list[Caller]]:
    clients = [Caller(service.url) for _ in range(number)]
    try:
        yield clients
    finally:
        close_all(clients)


async def _asked(service: Service, callers: int, bodies: list[dict[str, Any]]) -> list[Reply]:
    async with _callers(service, callers) as clients:
        return await closed_loop(clients, "/ask", bodies)


async def _direct(stubs: Stubs, callers: int, each: int) -> list[Reply]:
    """What a service asks of the stubs, without a service: a search, then a generation."""
    search, model = Caller(stubs.elasticsearch_url), Caller(stubs.ollama_url)
    message = {"role": "user", "content": "x" * 2000}
    replies = []
    for _ in range(each):
        found = await search.post("/askd/_search", {"size": 5, "query": {"match": {"text": "x"}}})
        reply = await model.post("/api/chat", {"model": MODEL, "stream": False, "messages": [message]})
        reply.seconds += found.seconds
        replies.append(reply)
    close_all([search, model])
    return replies


def _bodies(stubs: Stubs, number: int) -> list[dict[str, Any]]:
    """Questions that nobody asked before; all are answered by the same entry."""
    return [{"question": f"{stubs.question} {next(_numbers)}", "mode": "generate"} for _ in range(number)]


def _slots(number: int) -> Mapping[str, str]:
    return {"ASKD_SLOTS": str(number)}


def _check(name: str, replies: Sequence[Reply]) -> None:
    for reply in replies:
        if not reply.whole:
            raise RuntimeError(f"{name} answered {reply.status}: {reply.body[:500]!r}")


def _quantiles(seconds: Sequence[float]) -> Figures:
    p50, p99 = np.quantile(seconds, (0.5, 0.99)) * 1000
    return {"p50": round(float(p50), 2), "p99": round(float(p99), 2)}


def _medians(rows: Sequence[Figures]) -> Figures:
    """Of each figure, over the rounds."""
    return {
        name: _medians([row[name] for row in rows])
        if isinstance(rows[0][name], dict)
        else round(float(np.median([row[name] for row in rows])), 2)
        for name in rows[0]
    }
