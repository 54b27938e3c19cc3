"""What every LanguageModel must do; the fake is held to the same contract as the real ones.

All have a window of 2048 tokens. None is held to a speed: what is timed is compared with what the same model
took for a whole reply, and the best of three counts, for the machine may be busy.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from app.answering.prompt import build_prompt, choice_prompt, static_prefix
from app.domain import FaqEntry, Usage
from app.errors import PromptTooLong
from app.models.base import Chunk, LanguageModel, Message, Prompt, PromptStyle
from app.models.llamacpp.model import LlamaCppModel
from app.models.llamacpp.server import ServerOptions
from app.models.ollama.client import open_client
from app.models.ollama.model import OllamaModel
from app.models.ollama.runner import Runner
from app.models.openai.client import open_client as open_openai
from app.models.openai.model import OpenAIModel
from app.models.scripted import ScriptedModel
from tests.support.lag import check_loop_runs_on
from tests.support.llama_server import llama_server

pytestmark = pytest.mark.anyio

WINDOW = 2048
TEMPLATE_TOKENS = 24  # more than a chat template puts around two messages
END_OF_TURN_TOKENS = 5  # <|im_end|>, line break, <|im_start|>, "assistant", line break
GRACE = 0.5  # seconds; a scripted reply takes none
STORY = "Tell a very long story about a lighthouse keeper, with many chapters."


@pytest.fixture
def scripted_model() -> LanguageModel:
    return ScriptedModel(tuple(f"word{number} " for number in range(400)), context_tokens=WINDOW)


@pytest.fixture(scope="module")
async def embedded_model(gguf: Path) -> AsyncIterator[LanguageModel]:
    options = ServerOptions(num_ctx=WINDOW, num_batch=64, num_thread=None, seed=42)
    async with LlamaCppModel(
        str(gguf), gguf.parent, options, first_token_timeout=120, generate_timeout=170
    ) as model:
        yield model


@pytest.fixture(scope="module")
async def ollama_model(ollama_url: str) -> AsyncIterator[LanguageModel]:
    runner = Runner(num_ctx=WINDOW, num_batch=64, num_thread=None, seed=42, keep_alive="-1")
    async with open_client(ollama_url, connect_timeout=10.0) as client:
        yield OllamaModel(client, "smollm2", runner, first_token_timeout=120, generate_timeout=170)


@pytest.fixture(scope="module")
async def llama_server_model(gguf: Path) -> AsyncIterator[LanguageModel]:
    async with llama_server(gguf, WINDOW) as url, openai_model(url, str(gguf)) as model:
        yield model


@pytest.fixture(scope="module")
async def ollama_v1_model(ollama_url: str) -> AsyncIterator[LanguageModel]:
    async with openai_model(ollama_url, "smollm2") as model:
        yield model


@asynccontextmanager
async def openai_model(url: str, name: str) -> AsyncIterator[LanguageModel]:
    async with open_openai(url, connect_timeout=10.0) as client:
        yield OpenAIModel(
            client,
            name,
            style=PromptStyle.CHAT,
            num_ctx=WINDOW,
            seed=42,
            first_token_timeout=120,
            generate_timeout=170,
        )


COMPLETING = [
    "scripted_model",
    "embedded_model",
    "llama_server_model",
    pytest.param("ollama_model", marks=pytest.mark.live),
]


@pytest.fixture(params=[*COMPLETING, pytest.param("ollama_v1_model", marks=pytest.mark.live)])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    model: LanguageModel = request.getfixturevalue(request.param)
    return model


@pytest.fixture(params=COMPLETING[1:])
def counting_model(request: pytest.FixtureRequest) -> LanguageModel:
    """Those whose servers tell what their cache saved: neither the fake nor Ollama's /v1."""
    model: LanguageModel = request.getfixturevalue(request.param)
    return model


