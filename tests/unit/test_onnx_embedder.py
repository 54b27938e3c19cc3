import asyncio
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, models

from app.domain import FaqEntry
from app.embedders import onnx as onnx_embedder
from app.embedders.base import Vector
from app.embedders.catalogue import MODEL, TOKENIZER, Recipe
from app.embedders.onnx import OnnxEmbedder
from app.embedders.onnx_model import OnnxModel, windows
from app.errors import EmbedderUnavailable
from app.ranking.interaction import TokenVectors

pytestmark = pytest.mark.anyio

MINILM = Recipe("mean", tokens=256)
# The first components of the vector of QUESTION, as this askd made them; its entries' indexes rely on it.
QUESTION = "How do I join the course after it has started?"
PINNED = {
    "bge-small-en-v1.5": np.array(
        [-0.019, -0.0303, 0.0145, -0.0564, 0.0105, -0.0034, -0.025, -0.0141, 0.0206, -0.0944, 0.0267, -0.0788]
    ),
    "all-minilm-l6-v2": np.array(
        [
            0.051,
            -0.0945,
            -0.0287,
            0.0334,
            -0.0121,
            -0.0054,
            -0.0935,
            -0.0711,
            -0.0643,
            -0.0045,
            -0.0372,
            -0.0179,
        ]
    ),
}

Opener = Callable[..., OnnxEmbedder]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Opens embedders, and closes them in the end."""
    open_ones: list[OnnxEmbedder] = []

    def open_one(name: str, directory: Path = tmp_path, own: Recipe = MINILM) -> OnnxEmbedder:
        open_ones.append(OnnxEmbedder(name, directory, own, tmp_path / "cache.sqlite3"))
        return open_ones[-1]

    yield open_one
    for one in open_ones:
        one.close()


@pytest.fixture
def own(embedders: Path, tmp_path: Path) -> Path:
    """A folder of the user's own, with MiniLM in it."""
    return shutil.copytree(embedders / "all-minilm-l6-v2", tmp_path / "my-embedder")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be loaded is tried again at the next question."""
    monkeypatch.setattr(onnx_embedder, "_RETRY", 0.0)


@pytest.mark.parametrize("name", PINNED)
async def test_vectors_are_those_of_the_pinned_files(name: str, embedders: Path, opened: Opener) -> None:
    vector = (await opened(name, embedders).embed_question(QUESTION))[: len(PINNED[name])]
    # int8 arithmetic differs a little between processors
    assert vector @ PINNED[name] / np.linalg.norm(vector) / np.linalg.norm(PINNED[name]) > 0.999


async def test_a_folder_of_ones_own_gives_the_vectors_of_the_known_one(
    own: Path, embedders: Path, opened: Opener
) -> None:
    mine, known = opened(str(own)), opened("all-minilm-l6-v2", embedders)
    assert np.array_equal(await mine.embed_question(QUESTION), await known.embed_question(QUESTION))
    assert (await mine.info()).name == "my-embedder"


async def test_recipes_change_the_vector_and_the_digest(own: Path, opened: Opener) -> None:
    recipes = [MINILM, Recipe("cls", tokens=256), Recipe("mean", "query: ", tokens=256)]
    ones = [opened(str(own), own=recipe) for recipe in recipes]
    assert len({(await one.info()).digest for one in ones}) == 3
    assert len({(await one.embed_question(QUESTION)).tobytes() for one in ones}) == 3


async def test_entries_have_their_own_prefix(own: Path, opened: Opener) -> None:
    entry = FaqEntry("1", "c", "How do I join?", "By mail.")
    prefixed = opened(str(own), own=Recipe("mean", entry_prefix="passage: ", tokens=256))
    (plain,) = opened(str(own)).embed_entries([entry])
    (other,) = prefixed.embed_entries([entry])
    assert not np.array_equal(plain, other)
    as_asked = await opened(str(own)).embed_question("passage: How do I join? By mail.")
    assert np.array_equal(other, as_asked)


def test_onnx_runtime_does_not_call_home(embedders: Path, tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from app.embedders.onnx_model import OnnxModel
from app.embedders.catalogue import Recipe, find

OnnxModel(find("all-minilm-l6-v2", Path(sys.argv[1]), Recipe())).vector("Hello?", "")
"""
    # Before its first message it makes up an id for this machine, and keeps it here.
    home = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program, embedders], env=home, check=True)
    assert [*tmp_path.iterdir()] == []


