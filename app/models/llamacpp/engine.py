"""`python -m app.models.llamacpp.engine OPTIONS`: llama.cpp's own HTTP server, on a Unix socket.

A process of its own: loading cannot be interrupted in llama.cpp, but a process can be stopped, and a crash of
llama.cpp is not askd's. It prints one line of JSON once the model is loaded, and ends with its parent.
"""

import hashlib
import json
import os
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.models.llamacpp.tokenizer import read_tokenizer

_HTTP_THREADS = 4  # one for the generation, the others count tokens


def main(options: str) -> None:
    threading.Thread(target=_serve, args=[json.loads(options)], daemon=True).start()
    sys.stdin.buffer.read()  # which ends when the parent does, however that came
    os._exit(0)


def _serve(options: dict[str, Any]) -> None:
    try:
        server = _server(options)
        model = Path(options["model"])
        tokenizer = asdict(read_tokenizer(model))
        with model.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        print(json.dumps({"digest": digest, **tokenizer}), flush=True)  # noqa: T201
        threading.Event().wait()
        del server  # which runs as long as it is referred to
    except (RuntimeError, OSError, ValueError):
        os._exit(1)


def _server(options: dict[str, Any]) -> object:
    """Blocks while the model loads. Raises RuntimeError when llama.cpp cannot run it."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = options["model"]
    params.hostnames = [options["socket"]]
    params.ui = False
    params.verbosity = -1  # nothing on standard output and error
    params.n_parallel = 1
    params.n_ctx = options["num_ctx"]
    params.n_batch = params.n_ubatch = options["num_batch"]
    params.n_threads_http = _HTTP_THREADS
    params.cache_ram_mib = 0  # the last prompt's prefix is kept anyway, in the context itself
    params.sampling.seed = options["seed"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options["num_thread"]
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main(*sys.argv[1:])
