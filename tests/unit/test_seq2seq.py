"""T5 by CTranslate2: a random model of a fifth of a megabyte, whose path and mechanics are the real ones."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from app.errors import ModelMissing, ModelUnavailable, PromptTooLong
from app.models.base import Chunk, Message, Prompt, PromptStyle
from app.models.seq2seq.model import Seq2SeqModel
from tests.support.tiny_t5 import make_tiny_t5

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_t5(tmp_path_factory.mktemp("models") / "tiny-t5")


@pytest.fixture
async def model(folder: Path) -> AsyncIterator[Seq2SeqModel]:
    opened = model_of(folder)
    yield opened
    opened.close()


def model_of(folder: Path, directory: Path = Path("nowhere")) -> Seq2SeqModel:
    return Seq2SeqModel(str(folder), directory, num_thread=1, first_token_timeout=60, generate_timeout=60)


def asked(text: str, tokens: int = 16, **more: object) -> Prompt:
    return Prompt(PromptStyle.SEQ2SEQ, [Message("user", text)], tokens, **more)  # type: ignore[arg-type]


async def reply(model: Seq2SeqModel, prompt: Prompt) -> list[Chunk]:
    async with aclosing(model.generate(prompt)) as chunks:
        return [chunk async for chunk in chunks]


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


async def test_says_what_it_is_once_it_is_loaded(model: Seq2SeqModel, folder: Path) -> None:
    before = await model.status()
    assert (before.present, before.loaded) == (True, False)
    profile = await model.profile()
    assert (profile.name, profile.style, profile.context_tokens) == ("tiny-t5", PromptStyle.SEQ2SEQ, 512)
    status = await model.status()
    assert (status.loaded, status.size_bytes) == (True, (folder / "model.bin").stat().st_size)


async def test_a_folder_of_the_models_directory_is_found_by_its_name(folder: Path) -> None:
    model = model_of(Path(folder.name), folder.parent)
    assert text_of(await reply(model, asked("when do i get a certificate")))
    model.close()


async def test_the_text_comes_in_pieces_and_the_usage_with_the_last(model: Seq2SeqModel) -> None:
    chunks = await reply(model, asked("when do i get a certificate"))
    assert len(chunks) > 3
    assert [chunk for chunk in chunks if chunk.usage] == chunks[-1:]
    assert chunks[-1].usage
    assert chunks[-1].usage.prompt_tokens == 7  # six words and the end
    assert (await reply(model, asked("when do i get a certificate"))) == chunks


async def test_keeps_to_the_limit_and_tells_that_it_cut(model: Seq2SeqModel) -> None:
    last = (await reply(model, asked("when do i get a certificate", tokens=3)))[-1]
    assert last.usage
    assert (last.usage.completion_tokens, last.cut) == (3, True)


async def test_the_text_ends_before_a_stop_sequence(model: Seq2SeqModel) -> None:
    whole = text_of(await reply(model, asked("when do i get a certificate")))
    stop = whole[2]
    chunks = await reply(model, asked("when do i get a certificate", stop=[stop]))
    assert text_of(chunks) == whole[: whole.index(stop)]
    assert not chunks[-1].cut


async def test_chooses_one_of_the_choices(model: Seq2SeqModel) -> None:
    chunks = await reply(model, asked("when do i get a certificate", choices=["1", "2", "3"]))
    assert text_of(chunks) in ("1", "2", "3")


async def test_a_prompt_over_the_window_is_refused_whole(model: Seq2SeqModel) -> None:
    with pytest.raises(PromptTooLong) as raised:
        await reply(model, asked(" ".join(["the course"] * 256)))
    assert raised.value.prompt_tokens == 513


async def test_closing_a_reply_stops_it_and_frees_the_model_for_the_next(model: Seq2SeqModel) -> None:
    await model.load()
    waiting = [asyncio.create_task(reply(model, asked(f"course {at}", tokens=2000))) for at in range(3)]
    await asyncio.sleep(0)
    chunks = model.generate(asked("when do i get", tokens=2000))
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    await anext(chunks)
    started = time.perf_counter()
    await chunks.aclose()
    await reply(model, asked("a", tokens=1))
    assert time.perf_counter() - started < 0.5  # 2,000 tokens take longer; stopping takes some milliseconds


async def test_what_is_no_converted_model_is_told_as_such(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ModelMissing, match="not a converted T5 model"):
        await model_of(tmp_path / "nothing").load()
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes()[:100])
    damaged = model_of(tmp_path)
    with pytest.raises(ModelUnavailable):
        await damaged.load()
    damaged.close()
