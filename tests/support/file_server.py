"""A hub or a registry of models: files and JSON by their paths, parts of files on request."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_PIECE = 1 << 18  # bytes


@dataclass
class FileServer:
    files: Mapping[
        str, bytes | int | str | dict[str, Any]
    ]  # a number is a status, a text the path at another host name
    url: str = ""
    pause: float = 0.0  # seconds after each piece of a body
    sent: int = 0  # bytes of all bodies
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path and range
    keys: set[str | None] = field(default_factory=set)  # what came as Authorization


@contextmanager
def file_server(files: Mapping[str, bytes | int | str | dict[str, Any]]) -> Iterator[FileServer]:
    served = FileServer(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, wanted = urlsplit(self.path).path, self.headers.get("Range")
            served.asked.append((path, wanted))
            served.keys.add(self.headers.get("Authorization"))
            body = files.get(path, 404)
            if isinstance(body, int):
                self._answer(body, b"")
                return
            if isinstance(body, str):
                self._answer(307, b"", f"http://localhost:{urlsplit(served.url).port}{body}")
                return
            content = json.dumps(body).encode() if isinstance(body, dict) else body
            if not wanted:
                self._answer(200, content)
                return
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            self._answer(206, content[int(first) : int(last) + 1 if last else None])

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def _answer(self, status: int, body: bytes, location: str | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            for at in range(0, 0 if self.command == "HEAD" else len(body), _PIECE):
                try:
                    served.sent += self.wfile.write(body[at : at + _PIECE])
                except ConnectionError:
                    return  # who asked has heard enough
                time.sleep(served.pause)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
