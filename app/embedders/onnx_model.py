"""One embedding model in memory, by ONNX Runtime: text in, a vector of unit length out."""

import os
from collections.abc import Iterator, Mapping, Sequence

# Read on import. Else ONNX Runtime calls home, and keeps a device id in the user's cache.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from app.embedders.base import EmbedderInfo, Vector
from app.embedders.catalogue import EmbedderFiles
from app.errors import EmbedderUnavailable
from app.ranking.interaction import TokenVectors

_THREADS = 1  # two are no faster for a question (4.3 and 4.7 ms), and twice as slow on a busy machine
# Whose vectors are compared: a pass of 256 moves the confidence little, one of 128 declines long entries.
_MOST_TOKENS = 256
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
            dimension = len(self._pooled(self._run([last] * files.recipe.tokens)))
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
            return self._joined([self._run(ids) for ids in self._framed_windows(head, body)])
        except Exception as error:
            raise self._failed() from error

    def question(self, text: str) -> tuple[Vector, TokenVectors]:
        """The vector to search with, and the token vectors of the same pass. Raises EmbedderUnavailable."""
        prefix = self.recipe.question_prefix
        try:
            encoded = self._tokenizer.encode(text, add_special_tokens=False)
            passes = [self._run(ids) for ids in self._framed_windows(prefix, text)]
            begins = len(self._before) + len(self._ids(prefix))
            return self._joined(passes), _token_vectors(
                text, encoded, passes[0][begins : len(passes[0]) - len(self._after)]
            )
        except Exception as error:
            raise self._failed() from error

    def token_vectors(self, text: str) -> TokenVectors:
        """Of the first tokens of a text; the special ones take part in the pass and are left out here.

        Raises EmbedderUnavailable.
        """
        try:
            encoded = self._tokenizer.encode(text, add_special_tokens=False)
            size = min(_MOST_TOKENS, self.recipe.tokens) - len(self._before) - len(self._after)
            passed = self._run([*self._before, *encoded.ids[:size], *self._after])
            return _token_vectors(text, encoded, passed[len(self._before) : len(passed) - len(self._after)])
        except Exception as error:
            raise self._failed() from error

    def _framed_windows(self, head: str, body: str) -> Iterator[Sequence[int]]:
        tokens = self._ids(head + body)
        begins = len(self._ids(head))
        size = self.recipe.tokens - len(self._before) - len(self._after)
        for ids in windows(tokens[:begins], tokens[begins:], size):
            yield [*self._before, *ids, *self._after]

    def _joined(self, passes: Sequence[NDArray[np.float32]]) -> Vector:
        return _unit(np.mean([_unit(self._pooled(each)) for each in passes], axis=0, dtype=np.float32))

    def _failed(self) -> EmbedderUnavailable:
        return EmbedderUnavailable(
            f"the embedder {self._files.name} failed: restart askd; if that does not help, {self._files.mend}"
        )

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _pooled(self, of_tokens: NDArray[np.float32]) -> NDArray[np.float32]:
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


def _token_vectors(text: str, encoded: Encoding, of_tokens: NDArray[np.float32]) -> TokenVectors:
    """Of unit length, with the words the tokens belong to, lowercased."""
    lengths = np.linalg.norm(of_tokens, axis=1, keepdims=True)
    first: dict[int | None, int] = {}
    words: list[str] = []
    word_of = []
    for word_id, (start, end) in zip(
        encoded.word_ids[: len(of_tokens)], encoded.offsets[: len(of_tokens)], strict=True
    ):
        place = first.setdefault(word_id, len(words))
        if place == len(words):
            words.append("")
        words[place] += text[start:end]
        word_of.append(place)
    return TokenVectors(
        np.asarray(of_tokens / np.maximum(lengths, 1e-9), dtype=np.float16),
        [word.strip().casefold() for word in words],
        np.array(word_of, dtype=np.int32),
    )


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
