"""Ollama's failures, and those on the way to it, as errors of ours."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import httpx
from ollama import ResponseError

from app.errors import ModelError, ModelMissing, ModelUnavailable, PromptTooLong

# What the client lets through: a server that is down or breaks off, then nonsense: bad JSON or UTF-8, and
# JSON of another shape.
_FAILURES = (
    httpx.HTTPError,
    aiohttp.ClientError,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
)
_MISSING = re.compile(r"model\b.*\bnot found", re.DOTALL)
_OVERFLOW = re.compile(r"exceed.*context|context.*exceed", re.DOTALL)
_PROMPT_TOKENS = re.compile(r"n_prompt_tokens\D{1,4}(\d+)|\((\d+) tokens\)")
_MEMORY = re.compile(r"more system memory|out of memory|unable to allocate", re.IGNORECASE)
_NO_CHAT = re.compile(r"does not support (?:chat|generate)")


@contextmanager
def translated(model: str) -> Iterator[None]:
    """Turns what the client raises into ModelMissing, PromptTooLong or ModelUnavailable."""
    try:
        yield
    except ResponseError as error:
        raise _refusal(error.status_code, str(error.error), model) from error
    except _FAILURES as error:
        raise ModelUnavailable(_no_answer(error)) from error


def _refusal(status: int, told: str, model: str) -> ModelError:
    """What an error of Ollama's means; `told` is its own message, or the body of whatever answered.

    `status` is -1 in the middle of a stream. The message is looked at first: it is surer than the status.
    """
    if _OVERFLOW.search(told):
        count = _PROMPT_TOKENS.search(told)
        return PromptTooLong(
            "the prompt has more tokens than the model's context window",
            int(count[1] or count[2]) if count else None,
        )
    if status == 404 and _MISSING.search(told):
        return ModelMissing(
            f"Ollama does not have the model {model}: run `ollama pull {model}`, "
            "or bake it into the image with scripts/bake-models"
        )
    return ModelUnavailable(_reason(status, told, model))


def _reason(status: int, told: str, model: str) -> str:
    if _MEMORY.search(told):
        return (
            f"there is not enough memory for the model {model}: free some, or set ASKD_MODEL to a smaller one"
        )
    if _NO_CHAT.search(told):
        return f"the model {model} cannot write answers: set ASKD_MODEL to one that can chat"
    if status in (401, 403):
        return (
            f"access to ASKD_OLLAMA_URL was refused (status {status}): check ASKD_OLLAMA_API_KEY_FILE and, "
            "where a proxy stands before Ollama, the Host header it sends"
        )
    if status == 404 or 300 <= status < 400:
        return (
            f"what answers at ASKD_OLLAMA_URL is not Ollama (status {status}): "
            "set it to Ollama's own address, without a path"
        )
    if status in (429, 503):
        return "Ollama has too much to do; try again later"
    if status in (502, 504):
        return f"the proxy at ASKD_OLLAMA_URL cannot reach Ollama (status {status}); is Ollama running?"
    return f"Ollama failed to run the model {model}; its log says why"


def _no_answer(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                "the certificate of ASKD_OLLAMA_URL is not trusted: name the file of its CA in SSL_CERT_FILE"
            )
        if isinstance(cause, ssl.SSLError):
            return "ASKD_OLLAMA_URL says https, but TLS fails there: does the server want plain http?"
    return "Ollama did not answer, or broke off; is it running at ASKD_OLLAMA_URL?"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__
