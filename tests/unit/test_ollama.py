"""The Ollama adapter against a server that misbehaves on purpose; the real one is in the contract suite."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from app.domain import Usage
from app.errors import ModelError, ModelMissing, ModelTimeout, ModelUnavailable, PromptTooLong
from app.models.base import Chunk, Message, Prompt, PromptStyle
from app.models.ollama.client import open_client
from app.models.ollama.model import OllamaModel
from app.models.ollama.runner import Runner
from app.telemetry.logs import JsonLines
from tests.support.ollama_server import Reply, Then, done, lines, ollama_server, said

pytestmark = pytest.mark.anyio

RUNNER = Runner(num_ctx=512, num_batch=64, num_thread=2, seed=7, keep_alive="-1")
PROMPT = Prompt(PromptStyle.CHAT, [Message("system", "Be brief."), Message("user", "Hello?")], 16)
OVERFLOW = json.dumps(
    {
        "error": json.dumps(
            {
                "error": {
                    "code": 400,
                    "message": "request (910 tokens) exceeds the available context size (512 tokens)",
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": 910,
                    "n_ctx": 512,
                }
            }
        )
    }
).encode()
SHOWN: dict[str, Any] = {
    "template": "{{ .System }} {{ .Prompt }}",
    "modelfile": "FROM x",
    "model_info": {
        "general.architecture": "llama",
        "llama.context_length": 8192,
        "general.parameter_count": 134515008,
    },
}
LISTED = {"models": [{"model": "tiny:latest", "digest": "abc", "size": 1}, {"model": "other:1b"}]}
IN_MEMORY = {"models": [{"model": "tiny:latest", "digest": "abc", "size": 110, "size_vram": 40}]}


@asynccontextmanager
async def model_at(
    url: str, *, name: str = "tiny", first: float = 30.0, total: float = 30.0
) -> AsyncIterator[OllamaModel]:
    async with open_client(url, connect_timeout=1.0) as client:
        yield OllamaModel(client, name, RUNNER, first_token_timeout=first, generate_timeout=total)


async def chunks_of(url: str, prompt: Prompt = PROMPT, first: float = 30.0) -> list[Chunk]:
    async with model_at(url, first=first) as model, aclosing(model.generate(prompt)) as chunks:
        return [chunk async for chunk in chunks]


# --- what it is asked ----------------------------------------------------------------------------


async def test_gives_the_pieces_and_last_the_usage() -> None:
    pieces = [lines(each) for each in (said("Hel"), said("lo"), done())]
    async with ollama_server(chat=Reply(pieces, pause=0.1)) as server:
        assert await chunks_of(server.url) == [Chunk("Hel"), Chunk("lo"), Chunk("", Usage(12, 2))]


async def test_pieces_that_have_arrived_together_are_given_as_one() -> None:
    together = lines(said("He"), said("l\u2028"), said("lo"), done())
    async with ollama_server(chat=Reply([lines(said("Oh. ")), together], pause=0.1)) as server:
        pieces = [chunk.text for chunk in await chunks_of(server.url)]
    assert pieces == ["Oh. ", "Hel\u2028lo", ""]


async def test_a_line_that_cannot_be_read_does_not_take_those_before_it_along() -> None:
    reply = Reply([lines(said("He"), said("llo")) + b"{nonsense\n"])
    async with ollama_server(chat=reply) as server, model_at(server.url) as model:
        chunks = model.generate(PROMPT)
        assert [(await anext(chunks)).text for _ in range(2)] == ["He", "llo"]
        with pytest.raises(ModelUnavailable):
            await anext(chunks)


async def test_tells_when_the_limit_cut_the_answer() -> None:
    async with ollama_server(chat=Reply([lines(said("Hel"), done("length"))])) as server:
        assert (await chunks_of(server.url))[-1].cut


async def test_a_piece_may_end_inside_a_character() -> None:
    body = lines(said("Größe"), done())
    torn = body.index("ö".encode()) + 1
    async with ollama_server(chat=Reply([body[:torn], body[torn:]])) as server:
        assert (await chunks_of(server.url))[0].text == "Größe"


async def test_every_request_runs_the_model_alike_and_forbids_to_cut_the_prompt() -> None:
    async with ollama_server(chat=Reply([lines(done())]), generate=Reply([lines(done())])) as server:
        async with model_at(server.url) as model:
            await model.load()
        await chunks_of(server.url)
        (_, loading), (_, generating) = server.requests
    for body in (loading, generating):
        assert body["truncate"] is False
        assert body["keep_alive"] == -1
    assert loading["messages"] == []
    assert generating["stream"] is True
    limit = generating["options"].pop("num_predict")
    assert limit == 16
    assert generating["options"] == loading["options"]
    assert loading["options"] == {
        "num_ctx": 512,
        "num_batch": 64,
        "num_thread": 2,
        "seed": 7,
        "temperature": 0,
    }


async def test_no_proxy_is_asked_to_compress() -> None:
    """Compressed, a body has no lines to read, and tokens wait for each other."""
    async with ollama_server(chat=Reply([lines(done())])) as server:
        await chunks_of(server.url)
        assert server.encodings == ["identity"]


async def test_a_keep_alive_with_a_unit_is_sent_as_it_is() -> None:
    assert Runner(512, 64, None, 7, "5m").arguments("tiny")["keep_alive"] == "5m"


async def test_a_base_model_is_sent_the_bare_text() -> None:
    prompt = Prompt(PromptStyle.COMPLETION, [Message("user", "Q: Hello?\nA:")], 16, stop=["\n"])
    reply = Reply([lines({"response": " Hi", "done": False}, {"response": "", "done": True})])
    async with ollama_server(generate=reply) as server:
        chunks = await chunks_of(server.url, prompt)
        ((path, body),) = server.requests
    assert chunks[0] == Chunk(" Hi")
    assert (path, body["raw"], body["prompt"]) == ("/api/generate", True, "Q: Hello?\nA:")
    assert body["options"]["stop"] == ["\n"]


async def test_a_choice_is_read_out_of_its_json() -> None:
    choices = ['Say "yes".\nThen wait.', "No."]
    prompt = Prompt(PromptStyle.CHAT, PROMPT.messages, 16, choices=choices)
    pieces = [said(piece) for piece in ('"', "Say ", "\\", '"yes\\"', ".\\n", "Then wait.", '"')]
    async with ollama_server(chat=Reply([lines(*pieces, done())])) as server:
        chunks = await chunks_of(server.url, prompt)
        assert server.requests[0][1]["format"] == {"type": "string", "enum": choices}
    assert "".join(chunk.text for chunk in chunks) == choices[0]


async def test_what_is_none_of_the_choices_is_a_failure() -> None:
    prompt = Prompt(PromptStyle.CHAT, PROMPT.messages, 16, choices=["Yes.", "No."])
    async with ollama_server(chat=Reply([lines(said("Perhaps."), done())])) as server:
        with pytest.raises(ModelUnavailable):
            await chunks_of(server.url, prompt)


# --- failures ------------------------------------------------------------------------------------

TROUBLES = {
    "not pulled": (Reply([b'{"error": "model not found"}'], 404), ModelMissing),
    "prompt too long": (Reply([OVERFLOW], 400), PromptTooLong),
    "bad request": (Reply([b'{"error": "invalid model name"}'], 400), ModelUnavailable),
    "server error": (Reply([b'{"error": "SECRET out of memory"}'], 500), ModelUnavailable),
    "overloaded": (Reply([b'{"error": "SECRET busy"}'], 503), ModelUnavailable),
    "redirect": (Reply([b""], 302), ModelUnavailable),
    "another server's 404": (Reply([b"<html>SECRET page not found</html>"], 404), ModelUnavailable),
    "HTML error": (Reply([b"<html>SECRET</html>"], 502), ModelUnavailable),
    "error is a list": (Reply([b'["SECRET"]'], 500), ModelUnavailable),
    "error in the stream": (Reply([lines(said("He"), {"error": "SECRET"})]), ModelUnavailable),
    "garbage": (Reply([b"SECRET garbage\n"]), ModelUnavailable),
    "no object": (Reply([b'["SECRET"]\n']), ModelUnavailable),
    "other object": (Reply([b'{"SECRET": 1}\n']), ModelUnavailable),
    "nested too deep": (Reply([b"[" * 5000 + b"\n"]), ModelUnavailable),
    "bad UTF-8": (Reply([b'{"message": "\xff\xfe'], then=Then.END), ModelUnavailable),
    "torn inside a character": (Reply([lines(said("Größe"))[:-20]], then=Then.TEAR), ModelUnavailable),
    "ended inside a line": (Reply([lines(said("Größe"))[:-20]]), ModelUnavailable),
    "ended without done": (Reply([lines(said("He"))]), ModelUnavailable),
    "empty": (Reply(), ModelUnavailable),
    "torn at once": (Reply(then=Then.TEAR), ModelUnavailable),
}


async def test_where_an_answer_could_not_be_read_is_logged_without_what_it_says(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reply, error = TROUBLES["other object"]
    async with ollama_server(chat=reply) as server:
        with pytest.raises(error):
            await chunks_of(server.url)
    (record,) = caplog.records
    assert vars(record)["error"] == "ValidationError"
    assert "model.py" in vars(record)["traceback"]
    assert "SECRET" not in JsonLines().format(record)


async def test_a_server_that_is_gone_is_no_answer_that_could_not_be_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reply, error = TROUBLES["torn at once"]
    async with ollama_server(chat=reply) as server:
        with pytest.raises(error):
            await chunks_of(server.url)
    assert not caplog.records


@pytest.mark.parametrize(("reply", "expected"), TROUBLES.values(), ids=TROUBLES)
async def test_every_trouble_becomes_an_error_of_ours_and_nothing_leaks(
    reply: Reply, expected: type[ModelError]
) -> None:
    async with ollama_server(chat=reply) as server:
        with pytest.raises(expected) as raised:
            await chunks_of(server.url)
    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize(
    "reply",
    [
        TROUBLES[name][0]
        for name in (
            "server error",
            "garbage",
            "no object",
            "other object",
            "nested too deep",
            "torn at once",
        )
    ],
)
async def test_the_metadata_have_the_same_errors(reply: Reply) -> None:
    async with ollama_server(show=reply, tags=reply, ps=reply) as server, model_at(server.url) as model:
        with pytest.raises(ModelUnavailable):
            await model.profile()
        with pytest.raises(ModelUnavailable):
            await model.status()


async def test_a_prompt_too_long_tells_the_count_and_corrects_the_estimate() -> None:
    text = "cat " * 300
    prompt = Prompt(PromptStyle.CHAT, [Message("user", text)], 16)
    async with ollama_server(chat=Reply([OVERFLOW], 400)) as server, model_at(server.url) as model:
        (before,) = await model.count_tokens([text])
        with pytest.raises(PromptTooLong) as raised:
            await anext(model.generate(prompt))
        assert raised.value.prompt_tokens == 910
        assert before < 910 <= (await model.count_tokens([text]))[0]


async def test_a_model_that_is_missing_names_the_command() -> None:
    async with ollama_server() as server:
        with pytest.raises(ModelMissing, match="ollama pull tiny"):
            await chunks_of(server.url)


async def test_a_server_that_is_down_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(ModelUnavailable):
        await chunks_of(f"http://127.0.0.1:{port}")


async def test_a_host_without_an_address_is_unavailable() -> None:
    with pytest.raises(ModelUnavailable):
        await chunks_of("http://no-such-host.invalid:11434")


REFUSALS = {
    "another server's 404": (404, b"<html>page not found</html>", "not Ollama"),
    "a redirect": (307, b"", "not Ollama"),
    "no key": (401, b'{"error": "unauthorized"}', "ASKD_OLLAMA_API_KEY_FILE"),
    "a wrong key, of a proxy": (403, b"Forbidden", "ASKD_OLLAMA_API_KEY_FILE"),
    "too much to do": (503, b'{"error": "server busy"}', "too much to do"),
    "too many requests": (429, b"", "too much to do"),
    "a proxy without Ollama": (502, b"<html>Bad Gateway</html>", "is Ollama running"),
    "no memory": (500, b'{"error": "model requires more system memory (9 GiB) than is available"}', "memory"),
    "an embedding model": (400, b'{"error": "\\"bge\\" does not support chat"}', "one that can chat"),
    "a failure of its own": (500, b'{"error": "llama runner process has terminated"}', "its log says why"),
}


@pytest.mark.parametrize(("status", "body", "told"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_is_told_by_what_ollama_says(status: int, body: bytes, told: str) -> None:
    async with ollama_server(chat=Reply([body] if body else [], status)) as server:
        with pytest.raises(ModelUnavailable, match=told):
            await chunks_of(server.url)


async def test_the_model_that_is_missing_is_the_one_ollama_says_is_not_found() -> None:
    shown = Reply([b'{"error": "model \'tiny\' not found"}'], 404)
    async with ollama_server(show=shown) as server, model_at(server.url) as model:
        with pytest.raises(ModelMissing):
            await model.profile()


async def test_https_to_a_server_without_is_told_as_such() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        with pytest.raises(ModelUnavailable, match="plain http"):
            await chunks_of(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def test_a_generation_is_sent_once_even_if_its_connection_breaks() -> None:
    for reply in (Reply(then=Then.TEAR), Reply(status=503), Reply([lines(said("He"))], then=Then.TEAR)):
        async with ollama_server(chat=reply) as server:
            with pytest.raises(ModelUnavailable) as raised:
                await chunks_of(server.url)
            assert [path for path, _ in server.requests] == ["/api/chat"]
            assert not raised.value.retryable


async def test_no_connection_is_kept_that_the_server_might_have_closed() -> None:
    async with ollama_server(chat=Reply([lines(done())])) as server, model_at(server.url) as model:
        for _ in range(2):
            assert [chunk async for chunk in model.generate(PROMPT)]
    assert server.connections == 2


@pytest.mark.parametrize("separator", ["\x85", "\u2028", "\u2029"])
async def test_a_character_that_ends_lines_elsewhere_ends_none_here(separator: str) -> None:
    async with ollama_server(chat=Reply([lines(said(f"a{separator}b"), done())])) as server:
        assert (await chunks_of(server.url))[0].text == f"a{separator}b"


async def test_a_line_without_end_is_not_read_for_ever() -> None:
    async with ollama_server(chat=Reply([b"x" * 3_000_000], then=Then.HANG)) as server:
        with pytest.raises(ModelUnavailable):
            await chunks_of(server.url)


# --- the address and who asks there --------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/api", "/api/chat", "/v1/chat/completions"])
async def test_an_address_as_other_tools_want_it_leads_to_ollama(path: str) -> None:
    async with ollama_server(chat=Reply([lines(said("Hello"), done())])) as server:
        assert (await chunks_of(server.url + path))[0].text == "Hello"


async def test_a_path_of_a_proxy_is_kept() -> None:
    async with ollama_server() as server:
        with pytest.raises(ModelMissing):
            await chunks_of(server.url + "/ollama/api")
        assert server.requests[0][0] == "/ollama/api/chat"


@pytest.mark.parametrize(
    ("user", "key", "sent"),
    [
        ("", None, None),
        ("", "secret", "Bearer secret"),
        ("jo:p%40ss@", None, "Basic am86cEBzcw=="),
        ("jo:p@", "secret", "Bearer secret"),
    ],
)
async def test_the_key_is_sent_and_none_that_is_meant_for_another_server(
    user: str, key: str | None, sent: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "of-the-cloud")
    async with ollama_server(chat=Reply([lines(done())])) as server:
        url = server.url.replace("http://", f"http://{user}")
        async with open_client(url, 1.0, key) as client:
            model = OllamaModel(client, "tiny", RUNNER, first_token_timeout=9, generate_timeout=9)
            assert [chunk async for chunk in model.generate(PROMPT)]
        assert server.authorizations == [sent]


async def test_counting_tokens_keeps_no_text() -> None:
    text = "".join(["What is ", "secret?"])
    async with model_at("http://127.0.0.1:9") as model:
        before = sys.getrefcount(text)
        await model.count_tokens([text])
        assert sys.getrefcount(text) == before


# --- deadlines and hanging up --------------------------------------------------------------------


async def test_a_first_token_that_does_not_come_is_a_timeout_and_hangs_up() -> None:
    async with ollama_server(chat=Reply(then=Then.HANG)) as server:
        with pytest.raises(ModelTimeout):
            await chunks_of(server.url, first=0.2)
        await asyncio.wait_for(server.left.wait(), 5)


async def test_an_answer_that_stalls_is_a_timeout_after_its_first_pieces() -> None:
    async with ollama_server(chat=Reply([lines(said("He"))], then=Then.HANG)) as server:
        async with model_at(server.url, first=30.0, total=0.5) as model:
            chunks = model.generate(PROMPT)
            assert (await anext(chunks)).text == "He"
            with pytest.raises(ModelTimeout):
                await anext(chunks)
        await asyncio.wait_for(server.left.wait(), 5)


async def test_loading_has_a_deadline() -> None:
    async with ollama_server(chat=Reply(then=Then.HANG)) as server, model_at(server.url, first=0.2) as model:
        with pytest.raises(ModelTimeout):
            await model.load()


async def test_closing_the_reply_hangs_up() -> None:
    stalling = Reply([lines(said("He"))], then=Then.HANG)
    async with ollama_server(chat=stalling) as server, model_at(server.url) as model:
        async with aclosing(model.generate(PROMPT)) as chunks:
            await anext(chunks)
        await asyncio.wait_for(server.left.wait(), 5)


async def test_cancelling_before_the_first_token_hangs_up() -> None:
    async with ollama_server(chat=Reply(then=Then.HANG)) as server, model_at(server.url) as model:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await anext(model.generate(PROMPT))
        await asyncio.wait_for(server.left.wait(), 5)


# --- profile and status --------------------------------------------------------------------------


async def test_the_profile_comes_from_the_metadata() -> None:
    replies = {"show": Reply([lines(SHOWN)]), "tags": Reply([lines(LISTED)])}
    async with ollama_server(**replies) as server, model_at(server.url) as model:
        profile = await model.profile()
    assert (profile.name, profile.digest) == ("tiny", "abc")
    assert (profile.style, profile.context_tokens, profile.parameters) == (PromptStyle.CHAT, 512, 134515008)


async def test_an_answer_that_describes_no_model_is_no_base_model() -> None:
    replies = {"show": Reply([lines({"words": 17})]), "tags": Reply([lines(LISTED)])}
    async with ollama_server(**replies) as server, model_at(server.url) as model:
        with pytest.raises(ModelUnavailable):
            await model.profile()


async def test_the_profile_is_asked_for_once_and_again_after_a_failure() -> None:
    replies = {"show": Reply([lines(SHOWN)]), "tags": Reply([lines(LISTED)]), "chat": Reply(status=500)}
    async with ollama_server(**replies) as server, model_at(server.url) as model:
        await model.profile()
        await model.profile()
        assert [path for path, _ in server.requests].count("/api/show") == 1
        with pytest.raises(ModelUnavailable):
            await anext(model.generate(PROMPT))
        await model.profile()
        assert [path for path, _ in server.requests].count("/api/show") == 2


async def test_a_model_that_was_pulled_anew_has_another_profile() -> None:
    replies = {"show": Reply([lines(SHOWN)]), "tags": Reply([lines(LISTED)]), "ps": Reply([lines(IN_MEMORY)])}
    async with ollama_server(**replies) as server, model_at(server.url) as model:
        assert (await model.profile()).digest == "abc"
        newer = {"models": [{"model": "tiny:latest", "digest": "def"}]}
        server.replies["/api/tags"] = Reply([lines(newer)])
        await model.status()
        assert (await model.profile()).digest == "def"


@pytest.mark.parametrize(
    "name", ["tiny", "tiny:latest", "Tiny", "library/tiny", "registry.ollama.ai/library/tiny"]
)
async def test_the_status_finds_the_model_under_any_of_its_names(name: str) -> None:
    replies = {"tags": Reply([lines(LISTED)]), "ps": Reply([lines(IN_MEMORY)])}
    async with ollama_server(**replies) as server, model_at(server.url, name=name) as model:
        status = await model.status()
    assert (status.present, status.loaded, status.size_bytes, status.gpu_bytes) == (True, True, 110, 40)


async def test_the_status_tells_a_missing_model_and_one_that_is_not_loaded() -> None:
    replies = {"tags": Reply([lines(LISTED)]), "ps": Reply([lines({"models": []})])}
    async with ollama_server(**replies) as server:
        async with model_at(server.url) as model:
            status = await model.status()
        async with model_at(server.url, name="other:7b") as other:
            missing = await other.status()
    assert (status.present, status.loaded, status.size_bytes) == (True, False, None)
    assert not missing.present
