"""Embeddings in this process, by ONNX Runtime."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from cachetools import LRUCache

from app.domain import FaqEntry
from app.embedders.base import EmbedderInfo, Vector
from app.embedders.cache import EmbeddingCache
from app.embedders.catalogue import Recipe, find
from app.errors import EmbedderUnavailable
from app.ranking.interaction import TokenVectors
from app.ranking.plain_text import plain

if TYPE_CHECKING:
    from app.embedders.onnx_model import OnnxModel

_Result = TypeVar("_Result")

_TOKEN_CACHE = 64_000_000  # bytes of token vectors that stay at hand; an entry takes up to 0.2 MB
_QUESTION, _ENTRY = "question", "entry"  # what the texts of cached token vectors are
_RETRY = 5.0  # seconds until files that could not be loaded are looked at again


class OnnxEmbedder:
    """An `Embedder`. `name` is a known one, looked for in `directory`, or a folder used by the recipe `own`.

    Questions are embedded one after the other in a thread of their own; a question whose caller left
    before its turn is dropped. Entries embedded before come from the cache.
    """

    def __init__(self, name: str, directory: Path, own: Recipe, cache: Path) -> None:
        self._name = name
        self._directory = directory
        self._own = own
        self._cache = cache
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedder")
        self._loading = Lock()
        self._token_cache: LRUCache[tuple[str, str], TokenVectors] = LRUCache(
            _TOKEN_CACHE, getsizeof=lambda each: each.vectors.nbytes
        )  # used in the one thread only
        self._model: OnnxModel | None = None
        self._failure, self._failed_at = "", -_RETRY

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def info(self) -> EmbedderInfo:
        # Once loaded, without the thread: who asks would wait for all questions before.
        model = self._model
        if model is None:
            model = await self._in_thread(self._loaded)
        return model.info

    async def embed_question(self, question: str) -> Vector:
        return await self._in_thread(lambda: self._question(question))

    async def token_vectors(self, question: str, entry: str) -> tuple[TokenVectors, TokenVectors]:
        return await self._in_thread(lambda: (self._question_tokens(question), self._entry_tokens(entry)))

    def embed_entries(self, entries: Iterable[FaqEntry]) -> Iterator[Vector]:
        model = self._loaded()
        with EmbeddingCache(self._cache, model.info) as cache:
            for entry in entries:
                head, body = f"{model.recipe.entry_prefix}{plain(entry.question)} ", plain(entry.answer)
                yield cache.vector(f"{head}\0{body}", partial(model.vector, head, body))

    def _question(self, question: str) -> Vector:
        vector, tokens = self._loaded().question(question)
        self._keep((_QUESTION, question), tokens)  # from the same pass: they may be asked for next
        return vector

    def _question_tokens(self, question: str) -> TokenVectors:
        key = _QUESTION, question
        return self._token_cache.get(key) or self._keep(key, self._loaded().question(question)[1])

    def _entry_tokens(self, text: str) -> TokenVectors:
        key = _ENTRY, text
        return self._token_cache.get(key) or self._keep(key, self._loaded().token_vectors(text))

    def _keep(self, key: tuple[str, str], tokens: TokenVectors) -> TokenVectors:
        with suppress(ValueError):  # larger than the whole cache
            self._token_cache[key] = tokens
        return tokens

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _loaded(self) -> "OnnxModel":
        """The model; files that could not be loaded are tried again, but not at every question."""
        with self._loading:
            if self._model is None:
                files = find(self._name, self._directory, self._own)
                if time.monotonic() - self._failed_at < _RETRY:
                    raise EmbedderUnavailable(self._failure)
                from app.embedders.onnx_model import OnnxModel  # half a second, for who embeds only

                try:
                    self._model = OnnxModel(files)
                except EmbedderUnavailable as error:
                    self._failure, self._failed_at = str(error), time.monotonic()
                    raise
            return self._model
