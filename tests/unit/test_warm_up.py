import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from app.answering.writing import Writer
from app.errors import ModelUnavailable
from app.models.base import Chunk, Prompt
from app.models.scripted import ScriptedModel

pytestmark = pytest.mark.anyio


async def test_a_failed_warm_up_leaves_no_generation_running() -> None:
    class Failing(ScriptedModel):
        ended = 0

        async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
            self.prompts.append(prompt)
            first = len(self.prompts) == 1
            try:
                if first:
                    raise ModelUnavailable("only thoughts")
                async with aclosing(super().generate(prompt)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            finally:
                self.ended += 1

    llm = Failing()
    llm.pause.clear()
    asyncio.get_running_loop().call_later(0.01, llm.pause.set)
    with pytest.raises(ModelUnavailable, match="only thoughts"):
        await Writer(llm, 1000, 100).warm_up(slots=3)
    assert llm.ended == 3


async def test_a_warm_up_hangs_up_on_no_model() -> None:
    """A hang-up just before a reply's end takes a slot of Ollama for good."""

    class Ended(ScriptedModel):
        to_its_end = 0

        async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
            async with aclosing(super().generate(prompt)) as chunks:
                async for chunk in chunks:
                    yield chunk
            self.to_its_end += 1

    llm = Ended()
    await Writer(llm, 1000, 100).warm_up(slots=3)
    assert llm.to_its_end == 3
