import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The event loop that `askd serve` runs on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(autouse=True)
def _little_is_logged() -> Iterator[None]:
    """Of thousands of failures that are meant to be; what is not is an error."""
    loggers = [
        logging.getLogger(name) for name in ("app.api.problems", "app.models.watch", "elastic_transport")
    ]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)
