"""Writing: the model writes an answer from the entries that fit its prompt."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from dataclasses import dataclass, field

from app.answering.checks.verification import Verifier
from app.answering.model_output.reader import OutputReader
from app.answering.prompt import build_prompt, choice_prompt, costs, fitting, labels, parts, static_prefix
from app.answering.quoting import answered_part, beginnings, least, quoted_sentences, said_by_entry
from app.answering.writing_manner import Manner, WritingSetting, writing_manner
from app.domain import FaqEntry, Hit, Origin, Part, Sentence, Source, Support, Usage
from app.errors import ModelError, ModelUnavailable, NothingFits, PromptTooLong, QuestionTooLong
from app.models.base import Chunk, LanguageModel, ModelProfile, Prompt, PromptStyle
from app.ranking.candidates import WordStatistics
from app.telemetry.tracing import NO_TRACING, GenerationSpan, Tracing
from app.traffic.admission import Admission
from app.traffic.deadline import NEVER


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
    retracted: bool = False  # the text already sent is not the answer: `text` takes its place
    unknown: bool = False  # the model said it does not know
    checked: int | None = None  # characters of the text so far that are of judged sentences; None: all
    first_token: float | None = None  # on the writer's clock

    def record(self, chunk: Chunk, now: float) -> None:
        if self.first_token is None and chunk.text:
            self.first_token = now
        if chunk.usage:  # of several choices the sum
            self.usage = self.usage + chunk.usage if self.usage else chunk.usage
        self.cut = self.cut or chunk.cut

    @property
    def unmatched(self) -> bool:
        return any(sentence.support is Support.UNMATCHED for sentence in self.sentences)

    def sources(self, hits: Sequence[Hit]) -> list[Source]:
        return [
            Source(hit, in_prompt=position in self.in_prompt, cited=position in self.cited)
            for position, hit in enumerate(hits, start=1)
        ]


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be written, from `entries`, best first."""

    question: str
    entries: Sequence[FaqEntry]
    parts: Sequence[Part] = ()  # of several questions those that have an answer, and by which entry
    supported: bool = False  # the best entry must be used, and the first sentence without support ends it
    statistics: WordStatistics = field(default_factory=WordStatistics)

    def asked_of(self, included: Mapping[int, FaqEntry]) -> str:
        """The question, or those of the parts whose entries are in the prompt."""
        asked = [part.question for part in self.parts if part.sources[0] in included]
        return "\n".join(asked) or self.question


