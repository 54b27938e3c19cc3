"""When askd was done with a request, whoever was still there: the access log has a line for it then."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager


class AccessLog(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self._awaited: dict[str, asyncio.Future[float]] = {}

    def done_with(self, request_id: str) -> asyncio.Future[float]:
        """Has the time, by time.monotonic(), once there is one. Call it before the request is made."""
        self._awaited[request_id] = asyncio.get_running_loop().create_future()
        return self._awaited[request_id]

    def emit(self, record: logging.LogRecord) -> None:
        waiting = self._awaited.pop(vars(record)["request_id"], None)
        if waiting and not waiting.done():
            waiting.set_result(time.monotonic())


@contextmanager
def access_log() -> Iterator[AccessLog]:
    log, logger = AccessLog(), logging.getLogger("askd.access")
    before = logger.level, logger.propagate
    logger.addHandler(log)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # thousands of lines that nobody reads
    try:
        yield log
    finally:
        logger.removeHandler(log)
        logger.setLevel(before[0])
        logger.propagate = before[1]
