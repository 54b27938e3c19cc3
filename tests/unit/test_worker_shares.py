"""What one of several workers may use."""

import logging

import pytest

from app.server.shares import share_of
from app.settings import Settings


def settings(**chosen: object) -> Settings:
    served = {"ollama_url": "http://127.0.0.1:11434", **chosen}
    return Settings(_env_file=None, **served)  # type: ignore[arg-type]


def test_each_worker_has_its_part_of_slots_rate_limit_and_cache() -> None:
    share = share_of(
        settings(workers=3, slots=7, rate_limit="60/minute", cache_entries=10, cache_bytes=3_000)
    )
    assert (share.slots, share.rate_limit) == (2, "20 per 1 minute")
    assert (share.cache_entries, share.cache_bytes) == (4, 1_000)


def test_what_replicas_share_is_not_divided(caplog: pytest.LogCaptureFixture) -> None:
    share = share_of(
        settings(workers=3, slots=2, rate_limit="60/minute", cache_entries=9, shared_url="valkey://localhost")
    )
    assert (share.slots, share.rate_limit, share.cache_entries) == (2, "60/minute", 3)
    assert not [each for each in caplog.records if each.levelno == logging.WARNING]


def test_a_cache_that_is_off_stays_off() -> None:
    assert share_of(settings(workers=2, cache_entries=0)).cache_entries == 0


@pytest.mark.parametrize(
    ("limit", "share"), [("1/hour", "1 per 1 hour"), ("5 per 2 minutes", "2 per 2 minute")]
)
def test_no_share_of_a_rate_limit_is_nothing(limit: str, share: str) -> None:
    assert share_of(settings(workers=2, rate_limit=limit)).rate_limit == share


def test_fewer_slots_than_workers_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert share_of(settings(workers=4, slots=2)).slots == 1
    assert [each.message for each in caplog.records if each.levelno == logging.WARNING] == [
        "more generations at once than ASKD_SLOTS: each worker has a slot of its own"
    ]


def test_copies_of_an_embedded_model_share_the_cores(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert share_of(settings(workers=2, ollama_url=None)).num_thread == 4
    assert "copy of the model" in caplog.text
    assert share_of(settings(workers=2, ollama_url=None, num_thread=3)).num_thread == 3
    assert share_of(settings(workers=2)).num_thread is None
