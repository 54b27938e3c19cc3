"""What becomes of sentences that a model might write: each goes through the whole pipeline as its answer.

The search is that of the index, the text streams as from a model; only the model is scripted, and that the
first hit answers is taken for granted. A sentence is caught where the answer is not the model's own.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.answering.pipeline import Pipeline
from app.answering.retrieval import Retrieval, RetrievalResult
from app.answering.writing import Writer
from app.domain import Answer, FaqEntry, Hit, Origin, Question, Status
from app.evaluation.paraphrases import paraphrases
from app.evaluation.runs import Found
from app.evaluation.tampering import changed, whole_sentences
from app.models.base import LanguageModel
from app.ranking.text import normalised_question

VERBATIM, PARAPHRASED = "word for word", "paraphrased"
IN_PARAPHRASES = ", paraphrased"
_PROMPT, _ANSWER = 100_000, 4_000  # words: nothing is left out or cut off
_PIECE = re.compile(r"\s*\S{1,6}")
ORDINARY, STRICT = 7_000_000_000, 1_000_000_000  # parameters of models that are checked so


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence that a model might write on an entry; `kind` says what was changed in it."""

    kind: str
    entry: FaqEntry
    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """How many sentences of one kind were caught, of how many."""

    sentences: int
    caught: int

    @property
    def share(self) -> float:
        return self.caught / self.sentences


@dataclass(frozen=True)
class AnswerCheck:
    """Puts sentences to the pipeline; `retrieval` searches an index that holds their entries."""

    retrieval: Retrieval
    model: Callable[[Sequence[str], int], LanguageModel]  # (pieces it says, its number of parameters)
    parameters: int = ORDINARY
    _found: dict[tuple[str, str], RetrievalResult] = field(default_factory=dict)

    async def catches(self, said: Said) -> bool:
        model = self.model(_PIECE.findall(said.text), self.parameters)
        found = Found(self.retrieval.index, result=await self._search(said.entry))
        pipeline = Pipeline(found, Writer(model, _PROMPT, _ANSWER, writing="free"))
        answer = None
        async for event in pipeline.answer(Question(said.entry.question, said.entry.collection)):
            answer = event
        return not isinstance(answer, Answer) or answer.origin is not Origin.GENERATED

    async def _search(self, entry: FaqEntry) -> RetrievalResult:
        """The hits of the entry's question, the entry among them."""
        if entry.key not in self._found:
            result = await self.retrieval.find(Question(entry.question, entry.collection))
            asked = normalised_question(entry.question)  # of two answers to it no model would be asked
            hits = [hit for hit in result.ranking.hits if normalised_question(hit.entry.question) != asked]
            ranking = replace(
                result.ranking,
                hits=[Hit(entry, 1.0), *hits[:4]],
                exact=False,
                status=Status.ANSWERED,
                confident=True,
            )
            self._found[entry.key] = replace(result, ranking=ranking, parts=(), asked=None)
        return self._found[entry.key]


async def check(
    through: AnswerCheck, said: Sequence[Said], progress: Callable[[int], None]
) -> Mapping[str, Checked]:
    """By kind."""
    caught: dict[str, list[bool]] = defaultdict(list)
    for each in said:
        caught[each.kind].append(await through.catches(each))
        progress(1)
    return {kind: Checked(len(found), sum(found)) for kind, found in caught.items()}


def sentences_to_check(entries: Sequence[FaqEntry], each: int, seed: int = 0) -> Sequence[Said]:
    """Sentences of the entries, paraphrases of them, and `each` of every kind of change in both."""
    told = [(entry, sentence) for entry in entries for sentence in whole_sentences(entry)]
    others = [(made.entry, made.text) for made in paraphrases(entries, each, seed)]
    return [
        *(Said(VERBATIM, entry, sentence) for entry, sentence in told),
        *(Said(PARAPHRASED, entry, text) for entry, text in others),
        *(Said(made.kind, made.entry, made.text) for made in changed(told, each, seed)),
        *_of_paraphrases(others, each, seed),
    ]


def _of_paraphrases(others: Sequence[tuple[FaqEntry, str]], each: int, seed: int) -> Iterable[Said]:
    for made in changed(others, each, seed):
        yield Said(made.kind + IN_PARAPHRASES, made.entry, made.text)
