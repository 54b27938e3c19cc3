"""One embedding model in memory, by ONNX Runtime: text in, a vector of unit length out."""

import os
from collections.abc import Iterator, Mapping, Sequence

# Read on import. Else ONNX Runtime calls home, and keeps a device id in the user's cache.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from app.embedders.base import EmbedderInfo, Vector
from app.embedders.catalogue import EmbedderFiles
from app.errors import EmbedderUnavailable
from app.ranking.interaction import TokenVectors

_THREADS = 1  # two are no faster for a question (4.3 and 4.7 ms), and twice as slow on a busy machine
_TOKEN_WINDOWS = 2  # what an entry says later seldom decides, and each window is a pass
_FATAL = 4  # ONNX Runtime's log level: its errors come as exceptions, too


class OnnxModel:
    """Loaded and tried once, so that files which do not belong together show at once.

    One text at a time: with dynamic quantisation a vector would depend on what shares its batch.
    """

    def __init__(self, files: EmbedderFiles) -> None:
        """Raises EmbedderUnavailable."""
        digest = files.digest()
        self.recipe = files.recipe
        self._files = files
        try:
            self._session = _session(files)
            self._tokenizer = _tokenizer(files)
            self._before, self._after = _frame(self._tokenizer)
            self._inputs = {given.name for given in self._session.get_inputs()}
            # The longest window there is, of the tokenizer's last token: a model that is too small for it
            # fails now and not at a question.
            last = max(self._tokenizer.get_vocab().values())
            dimension = len(self._pooled([last] * files.recipe.tokens))
        except Exception as error:  # both libraries raise what they like
            raise EmbedderUnavailable(
                f"the embedder {files.name} cannot be loaded: {files.model.name} is damaged, "
                f"or its tokenizer or its settings are of another model: {files.mend}"
            ) from error
        self.info = EmbedderInfo(files.name, digest, dimension, files.latin_only)

    def vector(self, head: str, body: str) -> Vector:
        """Of the full text; where it is longer than a window, each of its windows begins with `head`.

        Raises EmbedderUnavailable.
        """
        try:
            tokens = self._ids(head + body)
            begins = len(self._ids(head))
            size = self.recipe.tokens - len(self._before) - len(self._after)
            vectors = [
                _unit(self._pooled([*self._before, *ids, *self._after]))
                for ids in windows(tokens[:begins], tokens[begins:], size)
            ]
            return _unit(np.mean(vectors, axis=0, dtype=np.float32))
        except Exception as error:
            raise self._failed() from error

    def token_vectors(self, text: str) -> TokenVectors:
        """Of the first two windows; the special tokens take part in the pass and are left out here.

        Raises EmbedderUnavailable.
        """
        try:
            encoded = self._tokenizer.encode(text, add_special_tokens=False)
            size = self.recipe.tokens - len(self._before) - len(self._after)
            ids = encoded.ids[: _TOKEN_WINDOWS * size]
            found = [self._of_window(ids[start : start + size]) for start in range(0, len(ids), size)]
            vectors = np.concatenate(found) if found else np.zeros((0, self.info.dimension), dtype=np.float32)
        except Exception as error:
            raise self._failed() from error
        return TokenVectors(vectors, *_words(text, encoded.word_ids[: len(ids)], encoded.offsets[: len(ids)]))

    def _of_window(self, ids: Sequence[int]) -> NDArray[np.float32]:
        of_tokens = self._run([*self._before, *ids, *self._after])
        inside = of_tokens[len(self._before) : len(self._before) + len(ids)]
        lengths = np.linalg.norm(inside, axis=1, keepdims=True)
        return np.asarray(inside / np.maximum(lengths, 1e-9), dtype=np.float32)

    def _failed(self) -> EmbedderUnavailable:
        return EmbedderUnavailable(
            f"the embedder {self._files.name} failed: restart askd; if that does not help, {self._files.mend}"
        )

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _pooled(self, ids: Sequence[int]) -> NDArray[np.float32]:
        of_tokens = self._run(ids)
        pooled = of_tokens[0] if self.recipe.pooling == "cls" else of_tokens.mean(axis=0)
        return np.asarray(pooled, dtype=np.float32).reshape(of_tokens.shape[1])

    def _run(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """The last layer: tokens by dimension."""
        tokens = np.array([ids], dtype=np.int64)
        offered: Mapping[str, NDArray[np.int64]] = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
        }
        wanted = {name: value for name, value in offered.items() if name in self._inputs}
        (of_tokens,) = self._session.run(None, wanted)[0]
        return np.asarray(of_tokens, dtype=np.float32)


def windows(head: Sequence[int], body: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """All of the text in pieces of up to `size` tokens, each with the head before it.

    A head of more than half a window is shortened to that, and its end goes before the body.
    """
    kept = head[: size // 2]
    rest = [*head[len(kept) :], *body]
    room = size - len(kept)
    for start in range(0, max(1, len(rest)), room):
        yield [*kept, *rest[start : start + room]]


def _words(
    text: str, word_ids: Sequence[int | None], spans: Sequence[tuple[int, int]]
) -> tuple[Sequence[str], NDArray[np.int32]]:
    """The words the tokens belong to, lowercased, and for each token the position of its word."""
    first: dict[int | None, int] = {}
    words: list[str] = []
    word_of = []
    for word_id, (start, end) in zip(word_ids, spans, strict=True):
        place = first.setdefault(word_id, len(words))
        if place == len(words):
            words.append("")
        words[place] += text[start:end]
        word_of.append(place)
    return [word.strip().casefold() for word in words], np.array(word_of, dtype=np.int32)


def _unit(vector: NDArray[np.float32]) -> Vector:
    length = float(np.linalg.norm(vector))
    if not 0 < length < np.inf:
        raise ValueError("the model gave no direction")
    return vector / np.float32(length)


def _session(files: EmbedderFiles) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = _THREADS
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _FATAL
    return ort.InferenceSession(str(files.model), options, providers=["CPUExecutionProvider"])


def _tokenizer(files: EmbedderFiles) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(files.tokenizer))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _frame(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """The special tokens that this tokenizer puts before and after every text."""
    framed = tokenizer.encode("a")
    inside = [place for place, special in enumerate(framed.special_tokens_mask) if not special]
    return framed.ids[: inside[0]], framed.ids[inside[-1] + 1 :]
