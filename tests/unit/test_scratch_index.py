import os
from pathlib import Path

import pytest

from app import wiring
from app.settings import Settings

pytestmark = pytest.mark.anyio


async def test_thresholds_are_measured_beside_the_index_where_there_is_no_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a read-only container; tests/stack runs it in one."""

    def none() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(wiring, "gettempdir", none)
    async with wiring.scratch_index(Settings(_env_file=None, data_dir=tmp_path)):
        assert len(os.listdir(tmp_path / "index")) == 1
    assert not os.listdir(tmp_path / "index")
