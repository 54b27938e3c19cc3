"""Writing: the model writes an answer from the entries that fit its prompt."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from app.answering.checks.verification import Verifier
from app.answering.fitness import Fitness, Manner, WritingSetting, fitness
from app.answering.model_output.reader import OutputReader
from app.answering.prompt import build_prompt, choice_prompt, costs, fitting, labels, parts
from app.answering.quoting import beginnings, quoted_sentences, said_by_entry
from app.domain import FaqEntry, Hit, Origin, Sentence, Source, Support, Usage
from app.errors import ModelError, ModelUnavailable, NothingFits, PromptTooLong, QuestionTooLong
from app.models.base import Chunk, LanguageModel, ModelProfile, Prompt
from app.ranking.candidates import WordStatistics
from app.telemetry.tracing import NO_TRACING, Tracing


@dataclass
class Draft:
    """What is known of an answer while it is being written. Positions count sources from 1."""

    model: str | None = None  # its name
    in_prompt: Sequence[int] = ()
    cited: set[int] = field(default_factory=set)
    text: str = ""
    usage: Usage | None = None
    cut: bool = False  # the token limit ended it
    origin: Origin = Origin.GENERATED
    sentences: Sequence[Sentence] = ()
    retracted: bool = False  # what was sent is none of the answer: `text` takes its place
    unknown: bool = False  # the model said it does not know
    first_token: float | None = None  # on the writer's clock

    def record(self, chunk: Chunk, now: float) -> None:
        if self.first_token is None and chunk.text:
            self.first_token = now
        self.usage = chunk.usage or self.usage
        self.cut = self.cut or chunk.cut

    @property
    def unmatched(self) -> bool:
        return any(sentence.support is Support.UNMATCHED for sentence in self.sentences)

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
    writing: WritingSetting = "auto"

    async def write(
        self,
        question: str,
        entries: Sequence[FaqEntry],
        draft: Draft,
        *,
        supported: bool,
        statistics: WordStatistics | None = None,
    ) -> AsyncGenerator[str]:
        """The answer, piece by piece, from `entries` (best first); `draft` is kept up to date.

        With `supported` the prompt must hold the best entry, and the model is stopped at the first sentence
        that no entry supports. Raises QuestionTooLong, NothingFits, or what `LanguageModel.generate` raises.
        """
        profile = await self.llm.profile()
        draft.model = profile.name
        fit = fitness(self.writing, profile.parameters)
        quotes = fit.manner is Manner.QUOTE
        included = await self._included(question, entries, profile, supported or quotes)
        if quotes:
            async for piece in self._quotation(question, included[1], profile, draft):
                yield piece
            return
        while True:
            prompt = build_prompt(
                question, included, profile.style, self.answer_tokens, control_tokens=profile.control_tokens
            )
            draft.in_prompt = list(included)
            pieces = self._free(
                prompt, question, included, fit, draft, supported, statistics or WordStatistics()
            )
            try:
                async with aclosing(pieces):
                    async for piece in pieces:
                        yield piece
                return
            except PromptTooLong as error:  # the estimate was too low: it has learnt; fewer entries may fit
                included = dict(list(included.items())[:-1])
                if not included:
                    raise NothingFits("no FAQ entry fits the model's context window") from error

    async def _free(
        self,
        prompt: Prompt,
        question: str,
        included: Mapping[int, FaqEntry],
        fit: Fitness,
        draft: Draft,
        supported: bool,
        statistics: WordStatistics,
    ) -> AsyncGenerator[str]:
        """The model's own words, as far as they are the answer."""
        verifier = Verifier(included, statistics, question, fit.least_coverage)
        reader = OutputReader(verifier, labels(included))
        muted = False
        written: list[str] = []
        async with aclosing(self._generated(prompt, draft)) as texts:
            async for text in texts:
                written.append(text)
                piece = reader.feed(text)
                muted = (muted or (supported and reader.unmatched)) and not reader.retracted
                if piece and not muted:
                    yield piece
                if reader.refused or reader.looped or (muted and not reader.may_be_thinking):
                    break
        if not muted or reader.may_be_thinking:
            rest = reader.finish()
            if rest and not (supported and reader.unmatched):
                yield rest
        if reader.looped and draft.usage is None:
            draft.usage = await self._counted(prompt, "".join(written))
        draft.text, draft.retracted, draft.unknown = reader.text, reader.retracted, reader.refused
        draft.sentences = [verdict.sentence for verdict in reader.verdicts]
        draft.cited = reader.cited
        if not (draft.text or draft.unknown or draft.sentences):
            raise ModelUnavailable("the model wrote nothing; try again, or use mode extract")

    async def _quotation(
        self, question: str, entry: FaqEntry, profile: ModelProfile, draft: Draft
    ) -> AsyncGenerator[str]:
        """So many of the best entry's sentences as the model chooses with one token.

        Where there is but one choice, no model is asked.
        """
        choices = await self._choices(entry.answer, question)
        draft.in_prompt, draft.origin = [1], Origin.QUOTED
        chosen = choices[0]
        if len(choices) == 1:
            draft.model = None
        else:
            prompt = choice_prompt(question, entry, choices, profile.style, profile.control_tokens)
            try:
                async with aclosing(self._generated(prompt, draft)) as texts:
                    said = "".join([text async for text in texts])
            except PromptTooLong as error:
                raise NothingFits("no FAQ entry fits the model's context window") from error
            if said not in prompt.choices:
                raise ModelUnavailable("the model wrote nothing; try again, or use mode extract")
            chosen = choices[prompt.choices.index(said)]
        text = said_by_entry(chosen, entry, question)
        draft.sentences, draft.cited = quoted_sentences(text, 1), {1}
        draft.text = f"{text.rstrip()} [1]"
        yield draft.text

    async def _counted(self, prompt: Prompt, written: str) -> Usage | None:
        """The tokens of a generation that was stopped before the model told them."""
        try:
            texts = [*(message.content for message in prompt.messages), written]
            *asked, answer = await self.llm.count_tokens(texts)
        except ModelError:  # the answer stands all the same
            return None
        return Usage(sum(asked), answer)

    async def _generated(self, prompt: Prompt, draft: Draft) -> AsyncGenerator[str]:
        messages = ((message.role, message.content) for message in prompt.messages)
        with self.tracing.generation(draft.model or "", prompt.max_answer_tokens, messages) as span:
            async with aclosing(self.llm.generate(prompt)) as chunks:
                async for chunk in chunks:
                    span.record(chunk.text, chunk.usage, chunk.cut)
                    draft.record(chunk, self.clock())
                    yield chunk.text

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

    async def _choices(self, answer: str, question: str) -> Sequence[str]:
        """The beginnings of an answer, whole sentences, that fit the answer's budget of tokens."""
        choices = beginnings(answer, question)
        counts = await self.llm.count_tokens(choices)
        fit = [choice for choice, count in zip(choices, counts, strict=True) if count <= self.answer_tokens]
        if not fit:
            raise NothingFits(
                f"the best FAQ entry has no beginning that fits an answer of {self.answer_tokens} tokens; "
                "raise ASKD_ANSWER_TOKENS, or use mode extract"
            )
        return fit
