"""Generation by CTranslate2: T5, FLAN-T5 and other models that read a text whole and write another."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from app.domain import Usage
from app.errors import ModelMissing, ModelUnavailable, PromptTooLong
from app.models.base import Chunk, ModelProfile, ModelStatus, Prompt, PromptStyle
from app.traffic.deadline import GenerationTimeouts, model_timeout

_WINDOW = 512  # tokens read: what T5 was trained with; it takes longer texts and answers them worse
_END = "</s>"
_FILES = ("model.bin", "config.json", "tokenizer.json")


@dataclass(frozen=True, slots=True)
class _Loaded:
    translator: Any
    tokenizer: Tokenizer
    digest: str
    size_bytes: int


class Seq2SeqModel:
    """A `LanguageModel`, in threads of this process; timeouts in seconds.

    `name` is a folder in `directory`, or the path of one: a model that CTranslate2's converter wrote, with
    the `tokenizer.json` of its repository. It writes one answer at a time; closing it stops at the next
    token.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        *,
        num_thread: int | None,
        first_token_timeout: float,
        generate_timeout: float,
    ) -> None:
        self._name = name
        named = directory / name
        self._folder = named if named.is_dir() else Path(name).expanduser()
        self._num_thread = num_thread
        self._first_token_timeout = first_token_timeout
        self._generate_timeout = generate_timeout
        self._loaded: _Loaded | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="seq2seq")

    def close(self) -> None:
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._loaded = None

    async def load(self) -> None:
        await self._model()

    async def profile(self) -> ModelProfile:
        loaded = await self._model()
        return ModelProfile(Path(self._name).name, loaded.digest, PromptStyle.SEQ2SEQ, _WINDOW)

    async def status(self) -> ModelStatus:
        size = self._loaded.size_bytes if self._loaded else None
        return ModelStatus(
            Path(self._name).name, present=self._is_here(), loaded=bool(self._loaded), size_bytes=size
        )

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        loaded = await self._model()
        return [len(loaded.tokenizer.encode(text, add_special_tokens=False).ids) for text in texts]

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        timeouts = GenerationTimeouts(self._first_token_timeout, self._generate_timeout)
        loaded = await self._model()
        source = loaded.tokenizer.encode(prompt.text, add_special_tokens=False).tokens
        if len(source) + 1 > _WINDOW:
            raise PromptTooLong("the prompt has more tokens than the model's context window", len(source) + 1)
        if prompt.choices:
            yield Chunk(await self._chosen(loaded, source, prompt.choices))
            yield Chunk("", Usage(len(source) + 1, 1))
            return
        text, tokens, ended = "", list[int](), False
        async with aclosing(self._tokens(loaded, source, prompt.max_answer_tokens)) as steps:
            while (step := await timeouts.next(steps)) is not None:
                timeouts.began = True
                if step.token == _END:
                    ended = True
                    break
                tokens.append(step.token_id)
                # Whole, since the text of a token depends on those before it.
                written, ended = _up_to(prompt.stop, loaded.tokenizer.decode(tokens))
                if new := written[len(text) :]:
                    text = written
                    yield Chunk(new)
                if ended:
                    break
        cut = not ended and len(tokens) >= prompt.max_answer_tokens
        yield Chunk("", Usage(len(source) + 1, len(tokens)), cut)

    async def _tokens(self, loaded: _Loaded, source: Sequence[str], limit: int) -> AsyncGenerator[Any]:
        """The steps of a generation, each as it comes. Closing it ends the generation."""
        loop, stopped = asyncio.get_running_loop(), threading.Event()
        steps = asyncio.Queue[Any]()

        def run() -> None:
            if stopped.is_set():  # who waited for this has left
                return
            writing = loaded.translator.generate_tokens([*source, _END], max_decoding_length=limit)
            try:
                for step in writing:
                    if stopped.is_set():
                        return
                    loop.call_soon_threadsafe(steps.put_nowait, step)
            finally:
                writing.close()

        running = loop.run_in_executor(self._worker, run)
        running.add_done_callback(lambda _: steps.put_nowait(None))
        try:
            while (step := await steps.get()) is not None:
                yield step
            with _translated():
                await running
        finally:
            stopped.set()

    async def _chosen(self, loaded: _Loaded, source: Sequence[str], choices: Sequence[str]) -> str:
        """The choice that the model finds likeliest, by the mean of its tokens."""

        def score() -> str:
            target = [loaded.tokenizer.encode(choice, add_special_tokens=False).tokens for choice in choices]
            results = loaded.translator.score_batch([[*source, _END]] * len(choices), target)
            means = [sum(result.log_probs) / max(len(result.log_probs), 1) for result in results]
            return choices[means.index(max(means))]

        with _translated():
            return await asyncio.get_running_loop().run_in_executor(self._worker, score)

    async def _model(self) -> _Loaded:
        if self._loaded is None:
            if not self._is_here():
                raise ModelMissing(
                    f"{Path(self._name).name} is not a converted T5 model: ASKD_MODEL=t5:FOLDER needs a "
                    f"folder with {', '.join(_FILES)}; docs/models.md says how to make one"
                )
            if find_spec("ctranslate2") is None:
                raise ModelMissing("T5 models need CTranslate2: in askd's folder, pip install -e '.[t5]'")
            loop = asyncio.get_running_loop()
            async with model_timeout(self._first_token_timeout, "the model did not load"):
                with _translated():
                    self._loaded = await loop.run_in_executor(self._worker, self._load)
        return self._loaded

    def _load(self) -> _Loaded:
        if self._loaded:  # by who came before
            return self._loaded
        import ctranslate2

        weights = self._folder / "model.bin"
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        translator = ctranslate2.Translator(
            str(self._folder), device="cpu", inter_threads=1, intra_threads=self._num_thread or 0
        )
        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        return _Loaded(translator, tokenizer, digest, weights.stat().st_size)

    def _is_here(self) -> bool:
        return all((self._folder / file).is_file() for file in _FILES)


def _up_to(stops: Sequence[str], text: str) -> tuple[str, bool]:
    """The text before the first of `stops`, and whether there was one."""
    ends = [text.index(stop) for stop in stops if stop in text]
    return (text[: min(ends)], True) if ends else (text, False)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, OSError, ValueError) as error:
        raise ModelUnavailable(
            "CTranslate2 cannot run the model: its files are damaged or of another version, or there is not "
            "enough memory"
        ) from error
    except Exception as error:  # tokenizers raises nothing narrower for a file it cannot read
        raise ModelUnavailable("the model's tokenizer.json cannot be read") from error
