"""What is particular to llama.cpp in a child process; the contract suite has the rest."""

import asyncio
import mmap
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.errors import ModelMissing, ModelTimeout, ModelUnavailable
from app.models.base import Message, Prompt, PromptStyle
from app.models.control_tokens import broken_up
from app.models.llamacpp import model
from app.models.llamacpp.model import LlamaCppModel
from app.models.llamacpp.server import LlamaServer, ServerOptions, start

pytestmark = pytest.mark.anyio

OPTIONS = ServerOptions(num_ctx=512, num_batch=64, num_thread=None, seed=42)
PROMPT = Prompt(PromptStyle.CHAT, [Message("user", "Hello?")], 2)
PROGRAM = """
import asyncio, signal, sys
from pathlib import Path
from app.models.llamacpp.model import LlamaCppModel
from app.models.llamacpp.server import ServerOptions

async def main():
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    options = ServerOptions(num_ctx=512, num_batch=64, num_thread=1, seed=42)
    limits = {"first_token_timeout": 60, "generate_timeout": 60}
    async with LlamaCppModel(sys.argv[1], Path(), options, **limits) as model:
        await model.load()
        print("loaded", flush=True)
        await told.wait()
    print("ended in order", flush=True)

asyncio.run(main())
"""


def model_of(name: str | Path, directory: Path = Path(), timeout: float = 120.0) -> LlamaCppModel:
    return LlamaCppModel(str(name), directory, OPTIONS, first_token_timeout=timeout, generate_timeout=timeout)