@pytest.fixture(params=COMPLETING)
def completing_model(request: pytest.FixtureRequest) -> LanguageModel:
    """All but Ollama's /v1, which puts the text of a base model into a chat template, too."""
    model: LanguageModel = request.getfixturevalue(request.param)
    return model


def chat(text: str, tokens: int = 16, *, choices: Sequence[str] = (), stop: Sequence[str] = ()) -> Prompt:
    messages = [Message("system", "You are a helpful assistant."), Message("user", text)]
    return Prompt(PromptStyle.CHAT, messages, tokens, choices, stop)


async def reply(model: LanguageModel, prompt: Prompt) -> list[Chunk]:
    async with aclosing(model.generate(prompt)) as chunks:
        return [chunk async for chunk in chunks]


async def written(model: LanguageModel, prompt: Prompt) -> tuple[str, Usage, bool]:
    chunks = await reply(model, prompt)
    assert chunks[-1].usage
    return "".join(chunk.text for chunk in chunks), chunks[-1].usage, chunks[-1].cut


async def seconds(model: LanguageModel, prompt: Prompt) -> float:
    started = time.perf_counter()
    await reply(model, prompt)
    return time.perf_counter() - started


async def best_of_three(measured: Callable[[], Awaitable[float]]) -> float:
    return min([await measured() for _ in range(3)])


async def test_says_where_it_is_and_what_it_is(model: LanguageModel) -> None:
    await model.load()
    status = await model.status()
    assert status.present
    assert status.loaded
    profile = await model.profile()
    assert profile.style is PromptStyle.CHAT
    assert profile.context_tokens == WINDOW
    assert profile.digest


async def test_the_text_comes_in_pieces_and_the_usage_with_the_last(model: LanguageModel) -> None:
    chunks = await reply(model, chat(STORY))
    assert len([chunk for chunk in chunks if chunk.text]) > 3
    assert [chunk for chunk in chunks if chunk.usage] == chunks[-1:]
    usage = chunks[-1].usage
    assert usage
    assert usage.prompt_tokens > 5


async def test_keeps_to_the_limit_and_tells_that_it_cut(model: LanguageModel) -> None:
    _, usage, cut = await written(model, chat(STORY, tokens=8))
    assert 1 <= usage.completion_tokens <= 8
    assert cut


async def test_a_prompt_over_the_window_is_refused_whole(model: LanguageModel) -> None:
    with pytest.raises(PromptTooLong) as raised:
        await reply(model, chat("lighthouse " * 3000))
    assert (raised.value.prompt_tokens or 0) > WINDOW


async def test_writes_one_of_the_choices_word_for_word(model: LanguageModel) -> None:
    choices = [
        'Say "yes".\n\nThen wait for 3 \\ 4 minutes – it\'s über\u00adfast.\t☕',
        'Say "yes".\n\nThen stop.',
        'Say "yes".',
    ]
    prompt = chat("What shall I say?", tokens=64, choices=choices, stop=["\n\n"])
    text, _, cut = await written(model, prompt)
    assert text in choices
    assert not cut


async def test_the_text_ends_before_a_stop_sequence(model: LanguageModel) -> None:
    text, _, cut = await written(model, chat(STORY, tokens=64, stop=["r"]))
    assert text
    assert "r" not in text
    assert not cut


async def test_a_completion_prompt_is_continued_as_it_is(completing_model: LanguageModel) -> None:
    prompt = Prompt(PromptStyle.COMPLETION, [Message("user", "The capital of France is")], 4)
    text, usage, _ = await written(completing_model, prompt)
    assert text
    assert usage.prompt_tokens <= 8  # no template around the five words


async def test_counts_no_fewer_tokens_than_the_model_and_not_many_more(model: LanguageModel) -> None:
    question = "How do I join?"
    entries = "You can join the course at any time; homework after its deadline earns no points. " * 12
    prompt = chat(entries + question, tokens=1)
    _, usage, _ = await written(model, prompt)
    counted = sum(await model.count_tokens([message.content for message in prompt.messages]))
    assert usage.prompt_tokens <= counted + TEMPLATE_TOKENS
    assert counted <= 2 * usage.prompt_tokens


