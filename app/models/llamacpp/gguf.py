"""What a GGUF file says of its tokenizer, in so far as llama.cpp's server does not tell it.

The file holds keys with values before the weights: each key as its length and name, then its value's kind.
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.models.control_tokens import unknown

_HEADER_AT_MOST = 64 << 20  # bytes: keys and values come before the weights
_ARRAY = 9  # the kind of a value
_UNKNOWN_TOKEN, _CONTROL_TOKEN = 2, 3  # kinds of tokens


@dataclass(frozen=True, slots=True)
class Tokenizer:
    architecture: str
    has_template: bool  # llama.cpp gives a model without a chat template one of its own
    control_tokens: tuple[str, ...]  # as ModelProfile.control_tokens


def read_tokenizer(path: Path) -> Tokenizer:
    """Raises OSError or ValueError."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        architecture = _string(content, "general.architecture")
        has_template = _after(content, "tokenizer.chat_template") is not None
        control = {
            token.decode("utf-8", "replace")
            for token, kind in zip(_tokens(content), _kinds(content), strict=False)
            if kind in (_UNKNOWN_TOKEN, _CONTROL_TOKEN)
        }
    return Tokenizer(architecture, has_template, unknown(control))


def _after(content: mmap.mmap, key: str) -> int | None:
    """Where the value of a key begins; None where there is no such key."""
    written = struct.pack("<Q", len(key)) + key.encode()
    found = content.find(written, 0, _HEADER_AT_MOST)
    return None if found < 0 else found + len(written)


def _string(content: mmap.mmap, key: str) -> str:
    at = _after(content, key)
    if at is None:
        return ""
    _, length = struct.unpack_from("<IQ", content, at)
    return content[at + 12 : at + 12 + length].decode("utf-8", "replace")


def _array(content: mmap.mmap, key: str) -> tuple[int, int]:
    """Where its items begin, and how many they are."""
    at = _after(content, key)
    if at is None:
        return 0, 0
    kind, _, count = struct.unpack_from("<IIQ", content, at)
    return (at + 16, count) if kind == _ARRAY else (0, 0)


def _tokens(content: mmap.mmap) -> Iterator[bytes]:
    at, count = _array(content, "tokenizer.ggml.tokens")
    for _ in range(count):
        (length,) = struct.unpack_from("<Q", content, at)
        yield content[at + 8 : at + 8 + length]
        at += 8 + length


def _kinds(content: mmap.mmap) -> tuple[int, ...]:
    at, count = _array(content, "tokenizer.ggml.token_type")
    return struct.unpack_from(f"<{count}i", content, at)
