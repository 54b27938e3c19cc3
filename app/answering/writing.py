"""The model writes from the entries that fit its prompt; its marks and its doubts are read on the way."""

import re
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from app.answering.citations import MarkRewriter, says_unknown
from app.answering.prompt import build_prompt, costs, fitting, labels, parts
from app.domain import FaqEntry, Usage
from app.errors import ModelUnavailable, NothingFits, PromptTooLong, QuestionTooLong
from app.models.base import Chunk, LanguageModel, ModelProfile, Prompt

# Below this many weights a model invents more than it repeats (README, Decisions): it is held to the
# sentences of the best entry and decides only how many of them the answer takes.
VERBATIM_BELOW = 1_000_000_000
_LEAST_SENTENCES = 2
_MOST_CHOICES = 4  # the longest: each one that is still open costs time at every token
_SENTENCE_END = re.compile(r"(?<=[.!?])[ \t]+(?=\S)|\n+")


@dataclass
class Draft:
    """What is known of an answer while it is being written. Positions count sources from 1."""

    model: str | None = None  # its name
    in_prompt: Sequence[int] = ()
    cited: set[int] = field(default_factory=set)
    text: str = ""
    usage: Usage | None = None
    cut: bool = False
    unknown: bool = False  # the model said it does not know
    first_token: float | None = None  # time.perf_counter()


@dataclass(frozen=True)
class Writer:
    llm: LanguageModel
    prompt_tokens: int  # budget for the whole prompt
    answer_tokens: int

    async def write(
        self, question: str, entries: Sequence[FaqEntry], draft: Draft, *, best_needed: bool
    ) -> AsyncGenerator[str]:
        """The answer, piece by piece, from `entries` (best first); `draft` is kept up to date.

        With `best_needed` an answer without the best entry is none. Raises QuestionTooLong, NothingFits,
        or what `LanguageModel.generate` raises.
        """
        profile = await self.llm.profile()
        draft.model = profile.name
        verbatim = profile.parameters is not None and profile.parameters < VERBATIM_BELOW
        kept = await self._kept(question, entries, profile, best_needed or verbatim)
        choices: Sequence[str] = ()
        if verbatim:
            kept = {1: kept[1]}
            choices = await self._choices(kept[1].answer)
        while True:
            prompt = build_prompt(
                question, kept, profile.style, self.answer_tokens, choices, profile.control_tokens
            )
            draft.in_prompt = list(kept)
            pieces = self._quotation(prompt, draft) if choices else self._free(prompt, kept, draft)
            try:
                async with aclosing(pieces):
                    async for piece in pieces:
                        draft.text += piece
                        yield piece
                return
            except PromptTooLong as error:  # the estimate was too low: it has learnt; one entry less may fit
                kept = dict(list(kept.items())[:-1])
                if not kept:
                    raise NothingFits("no FAQ entry fits the model's context window") from error

    async def _kept(
        self, question: str, entries: Sequence[FaqEntry], profile: ModelProfile, best_needed: bool
    ) -> dict[int, FaqEntry]:
        """The entries that fit the prompt whole, by position."""
        spent = costs(await self.llm.count_tokens(parts(question, entries, profile.control_tokens)))
        budget = min(self.prompt_tokens, profile.context_tokens - self.answer_tokens)
        if spent.without_entries > budget:
            raise QuestionTooLong(
                f"the question takes {spent.question} tokens, more than the prompt of {budget} tokens "
                "has room for; ask it in fewer words"
            )
        kept = {place + 1: entries[place] for place in fitting(spent, budget)}
        if not kept or (best_needed and 1 not in kept):
            raise NothingFits(
                f"the {'best' if kept else 'nearest'} FAQ entry does not fit the prompt of {budget} tokens "
                "whole; raise ASKD_PROMPT_TOKENS, or use mode extract"
            )
        return kept

    async def _choices(self, answer: str) -> Sequence[str]:
        """The beginnings of an answer, whole sentences, that the answer's tokens have room for."""
        choices = _beginnings(answer)
        counts = await self.llm.count_tokens(choices)
        fit = [choice for choice, count in zip(choices, counts, strict=True) if count <= self.answer_tokens]
        if not fit:
            raise NothingFits(
                f"the best FAQ entry has no beginning that fits an answer of {self.answer_tokens} tokens; "
                "raise ASKD_ANSWER_TOKENS, or use mode extract"
            )
        return fit[-_MOST_CHOICES:]

    async def _quotation(self, prompt: Prompt, draft: Draft) -> AsyncGenerator[str]:
        """The choice the model made, and the mark of the one entry it came from."""
        async with aclosing(self.llm.generate(prompt)) as chunks:
            async for chunk in chunks:
                _note(chunk, draft)
                if chunk.text:
                    yield chunk.text
        _refuse_silence(draft.text)
        (best,) = draft.in_prompt
        draft.cited.add(best)
        yield f" [{best}]"

    async def _free(self, prompt: Prompt, kept: Mapping[int, FaqEntry], draft: Draft) -> AsyncGenerator[str]:
        """The model's own words, their marks rewritten; ends early when it says that it does not know."""
        marks = MarkRewriter(labels(kept), draft.cited)
        opening = ""
        knows = False
        async with aclosing(self.llm.generate(prompt)) as chunks:
            async for chunk in chunks:
                _note(chunk, draft)
                opening += chunk.text
                if not knows and (unknown := says_unknown(opening)) is not False:
                    if unknown:
                        draft.unknown = True
                        return
                    continue  # it may still become "I don't know"
                knows = True
                piece, opening = marks.feed(opening), ""
                if piece:
                    yield piece
        if rest := marks.feed(opening) + marks.finish():
            yield rest
        _refuse_silence(draft.text)


def _note(chunk: Chunk, draft: Draft) -> None:
    if draft.first_token is None and chunk.text:
        draft.first_token = time.perf_counter()
    draft.usage = chunk.usage or draft.usage
    draft.cut = draft.cut or chunk.cut


def _refuse_silence(text: str) -> None:
    if not text.strip():
        raise ModelUnavailable("the model wrote nothing; try again, or use mode extract")


def _beginnings(answer: str) -> list[str]:
    """An answer's beginnings that end with a sentence, from the second sentence on, and the whole of it."""
    ends = [match.start() for match in _SENTENCE_END.finditer(answer)]
    return [answer[:end] for end in ends[_LEAST_SENTENCES - 1 :]] + [answer]