async def test_two_at_once_both_get_their_answer(model: LanguageModel) -> None:
    both = await asyncio.gather(written(model, chat("One?", 4)), written(model, chat("Two?", 4)))
    assert all(usage.completion_tokens for _, usage, _ in both)


async def test_closing_a_reply_frees_the_model_for_the_next(model: LanguageModel) -> None:
    whole = await seconds(model, chat(STORY, tokens=300))

    async def next_after_closing() -> float:
        chunks = model.generate(chat(STORY, tokens=300))
        await anext(chunks)
        started = time.perf_counter()
        await chunks.aclose()
        await reply(model, chat("Hello?", tokens=1))
        return time.perf_counter() - started

    assert await best_of_three(next_after_closing) < whole / 2 + GRACE


async def test_leaving_before_the_first_token_frees_the_model_for_the_next(model: LanguageModel) -> None:
    def long_prompt() -> Prompt:  # what follows a first word never seen before is in no cache
        return chat(f"{uuid4()}: " + "the lighthouse stood alone. " * 120, tokens=1)

    whole = await seconds(model, long_prompt())

    async def next_after_leaving() -> float:
        leaving = asyncio.create_task(reply(model, long_prompt()))
        await asyncio.sleep(whole / 10)
        started = time.perf_counter()
        leaving.cancel()
        await asyncio.wait([leaving])
        await reply(model, chat("Hello?", tokens=1))
        return time.perf_counter() - started

    assert await best_of_three(next_after_leaving) < whole / 2 + GRACE


async def test_who_waits_and_leaves_is_never_answered(model: LanguageModel) -> None:
    whole = await seconds(model, chat(STORY, tokens=100))

    async def next_after_all_left() -> float:
        async with aclosing(model.generate(chat(STORY, tokens=400))) as chunks:
            await anext(chunks)
            waiting = [asyncio.create_task(reply(model, chat(STORY, tokens=100))) for _ in range(4)]
            await asyncio.sleep(0.05)
            started = time.perf_counter()
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)
        await reply(model, chat("Hello?", tokens=1))
        return time.perf_counter() - started

    assert await best_of_three(next_after_all_left) < whole + GRACE


async def test_the_event_loop_runs_on_while_the_model_works(model: LanguageModel) -> None:
    # Each prompt in no cache, as above.
    await check_loop_runs_on(lambda: reply(model, chat(f"{uuid4()}: " + "lighthouse " * 300)))


@pytest.mark.parametrize("choosing", [False, True], ids=["writing", "choosing"])
async def test_what_all_prompts_begin_with_is_read_once(
    counting_model: LanguageModel, choosing: bool
) -> None:
    """By the server's own count, from the first question after the warm-up on."""

    def prompt(question: str, entry: FaqEntry) -> Prompt:
        if choosing:
            return choice_prompt(question, entry, ["Press Ctrl-C.", entry.answer], PromptStyle.CHAT)
        return build_prompt(question, {1: entry}, PromptStyle.CHAT, 4)

    stopping = FaqEntry("a", "c", "How do I stop the engine?", "Press Ctrl-C. Then wait. It stops by itself.")
    paying = FaqEntry("b", "c", "May I pay by card?", "Press Ctrl-C. No, by bank transfer alone.")
    _, warm, _ = await written(counting_model, static_prefix(PromptStyle.CHAT, choosing=choosing))
    prefix = warm.prompt_tokens - END_OF_TURN_TOKENS
    for question, entry in [("How to end it?", stopping), ("Is a card good?", paying)]:
        _, usage, _ = await written(counting_model, prompt(question, entry))
        assert usage.cached_tokens is not None
        assert 0.95 * prefix <= usage.cached_tokens < usage.prompt_tokens
