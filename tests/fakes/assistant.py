"""An assistant over fakes."""

from app.admission import Admission
from app.answer_cache import AnswerCache
from app.assistant import Assistant
from app.model_watch import ModelWatch
from app.pipeline import Pipeline
from app.ports import Embedder, LanguageModel, SearchIndex


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