@dataclass(frozen=True)
class Writer:
    llm: LanguageModel
    prompt_tokens: int  # budget for the whole prompt
    answer_tokens: int
    tracing: Tracing = NO_TRACING
    clock: Callable[[], float] = time.perf_counter  # seconds
    writing: WritingSetting = "auto"

    async def warm_up(self, slots: int = 1, admission: Admission | None = None) -> None:
        """Let each slot of the model read what all prompts begin with: the first questions need not wait for
        it.

        With an `admission` each takes a slot of it. All have ended when it returns. Raises the first failure:
        ModelUnavailable, ModelMissing, ModelTimeout or Overloaded.
        """
        profile = await self.llm.profile()
        choosing = writing_manner(self.writing, profile.parameters).manner is Manner.QUOTE
        prefix = static_prefix(profile.style, choosing=choosing)

        async def read() -> None:
            with admission.enter(NEVER) if admission else nullcontext() as place:
                if place:
                    await place.turn()
                async with aclosing(self.llm.generate(prefix)) as chunks:
                    async for _ in chunks:  # to its end: Ollama 0.34 loses a slot to who hangs up just before
                        pass

        ended = await asyncio.gather(*(read() for _ in range(slots)), return_exceptions=True)
        for failure in filter(None, ended):
            raise failure

    async def write(self, task: Task, draft: Draft) -> AsyncGenerator[str]:
        """The answer, piece by piece; `draft` is kept up to date.

        Raises QuestionTooLong, NothingFits, or what `LanguageModel.generate` raises.
        """
        profile = await self.llm.profile()
        draft.model = profile.name
        allowed = writing_manner(self.writing, profile.parameters)
        if allowed.manner is Manner.QUOTE:
            yield await self._quotation(task, profile, draft)
            return
        # A T5 gets one entry only.
        entries = task.entries[:1] if profile.style is PromptStyle.SEQ2SEQ else task.entries
        included = await self._included(task.question, entries, profile, task.supported)
        while True:
            question = task.asked_of(included)
            prompt = build_prompt(
                question,
                included,
                profile.style,
                self.answer_tokens,
                control_tokens=profile.control_tokens,
            )
            draft.in_prompt = list(included)
            verifier = Verifier(included, task.statistics, question, allowed.least_coverage)
            reader = OutputReader(verifier, labels(included))
            try:
                async with aclosing(self._read(prompt, reader, draft, supported=task.supported)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except (
                PromptTooLong
            ) as error:  # the estimate was too low, and is corrected now: fewer entries may fit
                included = dict(list(included.items())[:-1])
                if not included:
                    raise NothingFits("no FAQ entry fits the model's context window") from error

    async def _read(
        self, prompt: Prompt, reader: OutputReader, draft: Draft, *, supported: bool
    ) -> AsyncGenerator[str]:
        """The model's own words, as far as they are the answer."""
        muted = False
        written: list[str] = []
        with self._span(prompt, draft) as span:
            async with aclosing(self.llm.generate(prompt)) as chunks:
                async for chunk in chunks:
                    self._record(chunk, span, draft)
                    written.append(chunk.text)
                    piece = reader.feed(chunk.text)
                    muted = (muted or (supported and reader.unmatched)) and not reader.retracted
                    # A sentence may be found whole by the beginning of the next one, which is held back: who
                    # sends checked sentences only need not wait for it.
                    if not muted and (piece or reader.judged > (draft.checked or 0)):
                        draft.checked = reader.judged
                        yield piece
                    if reader.refused or reader.looped or (muted and not reader.undecided):
                        break
        if not muted or reader.undecided:
            rest = reader.finish()
            if rest and not (supported and reader.unmatched):
                draft.checked = None
                yield rest
        if reader.looped and draft.usage is None:
            draft.usage = await self._counted(prompt, "".join(written))
        draft.text, draft.retracted, draft.unknown = reader.text, reader.retracted, reader.refused
        draft.sentences = [verdict.sentence for verdict in reader.verdicts]
        draft.cited = reader.cited
        if not (draft.text or draft.unknown or draft.sentences):
            raise ModelUnavailable("the model wrote nothing; try again, or use mode extract")

    async def _quotation(self, task: Task, profile: ModelProfile, draft: Draft) -> str:
        """The beginning of the best entry, or of each part's; the model chooses its length with one token.

        Where there is nothing to choose, no model is asked.
        """
        draft.origin, draft.model = Origin.QUOTED, None
        if not task.parts:
            text = await self._quoted(task.question, task.entries[0], 1, profile, draft)
            draft.text = f"{text.rstrip()} [1]"
        else:
            texts = [
                answered_part(
                    part,
                    await self._quoted(
                        part.question, task.entries[part.sources[0] - 1], part.sources[0], profile, draft
                    ),
                )
                for part in task.parts
            ]
            draft.text = "\n\n".join(texts)
        return draft.text

    async def _quoted(
        self, question: str, entry: FaqEntry, position: int, profile: ModelProfile, draft: Draft
    ) -> str:
        await self._included(question, [entry], profile, best_needed=True)
        choices = beginnings(entry.answer, question)
        chosen = choices[0]
        if len(choices) > 1:
            draft.model = profile.name
            prompt = choice_prompt(question, entry, choices, profile.style, profile.control_tokens)
            chosen = choices[prompt.choices.index(await self._choice(prompt, draft))]
        # Small models choose by chance: they can lengthen an answer, but not cut off what was asked.
        text = said_by_entry(max(chosen, least(entry.answer, question), key=len), entry, question)
        draft.in_prompt = [*draft.in_prompt, position]
        draft.sentences = [*draft.sentences, *quoted_sentences(text, position)]
        draft.cited.add(position)
        return text

    async def _choice(self, prompt: Prompt, draft: Draft) -> str:
        """Which of the prompt's choices the model writes."""
        said = ""
        try:
            with self._span(prompt, draft) as span:
                async with aclosing(self.llm.generate(prompt)) as chunks:
                    async for chunk in chunks:
                        self._record(chunk, span, draft)
                        said += chunk.text
        except PromptTooLong as error:
            raise NothingFits("no FAQ entry fits the model's context window") from error
        if said not in prompt.choices:
            raise ModelUnavailable("the model wrote nothing; try again, or use mode extract")
        return said

    async def _counted(self, prompt: Prompt, written: str) -> Usage | None:
        """The tokens of a generation that was stopped before the model told them."""
        try:
            texts = [*(message.content for message in prompt.messages), written]
            *asked, answer = await self.llm.count_tokens(texts)
        except ModelError:  # the answer stands all the same
            return None
        return Usage(sum(asked), answer)

    def _span(self, prompt: Prompt, draft: Draft) -> AbstractContextManager[GenerationSpan]:
        messages = ((message.role, message.content) for message in prompt.messages)
        return self.tracing.generation(draft.model or "", prompt.max_answer_tokens, messages)

    def _record(self, chunk: Chunk, span: GenerationSpan, draft: Draft) -> None:
        span.record(chunk.text, chunk.usage, chunk.cut)
        draft.record(chunk, self.clock())

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