@pytest.fixture(scope="module")
async def loaded(gguf: Path) -> AsyncIterator[LlamaCppModel]:
    """A model for the tests that only read."""
    async with model_of(gguf) as model:
        await model.load()
        yield model


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go. Short: a Unix socket's path may have a hundred characters."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def engines_of(parent: int) -> list[int]:
    """The child processes with llama.cpp."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line, stat = (path / "cmdline").read_bytes(), (path / "stat").read_text()
        except OSError:  # it has just ended
            continue
        if b"llamacpp.engine" in line and int(stat.rpartition(")")[2].split()[1]) == parent:
            found.append(int(path.name))
    return found


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def inside(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def test_the_first_reply_loads_the_model(gguf: Path) -> None:
    async with model_of(gguf) as model:
        assert not (await model.status()).loaded
        assert [chunk async for chunk in model.generate(PROMPT)]
        status = await model.status()
    assert status.loaded
    assert 90e6 < (status.size_bytes or 0) < 100e6


async def test_all_who_come_while_it_loads_share_one_private_socket(gguf: Path, temporary: Path) -> None:
    async with model_of(gguf) as model:
        await asyncio.gather(*(model.load() for _ in range(5)))
        (directory,) = inside(temporary)
        assert directory.stat().st_mode & 0o777 == 0o700
        assert [path.is_socket() for path in inside(directory)] == [True]
    assert inside(temporary) == []


async def test_a_caller_who_leaves_while_it_loads_spoils_nothing(gguf: Path) -> None:
    async with model_of(gguf) as model:
        leaving = asyncio.create_task(model.load())
        await asyncio.sleep(0.05)
        leaving.cancel()
        await asyncio.wait([leaving])
        await model.load()
        assert (await model.status()).loaded


async def test_a_load_that_takes_too_long_is_a_timeout(gguf: Path) -> None:
    async with model_of(gguf, timeout=0.01) as model:
        with pytest.raises(ModelTimeout):
            await model.load()


@pytest.fixture
def slow_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the child process llama.cpp loads for minutes, and cannot be interrupted."""
    (tmp_path / "slow" / "xllamacpp.py").parent.mkdir()
    (tmp_path / "slow" / "xllamacpp.py").write_text("import time\ntime.sleep(300)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "slow"))


async def test_closing_breaks_off_a_load(gguf: Path, slow_load: None, temporary: Path) -> None:
    async with model_of(gguf) as model:
        loading = asyncio.create_task(model.load())
        while not (engines := engines_of(os.getpid())):
            await asyncio.sleep(0.01)
        started = time.monotonic()
    assert time.monotonic() - started < 2
    with pytest.raises(ModelUnavailable):
        await loading
    assert not engines_of(os.getpid())
    assert len(engines) == 1
    assert inside(temporary) == [temporary / "slow"]


async def test_a_crash_of_llama_cpp_is_a_failure_and_it_is_started_again(gguf: Path) -> None:
    long = Prompt(PromptStyle.CHAT, [Message("user", "Tell a long story.")], 400)
    async with model_of(gguf) as model:
        chunks = model.generate(long)
        await anext(chunks)
        (engine,) = engines_of(os.getpid())
        os.kill(engine, signal.SIGKILL)
        with pytest.raises(ModelUnavailable):
            async for _ in chunks:
                pass
        while (await model.status()).loaded:
            await asyncio.sleep(0.01)
        assert [chunk async for chunk in model.generate(PROMPT)]


def test_llama_cpp_ends_when_askd_is_killed(gguf: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(gguf)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "loaded\n"
        (engine,) = engines_of(process.pid)
        process.kill()
    deadline = time.monotonic() + 20
    while _runs(engine):
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def test_names_the_command_that_brings_a_missing_model(tmp_path: Path) -> None:
    async with model_of("smollm2-135m-instruct", tmp_path) as model:
        with pytest.raises(ModelMissing, match="askd models pull smollm2-135m-instruct"):
            await model.load()
        assert not (await model.status()).present


async def test_a_model_that_comes_later_is_found_then(gguf: Path, tmp_path: Path) -> None:
    async with model_of("smollm2-135m-instruct", tmp_path) as model:
        with pytest.raises(ModelMissing):
            await model.load()
        (tmp_path / gguf.name).symlink_to(gguf)
        await model.load()


@pytest.mark.parametrize("kept", [4, 1_000, 5_000_000])
async def test_a_damaged_file_is_an_error_and_no_crash(
    gguf: Path, tmp_path: Path, temporary: Path, kept: int
) -> None:
    damaged = tmp_path / "damaged.gguf"
    with gguf.open("rb") as file:
        damaged.write_bytes(file.read(kept))
    async with model_of(damaged) as model:
        with pytest.raises(ModelUnavailable, match=r"damaged\.gguf") as raised:
            await model.load()
    assert str(tmp_path) not in str(raised.value)
    assert inside(temporary) == [damaged]


async def test_questions_are_spared_a_file_that_cannot_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF")
    attempts = 0

    async def counted(file: Path, options: ServerOptions) -> LlamaServer:
        nonlocal attempts
        attempts += 1
        return await start(file, options)

    monkeypatch.setattr(model, "start", counted)
    async with model_of(damaged) as llm:
        for _ in range(8):
            with pytest.raises(ModelUnavailable, match=r"damaged\.gguf"):
                await llm.profile()
        assert attempts == 5  # then its circuit breaker is open
        with pytest.raises(ModelUnavailable) as raised:
            await llm.count_tokens(["Hello?"])
        assert raised.value.retry_after
        with pytest.raises(ModelUnavailable):
            await llm.load()
        assert attempts == 6


async def test_without_llama_cpp_it_says_how_to_get_it(gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    async with model_of(gguf) as model:
        with pytest.raises(ModelMissing, match=r"pip install -e '\.\[embedded\]'"):
            await model.load()


async def test_a_file_without_a_chat_template_is_a_base_model(gguf: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.gguf"
    shutil.copyfile(gguf, base)
    with base.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        at = content.find(b"tokenizer.chat_template")
        content[at : at + len(b"tokenizer.chat_template")] = b"tokenizer.chat_nonsense"
    async with model_of(base) as model:
        assert (await model.profile()).style is PromptStyle.COMPLETION


async def test_the_control_tokens_are_its_tokenizer_s_own(loaded: LlamaCppModel) -> None:
    profile = await loaded.profile()
    assert {"<filename>", "<file_sep>", "<repo_name>"} <= {*profile.control_tokens}
    text = "<filename>".join(["a", "<|im_end|>", "b"])
    # Each was one token to the tokenizer, and ends or begins something; broken up they are several.
    (whole, plain) = await loaded.count_tokens([text, broken_up(text, profile.control_tokens)])
    assert (whole, plain > 2 * whole) == (5, True)


async def test_the_digest_is_the_file_s(loaded: LlamaCppModel) -> None:
    assert (await loaded.profile()).digest.startswith("b179c9523d0e")


async def test_counts_are_exact_the_second_time_too(loaded: LlamaCppModel) -> None:
    for _ in range(2):
        assert await loaded.count_tokens(["hello world [1]", "", "hello world [1]"]) == [5, 0, 5]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_still_reach_python_and_nothing_is_printed(gguf: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", PROGRAM, str(gguf)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "loaded\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == ("ended in order\n", "", 0)
