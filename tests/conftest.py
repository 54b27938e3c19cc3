import hypothesis
import pytest

# A busy machine is no failure: no test has to be quick.
hypothesis.settings.register_profile("askd", deadline=None)
hypothesis.settings.load_profile("askd")

pytest_plugins = ["tests.support.servers"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
