"""`askd mcp` as an assistant starts it: the official SDK's client, over stdin and stdout."""

import pytest
from mcp import StdioServerParameters
from mcp.client.client import Client

from tests.cli.shell import ASKD, Shell

QUESTION = "Can I run askd without Docker?"


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_faq_is_served_over_stdin_and_stdout(filled: Shell, mode: str) -> None:
    server = StdioServerParameters(
        command=str(ASKD), args=["mcp"], env=filled.environment(), cwd=str(filled.folder)
    )
    async with Client(server, mode=mode) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} >= {"ask", "search", "fetch"}
        found = await client.call_tool("search", {"query": QUESTION})
        assert not found.is_error
        [first, *_] = found.structured_content["results"]
        answer = await client.call_tool("ask", {"question": first["title"]})
        assert answer.structured_content["status"] == "answered"
        assert answer.structured_content["sources"][0]["id"] == first["id"]
        missing = await client.call_tool("fetch", {"id": "nowhere/nothing"})
        assert missing.is_error


def test_without_the_extra_it_says_which_one_to_install(askd: Shell) -> None:
    (askd.folder / "mcp.py").write_text("raise ImportError('as where the extra is not installed')")
    ended = askd("mcp", settings={"PYTHONPATH": askd.folder}, status=2)
    assert "pip install -e '.[mcp]'" in ended.err
