"""`askd eval` against a real Elasticsearch."""

from pathlib import Path

import httpx
import pytest

from tests.cli.shell import Shell
from tests.cli.test_eval import FAQ, QUESTIONS

pytestmark = pytest.mark.live


def indices(url: str) -> list[str]:
    found = httpx.get(f"{url}/_cat/indices/askd-eval-test*?h=index", trust_env=False)
    return found.raise_for_status().text.split()


def test_an_evaluation_leaves_nothing_behind(tmp_path: Path, elasticsearch_url: str) -> None:
    askd = Shell(tmp_path)
    settings = {
        "ASKD_EMBEDDER": "none",
        "ASKD_ELASTICSEARCH_URL": elasticsearch_url,
        "ASKD_INDEX": "askd-eval-test",
        "ASKD_SEARCH_TIMEOUT": "30",
    }
    found = askd("eval", "retrieval", FAQ, QUESTIONS, "--json", settings=settings).json
    assert found["about"]["engine"] == "elasticsearch"
    assert found["configurations"]["hybrid"]["measures"]["hit@5"]["value"] > 0.9
    askd("eval", "retrieval", FAQ, "none.csv", status=1, settings=settings)
    assert indices(elasticsearch_url) == []
