"""Starts and stops llama.cpp's HTTP server: a child process with one model.

It listens on a Unix socket in a directory that only we can enter, never on a port. Hanging up stops it at the
end of a step.
"""

import asyncio
import json
import math
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

from app.errors import ModelMissing, ModelUnavailable
from app.models.base import PromptStyle, without_template

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_LONGEST_LINE = 1 << 24  # bytes of what the engine prints


@dataclass(frozen=True, slots=True)
class ServerOptions:
    num_ctx: int
    num_batch: int  # prompt tokens per step
    num_thread: int | None  # None: as many as there are CPUs for this process
    seed: int


@dataclass(frozen=True, slots=True)
class LlamaServer:
    """A model in memory. `http` speaks to it, with paths alone as URLs."""

    http: httpx.AsyncClient
    style: PromptStyle
    context_tokens: int
    parameters: int
    control_tokens: tuple[str, ...]
    digest: str
    size_bytes: int
    _process: Process
    _resources: AsyncExitStack

    @property
    def runs(self) -> bool:
        return self._process.returncode is None

    async def close(self) -> None:
        await self._resources.aclose()


async def start(model: Path, options: ServerOptions) -> LlamaServer:
    """Cancelling it stops the load. Raises ModelMissing without llama.cpp, else ModelUnavailable."""
    if find_spec("xllamacpp") is None:
        raise ModelMissing(
            "the embedded model needs llama.cpp: in askd's folder, pip install -e '.[embedded]', or set "
            "ASKD_OLLAMA_URL"
        )
    async with AsyncExitStack() as resources:
        directory = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="askd-")))
        socket = directory / "llama.sock"  # it takes a host name for a path when it ends like this
        process = await _spawn(model, socket, options)
        resources.push_async_callback(_stop, process)
        assert process.stdout  # noqa: S101 (for mypy)
        told = await process.stdout.readline()
        if not told:
            raise ModelUnavailable(
                f"llama.cpp cannot run the model file {model.name}: it is damaged, of an unknown kind, "
                "or there is not enough memory"
            )
        engine = json.loads(told)
        # A connection that is kept open would keep one of its threads.
        transport = httpx.AsyncHTTPTransport(
            uds=str(socket), limits=httpx.Limits(max_keepalive_connections=0)
        )
        http = await resources.enter_async_context(
            httpx.AsyncClient(base_url="http://llama", transport=transport, timeout=None)  # noqa: S113
        )
        props = (await http.get("/props")).json()
        meta = (await http.get("/v1/models")).json()["data"][0]["meta"]
        return LlamaServer(
            http,
            style=_style(props, engine["has_template"], engine["architecture"]),
            context_tokens=meta["n_ctx"],
            parameters=meta["n_params"],
            control_tokens=tuple(engine["control_tokens"]),
            digest=engine["digest"],
            size_bytes=meta["size"],
            _process=process,
            _resources=resources.pop_all(),
        )


async def _spawn(model: Path, socket: Path, options: ServerOptions) -> Process:
    threads = options.num_thread or _cpus()
    engine = {**asdict(options), "model": str(model), "socket": str(socket), "num_thread": threads}
    # How often its threads (OpenMP's) look before they sleep until the others are done. By default they look
    # on and on, and a busy machine then writes ten times slower.
    environment = {"GOMP_SPINCOUNT": "1000", **os.environ}
    # -P: a package `app` in the folder where the user is would be taken for ours. A session of its own:
    # Ctrl-C in a terminal is for us to handle.
    command = [sys.executable, "-P", "-m", "app.models.llamacpp.engine", json.dumps(engine)]
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, env=environment, start_new_session=True, limit=_LONGEST_LINE
    )


async def _stop(process: Process) -> None:
    """It has nothing to save."""
    if process.returncode is None:
        process.kill()
    await process.wait()


def _cpus() -> int:
    """CPUs for this process. More threads than those would wait for each other at every layer."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _CGROUP_QUOTA.read_text().split()
        return max(1, min(cpus, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # not in a control group, or without a limit ("max")
        return cpus


def _style(props: Mapping[str, Any], has_template: bool, architecture: str) -> PromptStyle:
    if not has_template:
        return without_template(architecture)
    if props["chat_template_caps"]["supports_system_role"]:
        return PromptStyle.CHAT
    return PromptStyle.CHAT_WITHOUT_SYSTEM