def test_windows_hold_everything_and_begin_with_the_head() -> None:
    head, body = [*range(10)], [*range(10, 100)]
    found = [*windows(head, body, 40)]
    assert [window[:10] for window in found] == [head] * 3
    assert [token for window in found for token in window[10:]] == body
    assert max(map(len, found)) <= 40


def test_the_end_of_a_head_that_is_too_long_goes_before_the_body() -> None:
    found = [*windows([*range(50)], [50, 51], 40)]
    assert [token for window in found for token in window[20:]] == [*range(20, 52)]
    assert [window[:20] for window in found] == [[*range(20)]] * 2


@pytest.mark.parametrize("head", [0, 10, 30, 40])
def test_what_fits_one_window_is_in_one(head: int) -> None:
    tokens = [*range(40)]
    assert [*windows(tokens[:head], tokens[head:], 40)] == [tokens]


def test_a_text_without_tokens_has_a_window_too() -> None:
    assert [*windows([], [], 40)] == [[]]


async def test_missing_files_name_the_command_and_serve_as_soon_as_they_are_there(
    embedders: Path, tmp_path: Path, opened: Opener
) -> None:
    embedder = opened("all-minilm-l6-v2")
    with pytest.raises(EmbedderUnavailable, match="not here yet: run `askd models pull`"):
        await embedder.embed_question(QUESTION)
    shutil.copytree(embedders / "all-minilm-l6-v2", tmp_path / "all-minilm-l6-v2")
    assert (await embedder.embed_question(QUESTION)).shape == (384,)


async def test_a_file_cut_off_or_of_another_known_embedder_names_the_command(
    embedders: Path, tmp_path: Path, opened: Opener, at_once: None
) -> None:
    folder = shutil.copytree(embedders / "all-minilm-l6-v2", tmp_path / "all-minilm-l6-v2")
    embedder = opened("all-minilm-l6-v2")
    shutil.copyfile(embedders / "bge-small-en-v1.5" / TOKENIZER, folder / TOKENIZER)
    with pytest.raises(EmbedderUnavailable, match=r"tokenizer\.json .* of another model: run `askd models"):
        await embedder.info()
    shutil.copyfile(embedders / "all-minilm-l6-v2" / TOKENIZER, folder / TOKENIZER)
    (folder / MODEL).write_bytes((folder / MODEL).read_bytes()[:-1000])
    with pytest.raises(EmbedderUnavailable, match=r"model\.onnx .* is damaged .*: run `askd models pull`"):
        list(embedder.embed_entries([]))
    shutil.copyfile(embedders / "all-minilm-l6-v2" / MODEL, folder / MODEL)
    assert (await embedder.info()).dimension == 384


def cut_the_model(folder: Path) -> None:
    (folder / MODEL).write_bytes((folder / MODEL).read_bytes()[:-1_000_000])


def cut_the_tokenizer(folder: Path) -> None:
    (folder / TOKENIZER).write_text((folder / TOKENIZER).read_text()[:-1000])


def take_the_tokenizer_of_a_larger_vocabulary(folder: Path) -> None:
    words = {f"word{number}": number for number in range(60_000)}
    Tokenizer(models.WordLevel(words, unk_token="word0")).save(str(folder / TOKENIZER))


@pytest.mark.parametrize(
    "spoil", [cut_the_model, cut_the_tokenizer, take_the_tokenizer_of_a_larger_vocabulary]
)
async def test_files_of_ones_own_that_do_not_work_together_say_so(
    spoil: Callable[[Path], None], own: Path, tmp_path: Path, opened: Opener
) -> None:
    spoil(own)
    with pytest.raises(EmbedderUnavailable, match="my-embedder cannot be loaded") as raised:
        await opened(str(own)).info()
    assert "ASKD_EMBEDDER" in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


