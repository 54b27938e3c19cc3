"""What OpenAI's API and MCP add to the wait for the first checked sentence, for one caller.

python -m tools.bench.doors [--count 60]        Linux with two cores

Each question goes through `/ask/stream`, `/v1/chat/completions` (a stream) and the MCP tool `ask` (its
progress), one after the other, in front of the paced stubs of tools.bench.serving. `/ask/stream` sends words
before they are checked: there a sentence counts as checked with the first word after it, which is when askd
checks it. Prints p50s, the median of the differences between pairs, and the CPU time that askd took.
"""

import asyncio
import json
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Annotated

import httpx
import typer
from mcp import Client

from tools.bench.serving.services import Service, askd
from tools.bench.serving.stubs import Pace, open_stubs

ASK, CHAT, MCP = "/ask/stream", "/v1/chat/completions", "/mcp, ask"
_PACE = Pace(search=0.005, first_token=0.05, interval=0.01, tokens=64)
_WARM_UP = 10  # answers of each, before any is timed
_END = ". "  # of the first sentence, in the stub's words


def main(count: Annotated[int, typer.Option(min=2, help="questions for each")] = 60) -> None:
    seconds, cpu = asyncio.run(_measured(count))
    typer.echo(f"{count} questions, load {os.getloadavg()[0]:.1f}; first checked sentence, CPU of an answer")
    for door, times in seconds.items():
        added = statistics.median(mine - its for mine, its in zip(times, seconds[ASK], strict=True))
        typer.echo(
            f"{door:<22} p50 {statistics.median(times) * 1000:6.1f} ms   added {added * 1000:+6.1f} ms   "
            f"CPU {cpu[door] * 1000:5.1f} ms ({cpu[door] / cpu[ASK]:.2f})"
        )


async def _measured(count: int) -> tuple[Mapping[str, list[float]], Mapping[str, float]]:
    """Seconds of each question, and CPU seconds of one answer, by door."""
    async with AsyncExitStack() as opened:
        stubs = await opened.enter_async_context(open_stubs())
        stubs.begin(_PACE)
        service = await opened.enter_async_context(askd(stubs))
        http = await opened.enter_async_context(httpx.AsyncClient(base_url=service.url, trust_env=False))
        assistant = await opened.enter_async_context(Client(f"{service.url}/mcp"))
        doors: Mapping[str, Callable[[], Awaitable[float]]] = {
            ASK: lambda: _asked(http, stubs.question),
            CHAT: lambda: _chatted(http, stubs.question),
            MCP: lambda: _called(assistant, stubs.question),
        }
        for door in doors.values():
            for _ in range(_WARM_UP):
                await door()
        seconds: dict[str, list[float]] = {name: [] for name in doors}
        cpu = dict.fromkeys(doors, 0.0)
        for _ in range(count):
            for name, door in doors.items():
                before = service.cpu_seconds()
                seconds[name].append(await door())
                cpu[name] += await _settled(service, before) / count
        return seconds, cpu


async def _settled(service: Service, before: float) -> float:
    """CPU seconds since `before`, also of what is done once the answer is out."""
    await asyncio.sleep(0.02)
    return service.cpu_seconds() - before


async def _asked(http: httpx.AsyncClient, question: str) -> float:
    text, checked, started = "", 0.0, time.perf_counter()
    async with http.stream("POST", "/ask/stream", json={"question": question}) as response:
        async for line in response.aiter_lines():
            if line.startswith('data: {"text"'):
                text += json.loads(line.removeprefix("data: "))["text"]
                if not checked and text.rpartition(_END)[2] and _END in text:
                    checked = time.perf_counter() - started
    return checked


async def _chatted(http: httpx.AsyncClient, question: str) -> float:
    messages = [{"role": "user", "content": question}]
    body = {"model": "askd", "stream": True, "messages": messages}
    checked, started = 0.0, time.perf_counter()
    async with http.stream("POST", CHAT, json=body) as response:
        async for line in response.aiter_lines():
            if checked or not line.startswith("data: {"):
                continue
            choices = json.loads(line.removeprefix("data: "))["choices"]
            if any(choice["delta"].get("content") for choice in choices):
                checked = time.perf_counter() - started
    return checked


async def _called(assistant: Client, question: str) -> float:
    checked, started = 0.0, time.perf_counter()

    async def note(progress: float, total: float | None, message: str | None) -> None:
        nonlocal checked
        if progress >= 1 and not checked:  # 0: it reads the entries
            checked = time.perf_counter() - started

    await assistant.call_tool("ask", {"question": question}, progress_callback=note)
    return checked


if __name__ == "__main__":
    typer.run(main)
