import sys

import pytest

from app.errors import BadSettings
from app.evaluation.extra import require_extra


def test_a_missing_package_is_named_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    require_extra()
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(BadSettings, match=r"needs plotly: .*pip install -e '\.\[eval\]'"):
        require_extra()