async def test_a_window_larger_than_the_models_shows_at_once(own: Path, opened: Opener) -> None:
    with pytest.raises(EmbedderUnavailable, match="its settings"):
        await opened(str(own), own=Recipe(tokens=1024)).info()


async def test_damaged_files_are_not_read_again_at_every_question(own: Path, opened: Opener) -> None:
    embedder = opened(str(own))
    good = (own / MODEL).read_bytes()
    cut_the_model(own)
    for _ in range(2):
        with pytest.raises(EmbedderUnavailable, match="cannot be loaded"):
            await embedder.embed_question(QUESTION)
        (own / MODEL).write_bytes(good)


async def test_a_failure_while_it_embeds_is_told_and_the_next_question_is_answered(
    own: Path, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = opened(str(own))
    await embedder.info()
    with monkeypatch.context() as broken:
        broken.setattr(OnnxModel, "_pooled", lambda self, ids: np.full(384, np.nan, dtype=np.float32))
        with pytest.raises(EmbedderUnavailable, match="failed: restart askd"):
            await embedder.embed_question(QUESTION)
    assert np.linalg.norm(await embedder.embed_question(QUESTION)) == pytest.approx(1)


async def test_one_pass_gives_a_questions_vector_and_its_token_vectors(
    own: Path, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    run = OnnxModel._run

    def counted(model: OnnxModel, ids: Sequence[int]) -> NDArray[np.float32]:
        passes.append(len(ids))
        return run(model, ids)

    monkeypatch.setattr(OnnxModel, "_run", counted)
    embedder = opened(str(own), own=Recipe("mean", "query: ", tokens=256))
    await embedder.info()
    passes.clear()

    await embedder.embed_question(QUESTION)
    question, entry = await embedder.token_vectors(QUESTION, "It can be joined. " * 200)

    assert len(passes) == 2  # one each
    assert max(passes) == 256
    assert question.words == [*QUESTION.removesuffix("?").casefold().split(), "?"]
    assert len(question.vectors) == len(question.word_of)
    assert len(entry.vectors) == 254
    assert np.linalg.norm(entry.vectors, axis=1) == pytest.approx(1)
    await embedder.token_vectors(QUESTION, "It can be joined. " * 200)
    assert len(passes) == 2  # cached


async def test_questions_that_were_given_up_are_not_embedded(
    own: Path, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = opened(str(own))
    await embedder.info()
    worked: list[str] = []
    given_up = Event()
    embedded = OnnxModel.question

    def when_given_up(model: OnnxModel, text: str) -> tuple[Vector, TokenVectors]:
        worked.append(text)
        given_up.wait(10)
        return embedded(model, text)

    monkeypatch.setattr(OnnxModel, "question", when_given_up)
    tasks = [asyncio.create_task(embedder.embed_question(f"question {number}")) for number in range(10)]
    await asyncio.sleep(0)  # all are handed to the thread, which works on the first
    for task in tasks[1:]:
        task.cancel()
    await asyncio.sleep(0)  # and all but the first are taken back
    given_up.set()
    await embedder.embed_question("the last")
    assert worked == ["question 0", "the last"]


async def test_loading_does_not_hold_up_the_event_loop(own: Path, opened: Opener) -> None:
    loading = asyncio.create_task(opened(str(own)).info())
    ticks = 0
    while not loading.done():
        await asyncio.sleep(0.005)
        ticks += 1
    assert ticks > 5


def test_entries_embedded_before_are_not_embedded_again(
    own: Path, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [FaqEntry(str(number), "c", f"Question {number}?", "Answer.") for number in range(5)]
    first = list(opened(str(own)).embed_entries(entries))
    monkeypatch.setattr(OnnxModel, "vector", lambda *_: pytest.fail("embedded again"))
    assert np.array_equal(first, list(opened(str(own)).embed_entries(entries)))


async def test_texts_stay_out_of_the_logs(
    own: Path, opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await opened(str(own)).embed_question(QUESTION)
    assert QUESTION not in caplog.text
