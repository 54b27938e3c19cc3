"""An assistant over fakes."""

import time
from collections.abc import Callable

from app.answering.pipeline import Pipeline
from app.answering.retrieval import Retrieval
from app.answering.service import Assistant
from app.answering.writing import Writer
from app.domain import Answer
from app.embedders.base import Embedder
from app.indexes.base import SearchIndex
from app.models.base import LanguageModel
from app.models.watch import ModelWatch
from app.telemetry.tracing import NO_TRACING, Tracing
from app.traffic.admission import Admission
from app.traffic.answer_cache import AnswerCache


def assistant_of(
    index: SearchIndex,
    llm: LanguageModel,
    *,
    prompt_tokens: int = 400,
    answer_tokens: int = 64,
    embedder: Embedder | None = None,
    admission: Admission | None = None,
    cache_entries: int = 0,
    tracing: Tracing = NO_TRACING,
    clock: Callable[[], float] = time.perf_counter,
    on_answer: Callable[[Answer], None] = lambda answer: None,
) -> Assistant:
    """It caches no answers unless told to, and then only once its watch has looked at the model."""
    pipeline = Pipeline(
        Retrieval(index, embedder, tracing=tracing, clock=clock),
        Writer(llm, prompt_tokens, answer_tokens, tracing, clock),
        admission or Admission(),
        tracing,
        clock,
    )
    cache = AnswerCache(cache_entries, 1_000_000, 3600.0)
    return Assistant(pipeline, ModelWatch(llm), cache, on_answer, tracing=tracing, clock=clock)
