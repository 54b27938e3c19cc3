"""llama.cpp's own HTTP server, inside this process.

It listens on a Unix socket in a directory that only we can enter, never on a port. Its threads are C++, so
the event loop runs on while the model computes; hanging up stops it at the end of a step.
"""

import asyncio
import hashlib
import math
import mmap
import os
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout, UnixConnector

from app.errors import ModelMissing, ModelUnavailable
from app.models.base import PromptStyle

# llama.cpp gives a model without a chat template one of its own, so the file is asked whether it has one:
# GGUF writes a key as its length, then its name, and all keys before the weights.
_TEMPLATE_KEY = (23).to_bytes(8, "little") + b"tokenizer.chat_template"
_HEADER_AT_MOST = 64 << 20
_HTTP_THREADS = 4  # one for the generation, the others count tokens
_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True, slots=True)
class ServerOptions:
    num_ctx: int
    num_batch: int  # prompt tokens per step
    num_thread: int | None  # None: as many as there are CPUs for this process
    seed: int


@dataclass(frozen=True, slots=True)
class LlamaServer:
    """A model in memory. `session` speaks to it, with paths alone as URLs."""

    session: ClientSession
    style: PromptStyle
    context_tokens: int
    parameters: int
    digest: str
    size_bytes: int
    _resources: AsyncExitStack

    async def close(self) -> None:
        await self._resources.aclose()


async def start(model: Path, options: ServerOptions) -> LlamaServer:
    """Raises ModelMissing without llama.cpp, ModelUnavailable when it cannot run the file."""
    async with AsyncExitStack() as resources:
        directory = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="askd-")))
        socket = directory / "llama.sock"  # it takes a host name for a path when it ends like this
        engine = [await asyncio.to_thread(_engine, model, socket, options)]
        # It stops when the last reference goes, and waits for its threads then.
        resources.push_async_callback(asyncio.to_thread, engine.clear)
        # A connection that is kept open would keep one of its threads.
        connector = UnixConnector(str(socket), force_close=True)
        session = await resources.enter_async_context(
            ClientSession("http://llama", connector=connector, timeout=ClientTimeout(total=None))
        )
        async with session.get("/props") as response:
            props = await response.json()
        async with session.get("/v1/models") as response:
            meta = (await response.json())["data"][0]["meta"]
        has_template, digest = await asyncio.to_thread(_read, model)
        return LlamaServer(
            session,
            style=_style(props, has_template),
            context_tokens=meta["n_ctx"],
            parameters=meta["n_params"],
            digest=digest,
            size_bytes=meta["size"],
            _resources=resources.pop_all(),
        )


def _engine(model: Path, socket: Path, options: ServerOptions) -> object:
    """Blocks while the model loads."""
    # How often its threads (OpenMP's, which read this once, at import) look before they sleep until the
    # others are done. By default they look on and on, and a busy machine then writes ten times slower.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        import xllamacpp
    except ImportError as error:
        raise ModelMissing(
            "the embedded model needs llama.cpp: in askd's folder, pip install -e '.[embedded]', or set "
            "ASKD_OLLAMA_URL"
        ) from error
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.hostnames = [str(socket)]
    params.ui = False
    params.verbosity = -1  # nothing on our standard output and error
    params.n_parallel = 1
    params.n_ctx = options.num_ctx
    params.n_batch = params.n_ubatch = options.num_batch
    params.n_threads_http = _HTTP_THREADS
    params.cache_ram_mib = 0  # the last prompt's prefix is kept anyway, in the context itself
    params.sampling.seed = options.seed
    threads = options.num_thread or _cpus()
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelUnavailable(
            f"llama.cpp cannot run the model file {model.name}: it is damaged, of an unknown kind, "
            "or there is not enough memory"
        ) from error


def _cpus() -> int:
    """CPUs for this process. More threads than those would wait for each other at every layer."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _CGROUP_QUOTA.read_text().split()
        return max(1, min(cpus, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # not in a control group, or without a limit ("max")
        return cpus


def _read(model: Path) -> tuple[bool, str]:
    """Whether the file has a chat template, and its sha256."""
    with model.open("rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            has_template = content.find(_TEMPLATE_KEY, 0, _HEADER_AT_MOST) >= 0
        return has_template, hashlib.file_digest(file, "sha256").hexdigest()


def _style(props: Mapping[str, Any], has_template: bool) -> PromptStyle:
    if not has_template:
        return PromptStyle.COMPLETION
    if props["chat_template_caps"]["supports_system_role"]:
        return PromptStyle.CHAT
    return PromptStyle.CHAT_WITHOUT_SYSTEM
