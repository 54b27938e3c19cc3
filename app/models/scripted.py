"""The fake model for tests: it replies with a script."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from app.domain import Usage
from app.errors import PromptTooLong
from app.models.base import Chunk, ModelProfile, ModelStatus, Prompt, PromptStyle


@dataclass
class ScriptedModel:
    """Replies with the texts of `script`, one a token, and raises the exceptions in it.

    With `choices` in a prompt it replies with the first of them. A token is a word here.
    """

    script: Sequence[str | Exception] = ("Yes", ".")
    style: PromptStyle = PromptStyle.CHAT
    context_tokens: int = 2048
    parameters: int | None = None
    present: bool = True
    failure: Exception | None = None  # what everything but `generate` raises
    pause: asyncio.Event = field(default_factory=asyncio.Event)  # clear it: the reply waits before each text
    prompts: list[Prompt] = field(default_factory=list)
    closed: bool = False  # whether the last reply has ended, read to its end or not
    loaded: bool = False
    gpu_bytes: int | None = None  # of 100

    def __post_init__(self) -> None:
        self.pause.set()

    async def load(self) -> None:
        self._fail()
        self.loaded = True

    async def profile(self) -> ModelProfile:
        self._fail()
        return ModelProfile("scripted", "digest", self.style, self.context_tokens, self.parameters)

    async def status(self) -> ModelStatus:
        self._fail()
        size = None if self.gpu_bytes is None else 100
        return ModelStatus("scripted", self.present, self.loaded, size, self.gpu_bytes)

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        self._fail()
        return [len(text.split()) for text in texts]

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        self.prompts.append(prompt)
        self.loaded = True
        self.closed = False
        try:
            prompt_tokens = sum(len(message.content.split()) for message in prompt.messages)
            if prompt_tokens > self.context_tokens:
                raise PromptTooLong("the prompt has too many words", prompt_tokens)
            written, cut = 0, False
            for step in prompt.choices[:1] or self.script:
                await self.pause.wait()
                if isinstance(step, Exception):
                    raise step
                if cut := written == prompt.max_answer_tokens:
                    break
                await asyncio.sleep(0)
                text = step if prompt.choices else _up_to(prompt.stop, step)
                if text:
                    yield Chunk(text)
                written += 1
                if text != step:
                    break
            yield Chunk("", Usage(prompt_tokens, written), cut)
        finally:
            self.closed = True

    def _fail(self) -> None:
        if self.failure:
            raise self.failure


def _up_to(stops: Sequence[str], text: str) -> str:
    return text[: min((text.index(stop) for stop in stops if stop in text), default=None)]
