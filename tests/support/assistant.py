"""An assistant over fakes."""

from app.answering.pipeline import Pipeline
from app.answering.service import Assistant
from app.embedders.base import Embedder
from app.indexes.base import SearchIndex
from app.models.base import LanguageModel
from app.models.watch import ModelWatch
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
) -> Assistant:
    """It keeps no answers unless told to, and then only once its watch has looked at the model."""
    pipeline = Pipeline(
        index, llm, prompt_tokens, answer_tokens, embedder, admission=admission or Admission()
    )
    return Assistant(pipeline, ModelWatch(llm), AnswerCache(cache_entries, 1_000_000, 3600.0))
