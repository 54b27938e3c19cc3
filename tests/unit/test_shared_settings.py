"""ASKD_SHARED_URL: what it may name, and what happens where nobody answers there."""

import sys
import time
from pathlib import Path

import limits
import pytest

from app.errors import BadSettings
from app.settings import Settings, read_settings
from app.wiring import open_askd

pytestmark = pytest.mark.anyio

NOBODY = "valkey://127.0.0.1:1/0"  # connections are refused there


def settings(tmp_path: Path, url: str, **more: object) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, embedder="none", shared_url=url, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:6379", "ASKD_SHARED_URL: URL scheme should be"),
        ("valkey://:secret@127.0.0.1", "no password in the URL; put it into ASKD_SHARED_PASSWORD_FILE"),
        ("rediss://127.0.0.1?ssl_cert_reqs=none", "nothing may follow the number of the database"),
    ],
)
def test_the_form_of_the_url(monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    monkeypatch.setenv("ASKD_SHARED_URL", url)
    with pytest.raises(BadSettings, match=said) as caught:
        read_settings()
    assert "secret" not in str(caught.value)


async def test_beyond_private_networks_it_needs_tls(tmp_path: Path) -> None:
    with pytest.raises(
        BadSettings, match=r"93\.184\.216\.34 is beyond .* begin it with valkeys:// or rediss://"
    ):
        async with open_askd(settings(tmp_path, "valkey://93.184.216.34:6379")):
            pass


async def test_the_extra_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "app.shared.valkey", raising=False)
    monkeypatch.setitem(sys.modules, "valkey.asyncio", None)
    with pytest.raises(BadSettings, match=r"pip install -e '\.\[shared\]'"):
        async with open_askd(settings(tmp_path, NOBODY)):
            pass


async def test_a_password_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="ASKD_SHARED_PASSWORD_FILE"):
        async with open_askd(settings(tmp_path, NOBODY, shared_password_file=tmp_path / "none")):
            pass


async def test_where_nobody_answers_it_starts_and_goes_on_alone(tmp_path: Path) -> None:
    ollama = {"ollama_url": "http://127.0.0.1:2,http://127.0.0.1:3", "slots": 4}
    began = time.perf_counter()
    async with open_askd(settings(tmp_path, NOBODY, **ollama)) as askd:
        assert time.perf_counter() - began < 5  # mostly imports
        assert askd.shared
        assert "ASKD_SHARED_URL" in str(askd.shared.trouble())
        assert askd.assistant.pipeline.admission.allotted == 8  # it knows of no other replica
        limit = limits.parse("1/minute")
        assert await askd.shared.limiter.hit(limit, "caller") is None
        assert await askd.shared.limiter.hit(limit, "caller") is not None


async def test_without_the_setting_nothing_of_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("app.shared", "valkey"))]:
        monkeypatch.delitem(sys.modules, name)
    async with open_askd(Settings(_env_file=None, data_dir=tmp_path, embedder="none")) as askd:
        assert askd.shared is None
    assert not [name for name in sys.modules if name.startswith(("app.shared", "valkey"))]
