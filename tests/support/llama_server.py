"""`python -m tests.support.llama_server MODEL PORT NUM_CTX`: llama.cpp's own HTTP server on a port."""

import asyncio
import json
import socket
import sys
import threading
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def llama_server(model: Path, num_ctx: int) -> AsyncIterator[str]:
    """Its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", __name__, str(model), str(port), str(num_ctx)]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    try:
        assert process.stdout
        assert json.loads(await process.stdout.readline())["loaded"]
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


def main(model: str, port: str, num_ctx: str) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = int(port)
    params.ui = False
    params.verbosity = -1
    params.n_parallel = 1
    params.n_ctx = int(num_ctx)
    params.n_batch = params.n_ubatch = 64
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    sys.stdout.write('{"loaded": true}\n')
    sys.stdout.flush()
    threading.Event().wait()
    del server


if __name__ == "__main__":
    main(*sys.argv[1:])
