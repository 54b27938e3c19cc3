import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The event loop that `askd serve` runs on."""
    return "asyncio", {"use_uvloop": True}
