"""The OpenAI-compatible adapter and servers that misbehave; real ones are in the contract suite."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from app.domain import Usage
from app.errors import ModelError, ModelMissing, ModelTimeout, ModelUnavailable, Overloaded, PromptTooLong
from app.models.base import Chunk, Message, Prompt, PromptStyle
from app.models.openai.client import open_client
from app.models.openai.model import OpenAIModel
from tests.support.ollama_server import OllamaServer, Reply, Then, model_server

pytestmark = pytest.mark.anyio

PROMPT = Prompt(PromptStyle.CHAT, [Message("system", "Be brief."), Message("user", "Hello?")], 16)
CHAT, TEXT, MODELS = "/v1/chat/completions", "/v1/completions", "/v1/models"
LISTED = Reply([json.dumps({"data": [{"id": "tiny"}, {"id": "other"}]}).encode()])


def sse(*parts: dict[str, Any] | str) -> bytes:
    said = (part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for part in parts)
    return "".join(f"data: {each}\n\n" for each in said).encode()


def said(text: str | None = None, finish: str | None = None, **delta: str) -> dict[str, Any]:
    content = {} if text is None else {"content": text}
    return {"choices": [{"index": 0, "delta": content | delta, "finish_reason": finish}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 2}}
HELLO = sse(said("", role="assistant"), said("Hel"), said("lo"), said(finish="stop"), USAGE, "[DONE]")


@asynccontextmanager
async def model_at(
    server: OllamaServer,
    *,
    name: str = "tiny",
    path: str = "/v1",
    key: str | None = None,
    first: float = 30.0,
    total: float = 30.0,
) -> AsyncIterator[OpenAIModel]:
    async with open_client(server.url + path, 1.0, key) as client:
        yield OpenAIModel(
            client,
            name,
            style=PromptStyle.CHAT,
            num_ctx=512,
            seed=7,
            first_token_timeout=first,
            generate_timeout=total,
        )


async def chunks_of(model: OpenAIModel, prompt: Prompt = PROMPT) -> list[Chunk]:
    async with aclosing(model.generate(prompt)) as chunks:
        return [chunk async for chunk in chunks]


async def answered(*replies: Reply, prompt: Prompt = PROMPT) -> tuple[list[Chunk], Sequence[dict[str, Any]]]:
    """What comes, and the bodies it was asked with."""
    async with model_server({CHAT: list(replies)}) as server, model_at(server) as model:
        return await chunks_of(model, prompt), [body for _, body in server.requests]


# --- what it is asked ----------------------------------------------------------------------------


async def test_gives_the_pieces_and_last_the_usage() -> None:
    chunks, (body,) = await answered(Reply([HELLO]))
    assert chunks == [Chunk("Hel"), Chunk("lo"), Chunk("", Usage(12, 2))]
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello?"},
    ]
    assert (body["model"], body["stream"], body["max_tokens"], body["temperature"], body["seed"]) == (
        "tiny", True, 16, 0, 7,
    )  # fmt: skip


async def test_the_usage_is_asked_for_and_estimated_where_none_is_told() -> None:
    chunks, (body,) = await answered(Reply([sse(said("Hel"), said("lo", "stop"), "[DONE]")]))
    assert body["stream_options"] == {"include_usage": True}
    usage = chunks[-1].usage
    assert usage
    assert usage.prompt_tokens > 3
    assert usage.completion_tokens == 2


@pytest.mark.parametrize(("told", "cached"), [(8, 8), ("8", 8), (-1, 0), (None, None)])
async def test_the_cached_tokens_are_a_number_if_they_are_told(told: object, cached: int | None) -> None:
    usage = {"prompt_tokens": 12, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": told}}
    reply = Reply([sse(said("Hello", "stop"), {"choices": [], "usage": usage}, "[DONE]")])
    chunks, _ = await answered(reply)
    assert chunks[-1].usage == Usage(12, 2, cached)


async def test_tells_when_the_limit_cut_the_answer() -> None:
    chunks, _ = await answered(Reply([sse(said("Hel", "length"), USAGE, "[DONE]")]))
    assert chunks[-1].cut


@pytest.mark.parametrize("ends", ["", "data: [DONE]"], ids=["no last line", "no empty line after it"])
async def test_the_end_of_the_stream_is_the_end_once_it_said_why(ends: str) -> None:
    chunks, _ = await answered(Reply([sse(said("Hello", "stop")) + ends.encode()]))
    assert chunks[0] == Chunk("Hello")


async def test_comments_events_and_carriage_returns_are_read_over() -> None:
    body = b": still here\r\n\r\nevent: message\r\n" + HELLO.replace(b"\n", b"\r\n")
    assert (await answered(Reply([body])))[0][0] == Chunk("Hel")


@pytest.mark.parametrize("character", ["ö", "\x85", "\u2028"])
async def test_a_character_may_be_torn_and_ends_no_line(character: str) -> None:
    body = sse(said(f"a{character}b"), said(finish="stop"), "[DONE]")
    torn = body.index(character.encode()) + 1
    assert (await answered(Reply([body[:torn], body[torn:]])))[0][0].text == f"a{character}b"


async def test_thoughts_are_no_part_of_the_answer() -> None:
    body = sse(said(reasoning_content="Hmm."), said(reasoning="Well."), said("Yes.", "stop"), "[DONE]")
    chunks, _ = await answered(Reply([body]))
    assert [chunk.text for chunk in chunks] == ["", "Yes.", ""]  # the first one tells that it has begun


async def test_an_answer_of_thoughts_alone_is_told_as_such() -> None:
    body = sse(said(reasoning_content="Hmm."), said(finish="length"), "[DONE]")
    with pytest.raises(ModelUnavailable, match="thoughts"):
        await answered(Reply([body]))


async def test_a_base_model_is_sent_the_bare_text() -> None:
    prompt = Prompt(PromptStyle.COMPLETION, [Message("user", "Q: Hello?\nA:")], 16, stop=["\n"])
    part = {"choices": [{"text": " Hi", "finish_reason": "stop"}]}
    async with model_server({TEXT: Reply([sse(part, "[DONE]")])}) as server, model_at(server) as model:
        chunks = await chunks_of(model, prompt)
        ((_, body),) = server.requests
    assert chunks[0] == Chunk(" Hi")
    assert (body["prompt"], body["stop"]) == ("Q: Hello?\nA:", ["\n"])


CHOICES = ['Say "yes".\nThen wait.', "No."]


@pytest.mark.parametrize(
    "written",
    [json.dumps({"choice": CHOICES[0]}), json.dumps(CHOICES[0]), f" {CHOICES[0]}\n"],
    ids=["as the schema says", "a string", "word for word"],
)
async def test_a_choice_is_read_however_it_is_written(written: str) -> None:
    prompt = Prompt(PromptStyle.CHAT, PROMPT.messages, 16, choices=CHOICES)
    pieces = [said(written[:5]), said(written[5:]), said(finish="stop"), USAGE]
    chunks, (body,) = await answered(Reply([sse(*pieces, "[DONE]")]), prompt=prompt)
    assert chunks == [Chunk(""), Chunk(CHOICES[0]), Chunk("", Usage(12, 2))]
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["choice"] == {"type": "string", "enum": CHOICES}


async def test_what_is_none_of_the_choices_is_a_failure() -> None:
    prompt = Prompt(PromptStyle.CHAT, PROMPT.messages, 16, choices=CHOICES)
    with pytest.raises(ModelUnavailable, match="choices"):
        await answered(Reply([HELLO]), prompt=prompt)


# --- fields that a server refuses ----------------------------------------------------------------

REFUSED = {
    "stream_options": b'{"error": {"message": "Unknown field", "param": "stream_options"}}',
    "chat_template_kwargs": b'{"error": {"message": "Unrecognized request argument: chat_template_kwargs"}}',
    "temperature": b'{"error": {"message": "Unsupported value: \'temperature\' does not support 0"}}',
    "seed": b'{"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "input": 7}]}',
}


@pytest.mark.parametrize("field", REFUSED)
async def test_a_field_that_is_refused_is_left_out_from_then_on(field: str) -> None:
    refusing = Reply([REFUSED[field]], 422 if field == "seed" else 400)
    async with (
        model_server({CHAT: [refusing, Reply([HELLO]), Reply([HELLO])]}) as server,
        model_at(server) as model,
    ):
        assert await chunks_of(model) == await chunks_of(model)
        assert [field in body for _, body in server.requests] == [True, False, False]


async def test_newer_models_have_another_word_for_the_limit() -> None:
    told = b'{"error": {"message": "Unsupported parameter: \'max_tokens\'. Use \'max_completion_tokens\'."}}'
    _, (first, second) = await answered(Reply([told], 400), Reply([HELLO]))
    assert (first["max_tokens"], second["max_completion_tokens"]) == (16, 16)
    assert "max_tokens" not in second


async def test_a_request_is_not_sent_again_for_the_same_field() -> None:
    refusing = Reply([REFUSED["seed"]], 400)
    with pytest.raises(ModelUnavailable):
        await answered(refusing, refusing)


# --- failures ------------------------------------------------------------------------------------

OVERFLOWS = {
    "OpenAI": (
        b'{"error": {"message": "This model\'s maximum context length is 512 tokens. However, your messages '
        b'resulted in 910 tokens.", "code": "context_length_exceeded"}}'
    ),
    "vLLM": (
        b'{"object": "error", "message": "This model\'s maximum context length is 512 tokens. However, you '
        b'requested 926 tokens (910 in the messages, 16 in the completion)."}'
    ),
    "llama-server": (
        b'{"error": {"code": 400, "message": "the request exceeds the available context size", "type": '
        b'"exceed_context_size_error", "n_prompt_tokens": 910, "n_ctx": 512}}'
    ),
    "SGLang": b'{"message": "The input (910 tokens) is longer than the model\'s context length (512)."}',
    "TGI": (
        b'{"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 512. '
        b'Given: 910 `inputs` tokens and 16 `max_new_tokens`"}'
    ),
    "LM Studio": (
        b'{"error": "Trying to keep the first 910 tokens when context overflows. However, the model is '
        b'loaded with context length of only 512 tokens"}'
    ),
}


@pytest.mark.parametrize("server", OVERFLOWS)
async def test_a_prompt_too_long_is_known_in_every_dialect(server: str) -> None:
    with pytest.raises(PromptTooLong) as raised:
        await answered(Reply([OVERFLOWS[server]], 422 if server == "TGI" else 400))
    assert raised.value.prompt_tokens == 910


async def test_a_prompt_too_long_teaches_nothing_about_fields() -> None:
    told = (
        b'{"error": {"message": "Context length exceeded: 910 tokens of 512; lower max_completion_tokens"}}'
    )
    async with (
        model_server({CHAT: [Reply([told], 400), Reply([HELLO])]}) as server,
        model_at(server) as model,
    ):
        with pytest.raises(PromptTooLong):
            await chunks_of(model)
        await chunks_of(model)
        assert ["max_tokens" in body for _, body in server.requests] == [True, True]


async def test_a_prompt_that_seems_too_long_is_not_sent() -> None:
    """Ollama's /v1 would cut it without a word."""
    async with model_server({CHAT: Reply([HELLO])}) as server, model_at(server) as model:
        with pytest.raises(PromptTooLong):
            await chunks_of(model, Prompt(PromptStyle.CHAT, [Message("user", "lighthouse " * 300)], 16))
        assert server.requests == []


