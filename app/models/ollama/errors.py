"""Ollama's failures, and those on the way to it, in our own words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import ModelError, ModelMissing, ModelUnavailable, PromptTooLong

# A server that is away or breaks off; then nonsense: bad JSON or UTF-8, and JSON of another shape.
_FAILURES = (OSError, ValueError, TypeError, AttributeError, LookupError)
_OVERFLOW = re.compile("exceed.*context|context.*exceed", re.DOTALL)
_PROMPT_TOKENS = re.compile(r"n_prompt_tokens\D{1,4}(\d+)|\((\d+) tokens\)")


@contextmanager
def translated() -> Iterator[None]:
    """Nothing but our own errors comes out of the block, as long as it only asks and reads."""
    try:
        yield
    except ModelError:
        raise
    except _FAILURES as error:
        raise ModelUnavailable(
            "Ollama did not answer, or broke off; is it running at ASKD_OLLAMA_URL?",
            retryable=isinstance(error, ConnectionError),
        ) from error


def failure(status: int, body: object, model: str) -> ModelError:
    """What a reply that is none means; `body` is its JSON, or what came instead."""
    told = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    if status == 404:
        return ModelMissing(
            f"Ollama does not have the model {model}: run `ollama pull {model}`, "
            "or bake it into the image with scripts/bake-models"
        )
    if _OVERFLOW.search(told):
        count = _PROMPT_TOKENS.search(told)
        return PromptTooLong(
            "the prompt has more tokens than the model's context window",
            int(count[1] or count[2]) if count else None,
        )
    if status == 503:
        return ModelUnavailable("Ollama has too much to do; try again later", retryable=True)
    return ModelUnavailable(f"Ollama failed to run the model {model}; its log says why")
