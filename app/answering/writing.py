"""Writing: the model writes an answer from the entries that fit its prompt."""

import re
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from app.answering.model_output import FreeText, OutputReader, Quotation
from app.answering.prompt import build_prompt, costs, fitting, labels, parts
from app.domain import FaqEntry, Hit, Source, Usage
from app.errors import ModelUnavailable, NothingFits, PromptTooLong, QuestionTooLong
from app.models.base import Chunk, LanguageModel, ModelProfile
from app.telemetry.tracing import NO_TRACING, Tracing

# A model with fewer weights invents more than it repeats (docs/decisions.md): it is held to the sentences of
# the best entry and decides only how many of them the answer takes.
VERBATIM_BELOW = 1_000_000_000
_LEAST_SENTENCES = 2
_MOST_CHOICES = 4  # the longest: each choice that is still open costs time at every token
_SENTENCE_END = re.compile(r"(?<=[.!?])[ \t]+(?=\S)|\n+")


@dataclass
class Draft:
    """What is known of an answer while it is being written. Positions count sources from 1."""

    model: str | None = None  # its name
    in_prompt: Sequence[int] = ()
    cited: set[int] = field(default_factory=set)
    text: str = ""
    usage: Usage | None = None
    cut: bool = False  # the token limit ended it
    unknown: bool = False  # the model said it does not know
    first_token: float | None = None  # on the writer's clock

    def record(self, chunk: Chunk, now: float) -> None:
        if self.first_token is None and chunk.text:
            self.first_token = now
        self.usage = chunk.usage or self.usage
        self.cut = self.cut or chunk.cut

    def sources(self, hits: Sequence[Hit]) -> list[Source]:
        return [
            Source(hit, in_prompt=position in self.in_prompt, cited=position in self.cited)
            for position, hit in enumerate(hits, start=1)
        ]


@dataclass(frozen=True)
class Writer:
    llm: LanguageModel
    prompt_tokens: int  # budget for the whole prompt
    answer_tokens: int
    tracing: Tracing = NO_TRACING
    clock: Callable[[], float] = time.perf_counter  # seconds

    async def write(
        self, question: str, entries: Sequence[FaqEntry], draft: Draft, *, best_needed: bool
    ) -> AsyncGenerator[str]:
        """The answer, piece by piece, from `entries` (best first); `draft` is kept up to date.

        With `best_needed` the prompt must hold the best entry. Raises QuestionTooLong, NothingFits, or what
        `LanguageModel.generate` raises.
        """
        profile = await self.llm.profile()
        draft.model = profile.name
        verbatim = profile.parameters is not None and profile.parameters < VERBATIM_BELOW
        included = await self._included(question, entries, profile, best_needed or verbatim)
        choices: Sequence[str] = ()
        if verbatim:
            included = {1: included[1]}
            choices = await self._choices(included[1].answer)
        while True:
            prompt = build_prompt(
                question, included, profile.style, self.answer_tokens, choices, profile.control_tokens
            )
            draft.in_prompt = list(included)
            reader: OutputReader = Quotation(1) if choices else FreeText(labels(included))
            draft.cited = reader.cited
            messages = ((message.role, message.content) for message in prompt.messages)
            try:
                with self.tracing.generation(profile.name, prompt.max_answer_tokens, messages) as span:
                    async with aclosing(self.llm.generate(prompt)) as chunks:
                        async for chunk in chunks:
                            span.record(chunk.text, chunk.usage, chunk.cut)
                            draft.record(chunk, self.clock())
                            piece = reader.feed(chunk.text)
                            if reader.declined:
                                draft.unknown = True
                                return
                            if piece:
                                draft.text += piece
                                yield piece
            except PromptTooLong as error:  # the estimate was too low: it has learnt; fewer entries may fit
                included = dict(list(included.items())[:-1])
                if not included:
                    raise NothingFits("no FAQ entry fits the model's context window") from error
                continue
            if rest := reader.finish():
                draft.text += rest
                yield rest
            if not draft.text.strip():
                raise ModelUnavailable("the model wrote nothing; try again, or use mode extract")
            return

    async def _included(
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
        included = {place + 1: entries[place] for place in fitting(spent, budget)}
        if not included or (best_needed and 1 not in included):
            raise NothingFits(
                f"the {'best' if included else 'nearest'} FAQ entry does not fit the prompt of {budget} "
                "tokens whole; raise ASKD_PROMPT_TOKENS, or use mode extract"
            )
        return included

    async def _choices(self, answer: str) -> Sequence[str]:
        """The beginnings of an answer, whole sentences, that fit the answer's budget of tokens."""
        choices = _beginnings(answer)
        counts = await self.llm.count_tokens(choices)
        fit = [choice for choice, count in zip(choices, counts, strict=True) if count <= self.answer_tokens]
        if not fit:
            raise NothingFits(
                f"the best FAQ entry has no beginning that fits an answer of {self.answer_tokens} tokens; "
                "raise ASKD_ANSWER_TOKENS, or use mode extract"
            )
        return fit[-_MOST_CHOICES:]


def _beginnings(answer: str) -> list[str]:
    """An answer's beginnings that end with a sentence, from the second sentence on, and the whole of it."""
    ends = [match.start() for match in _SENTENCE_END.finditer(answer)]
    return [answer[:end] for end in ends[_LEAST_SENTENCES - 1 :]] + [answer]
