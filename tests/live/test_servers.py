"""Live means live: these are the real servers, of the versions askd is made for."""

import pytest

from tests.support.servers import elasticsearch_version, ollama_version

pytestmark = pytest.mark.live


def test_elasticsearch_is_a_real_one_of_version_9(elasticsearch_url: str) -> None:
    assert _numbers(elasticsearch_version(elasticsearch_url)) >= (9, 0, 0)
    assert _numbers(elasticsearch_version(elasticsearch_url)) < (10, 0, 0)


def test_ollama_is_a_real_one_without_the_known_hole(ollama_url: str) -> None:
    # CVE-2026-7482 is closed in 0.17.1; askd is not made for a 1.0 nobody has seen.
    assert (0, 17, 1) <= _numbers(ollama_version(ollama_url)) < (1, 0, 0)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.partition("-")[0].split("."))