TROUBLES = {
    "bad request": (Reply([b'{"error": {"message": "SECRET"}}'], 400), ModelUnavailable),
    "no such model": (Reply([b'{"error": {"message": "The model `x` does not exist"}}'], 404), ModelMissing),
    "another server's 404": (Reply([b"<html>SECRET</html>"], 404), ModelUnavailable),
    "redirect": (Reply([b""], 307), ModelUnavailable),
    "server error": (Reply([b'{"error": "SECRET"}'], 500), ModelUnavailable),
    "busy": (Reply([b"SECRET"], 503), Overloaded),
    "error in the stream": (Reply([sse(said("He"), {"error": {"message": "SECRET"}})]), ModelUnavailable),
    "busy in the stream": (Reply([sse({"error": {"message": "SECRET", "code": 429}})]), Overloaded),
    "error as the whole body": (Reply([b'{"error": {"message": "SECRET"}}']), ModelUnavailable),
    "garbage": (Reply([b"data: SECRET garbage\n\n"]), ModelUnavailable),
    "no event at all": (Reply([b"<html>SECRET</html>"]), ModelUnavailable),
    "a list": (Reply([b'data: ["SECRET"]\n\n']), ModelUnavailable),
    "another object": (Reply([b'data: {"SECRET": 1}\n\n']), ModelUnavailable),
    "nested too deep": (Reply([b"data: " + b"[" * 100_000 + b"\n\n"]), ModelUnavailable),
    "bad UTF-8": (Reply([b'data: {"choices": "\xff\xfe"}\n\n']), ModelUnavailable),
    "torn": (Reply([sse(said("He"))], then=Then.TEAR), ModelUnavailable),
    "ended without a reason": (Reply([sse(said("He"))]), ModelUnavailable),
    "ended by [DONE] alone": (Reply([sse("[DONE]")]), ModelUnavailable),
    "empty": (Reply(), ModelUnavailable),
    "a line without end": (Reply([b"data: " + b"x" * 3_000_000], then=Then.HANG), ModelUnavailable),
}


