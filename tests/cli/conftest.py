import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.support.faq import FAQ


@pytest.fixture(scope="session")
def faq_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faq") / "faq.json"
    path.write_text(json.dumps([asdict(entry) for entry in FAQ]), "utf-8")
    return path


@pytest.fixture(scope="session")
def ingested(tmp_path_factory: pytest.TempPathFactory, faq_file: Path) -> Shell:
    """An askd that holds the FAQ; for tests that change nothing."""
    askd = Shell(tmp_path_factory.mktemp("ingested"))
    askd("ingest", faq_file)
    return askd


@pytest.fixture
def askd(tmp_path: Path) -> Shell:
    """An askd that holds nothing yet."""
    return Shell(tmp_path)


@pytest.fixture
def filled(askd: Shell, ingested: Shell) -> Shell:
    """An askd of the test's own that holds the FAQ."""
    shutil.copytree(ingested.data, askd.data)
    return askd
