import logging
from collections.abc import Iterator

import pytest

from app.telemetry.logs import configure


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back afterwards: `configure` takes its handlers away, pytest's included."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    logger.handlers = []  # `configure` closes those it finds
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.mark.parametrize("level", ["debug", "info"])
@pytest.mark.parametrize("client", ["httpx", "httpcore.http11", "elastic_transport.node"])
def test_request_lines_of_the_clients_are_not_logged(root: logging.Logger, client: str, level: str) -> None:
    configure(level)
    assert root.isEnabledFor(logging.INFO)
    assert not logging.getLogger(client).isEnabledFor(logging.INFO)
