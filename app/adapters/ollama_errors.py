"""Ollama's failures, and those of its client, in our own words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import httpx
from ollama import ResponseError

from app.errors import ModelError, ModelMissing, ModelUnavailable, PromptTooLong

# What comes out of the official client when a server is away or answers nonsense: its transports' own
# errors, ValueError for bad JSON, bad UTF-8 and pydantic's complaints, TypeError and AttributeError for
# JSON that is not an object.
_FAILURES = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    aiohttp.ClientError,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
)
_LOST = (httpx.NetworkError, httpx.RemoteProtocolError, aiohttp.ClientConnectionError, ConnectionError)
_OVERFLOW = re.compile("exceed.*context|context.*exceed", re.DOTALL)
_PROMPT_TOKENS = re.compile(r"n_prompt_tokens\D{1,4}(\d+)|\((\d+) tokens\)")


@contextmanager
def translated(model: str) -> Iterator[None]:
    """Nothing but our own errors comes out of the block, as long as only the client works in it."""
    try:
        yield
    except ModelError:
        raise
    except ResponseError as error:
        raise _in_our_words(error, model) from error
    except _FAILURES as error:
        raise ModelUnavailable(
            "Ollama did not answer, or broke off; is it running at ASKD_OLLAMA_URL?",
            retryable=isinstance(error, _LOST),
        ) from error


def _in_our_words(error: ResponseError, model: str) -> ModelError:
    told = str(error.error)
    if error.status_code == 404:
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
    if error.status_code == 503:
        return ModelUnavailable("Ollama has too much to do; try again later", retryable=True)
    return ModelUnavailable(f"Ollama failed to run the model {model}; its log says why")
