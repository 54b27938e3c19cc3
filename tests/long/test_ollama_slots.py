"""A real Ollama that has lost its only slot answers again."""

import asyncio
import time
from contextlib import aclosing
from random import Random

import pytest

from app.models.base import LanguageModel, Message, Prompt, PromptStyle
from tests.live.conftest import embedded_index, ollama_model
from tests.live.serving import Chosen, serving, settings_of
from tests.support.sizes import SEED

pytestmark = [pytest.mark.anyio, pytest.mark.long, pytest.mark.timeout(600)]
__all__ = ["embedded_index", "ollama_model"]

TRIES = 1000  # one hang-up in twenty-five lost the slot where this was written
PROMPT = Prompt(PromptStyle.CHAT, [Message("user", "Tell a story.")], max_answer_tokens=1)


async def lose_slot(llm: LanguageModel) -> int:
    """Hang up behind the first and last token until nothing is written any more; after how many times?"""
    random = Random(SEED)
    for hung_up in range(TRIES):
        try:
            async with asyncio.timeout(4), aclosing(llm.generate(PROMPT)) as chunks:
                await anext(chunks)
                await asyncio.sleep(random.uniform(0, 0.001))
        except TimeoutError:
            return hung_up
    pytest.fail("this Ollama loses no slots: app/models/ollama/lost_slots.py is not needed any more")


async def test_a_lost_slot_comes_back(embedded_index: Chosen, ollama_model: Chosen) -> None:
    async with serving(settings_of(embedded_index, ollama_model, {"slots": 1})) as service:
        await service.ready()
        hung_up = await lose_slot(service.assistant.pipeline.writer.llm)
        lost = time.monotonic()
        async with asyncio.timeout(120):
            while not await _writes(service.assistant.pipeline.writer.llm):
                pass
        print(f"the slot was lost after {hung_up} hang-ups, and back after {time.monotonic() - lost:.0f} s")


async def _writes(llm: LanguageModel) -> bool:
    try:
        async with asyncio.timeout(15), aclosing(llm.generate(PROMPT)) as chunks:
            return [chunk async for chunk in chunks] != []
    except TimeoutError:
        return False
