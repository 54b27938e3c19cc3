"""The snippets of docs/clients.md, as a reader copies them, against `askd serve` with the sample FAQ."""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from mcp import Client, StdioServerParameters

from tests.cli.shell import ASKD, Server, Shell
from tests.clients.conftest import python_with, run

PAGE = Path("docs/clients.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"
SAMPLE = Path("app/sample/faq.json").resolve()
SAID = "Python 3.11 or newer"  # by the entry that answers what all of them ask


class Snippet(NamedTuple):
    language: str
    text: str

    @property
    def name(self) -> str:
        first = next(line for line in self.text.splitlines() if line.strip())
        return f"{self.language}: {first[:60]}"


def snippets() -> Iterator[Snippet]:
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        yield Snippet(language, text)


ALL = list(snippets())
PROGRAMS = [each for each in ALL if each.language != "json" and not each.text.startswith("claude ")]
[CONFIGURATION] = [each.text for each in ALL if each.language == "json"]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    askd = Shell(tmp_path_factory.mktemp("askd"))
    askd("ingest", SAMPLE)
    return askd


@pytest.fixture(scope="module")
def sample(filled: Shell) -> Iterator[Server]:
    """Over the sample FAQ, without a model."""
    with filled.serving() as server:
        yield server


def test_the_page_has_a_snippet_in_each_language() -> None:
    assert {each.language for each in PROGRAMS} == {"bash", "go", "java", "javascript", "python"}
    assert len(PROGRAMS) >= 10


@pytest.mark.timeout(900)  # the first run installs the clients
@pytest.mark.parametrize("snippet", PROGRAMS, ids=lambda snippet: snippet.name)
def test_a_snippet_is_answered(snippet: Snippet, sample: Server, tmp_path: Path) -> None:
    text = snippet.text.replace(ADDRESS, sample.url)
    assert text != snippet.text
    assert SAID in run(*_command(snippet.language, text, tmp_path))


def _command(language: str, text: str, folder: Path) -> Sequence[str | Path]:
    match language:
        case "bash":
            return ["bash", "-c", text]
        case "javascript":
            return ["node", _written(folder / "ask.mjs", text)]
        case "java":
            return ["java", _written(folder / "Ask.java", text)]
        case "go":
            return ["go", "run", _written(folder / "ask.go", text)]
    return [_python(text), _written(folder / "ask.py", text)]


def _python(text: str) -> Path:
    if "llama_index" in text:
        return python_with("llama-index")
    return python_with("clients") if "openai" in text else Path(sys.executable)


def _written(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.anyio
async def test_an_assistant_starts_askd_as_its_configuration_says(filled: Shell) -> None:
    [(_, server)] = json.loads(CONFIGURATION)["mcpServers"].items()
    assert server["command"].endswith("/askd")
    environment = filled.environment()
    started = StdioServerParameters(command=str(ASKD), args=server["args"], env=environment)
    async with Client(started) as client:
        answer = await client.call_tool("ask", {"question": "Which Python version does askd need?"})
    assert SAID in answer.structured_content["answer"]