@pytest.mark.parametrize(("reply", "expected"), TROUBLES.values(), ids=TROUBLES)
async def test_every_trouble_becomes_an_error_of_ours_and_nothing_leaks(
    reply: Reply, expected: type[ModelError]
) -> None:
    with pytest.raises(expected) as raised:
        await answered(reply)
    assert "SECRET" not in str(raised.value)


REFUSALS = {
    "no key": (401, b"{}", "ASKD_OPENAI_API_KEY_FILE"),
    "another path": (404, b"page not found", "ends in /v1"),
    "no quota": (429, b'{"error": {"code": "insufficient_quota"}}', "quota"),
    "no system role": (400, b'{"error": {"message": "System role not supported"}}', "chat-without-system"),
    "no chat template": (
        400,
        b'{"message": "a chat template must be provided"}',
        "ASKD_OPENAI_STYLE=completion",
    ),
    "a gateway alone": (502, b"Bad Gateway", "is that running"),
}


@pytest.mark.parametrize(("status", "body", "told"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_names_what_mends_it(status: int, body: bytes, told: str) -> None:
    with pytest.raises(ModelUnavailable, match=told):
        await answered(Reply([body], status))


@pytest.mark.parametrize(("told", "seconds"), [("7", 7), ("0", 1), ("99999", 3600), ("soon", None)])
async def test_a_server_with_too_much_to_do_says_when_to_come_back(told: str, seconds: int | None) -> None:
    with pytest.raises(Overloaded) as raised:
        await answered(Reply([b"{}"], 429, headers=[f"Retry-After: {told}"]))
    assert raised.value.retry_after == seconds


async def test_who_waits_too_long_for_the_first_token_is_told() -> None:
    async with model_server({CHAT: Reply(then=Then.HANG)}) as server, model_at(server, first=0.05) as model:
        with pytest.raises(ModelTimeout, match="begin"):
            await chunks_of(model)


async def test_closing_a_reply_hangs_up() -> None:
    reply = Reply([sse(said("Hel"))], then=Then.HANG)
    async with model_server({CHAT: reply}) as server, model_at(server) as model:
        chunks = model.generate(PROMPT)
        assert await anext(chunks) == Chunk("Hel")
        await chunks.aclose()
        await asyncio.wait_for(server.left.wait(), 5)


async def test_a_server_that_fails_again_and_again_is_spared() -> None:
    async with model_server({CHAT: Reply(status=500)}) as server, model_at(server) as model:
        for _ in range(7):
            with pytest.raises(ModelUnavailable):
                await chunks_of(model)
        assert len(server.requests) == 5


# --- the address and who asks there --------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/chat/completions", "/v1/models"])
async def test_the_address_may_be_written_in_any_usual_way(path: str) -> None:
    async with model_server({CHAT: Reply([HELLO])}) as server, model_at(server, path=path) as model:
        assert await chunks_of(model)


async def test_the_path_of_a_gateway_is_kept() -> None:
    replies: dict[str, Reply | list[Reply]] = {"/openai/deployments/x/chat/completions": Reply([HELLO])}
    async with model_server(replies) as server, model_at(server, path="/openai/deployments/x") as model:
        assert await chunks_of(model)


@pytest.mark.parametrize(("key", "sent"), [(None, None), ("secret", "Bearer secret")])
async def test_the_key_is_sent_and_not_compressed_text_wanted(key: str | None, sent: str | None) -> None:
    async with model_server({CHAT: Reply([HELLO])}) as server, model_at(server, key=key) as model:
        await chunks_of(model)
        assert (server.authorizations, server.encodings) == ([sent], ["identity"])


# --- what it says of the model -------------------------------------------------------------------


async def test_a_model_that_the_server_lacks_is_missing_and_the_others_are_told() -> None:
    async with model_server({MODELS: LISTED}) as server, model_at(server, name="gemma") as model:
        with pytest.raises(ModelMissing, match="it has tiny, other"):
            await model.load()
        assert not (await model.status()).present


async def test_a_server_that_changes_the_model_behind_its_name_is_noticed() -> None:
    before, after = (
        Reply([json.dumps({"data": [{"id": "tiny", "root": root, "max_model_len": size}]}).encode()])
        for root, size in (("one-7b", 256), ("other-7b", 128))
    )
    async with model_server({MODELS: [before, before, after]}) as server, model_at(server) as model:
        first = await model.profile()
        await model.status()
        assert await model.profile() is first
        await model.status()
        second = await model.profile()
    assert second.digest != first.digest
    assert (first.context_tokens, second.context_tokens) == (256, 128)


async def test_two_servers_with_the_same_model_tell_the_same_digest() -> None:
    digests = set()
    for _ in range(2):
        reply = Reply([json.dumps({"data": [{"id": "tiny", "root": "one-7b"}]}).encode()])
        async with model_server({MODELS: reply}) as server, model_at(server) as model:
            digests.add((await model.profile()).digest)
    assert len(digests) == 1


async def test_a_server_without_a_list_of_models_is_believed() -> None:
    async with model_server({MODELS: Reply([b"not found"], 404)}) as server, model_at(server) as model:
        await model.load()
        assert (await model.status()).present
        assert (await model.profile()).context_tokens == 512


@pytest.mark.parametrize("told", [{"meta": {"n_ctx": 256}}, {"max_model_len": 256}], ids=["llama", "vLLM"])
async def test_a_smaller_window_of_the_server_is_kept_to(told: dict[str, Any]) -> None:
    listed = Reply([json.dumps({"data": [{"id": "tiny", **told}]}).encode()])
    async with model_server({MODELS: listed}) as server, model_at(server) as model:
        assert (await model.profile()).context_tokens == 256


@pytest.mark.parametrize(
    "reply", [Reply([b"[]"]), Reply([b"SECRET"]), Reply(status=500), Reply(then=Then.TEAR)]
)
async def test_metadata_in_trouble_are_an_error_of_ours(reply: Reply) -> None:
    async with model_server({MODELS: reply}) as server, model_at(server) as model:
        with pytest.raises(ModelUnavailable):
            await model.profile()
        with pytest.raises(ModelUnavailable):
            await model.status()
