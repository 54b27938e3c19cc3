"""The header of a GGUF file: keys, and how many bytes its weights take.

https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

_SCALARS = dict(enumerate("BbHhIif?", 0)) | {10: "Q", 11: "q", 12: "d"}  # kind of a value: its form
_STRING, _ARRAY = 8, 9
_SHOWN_ITEMS = 1024  # longer arrays are the tokenizer's: as a rule only their length is wanted
_ALIGNMENT = 32

Read = Callable[[int, int], bytes]  # (offset, count): bytes; fewer at the file's end


@dataclass(frozen=True, slots=True)
class Header:
    keys: dict[str, Any]  # of a long array its length, unless it was wanted whole
    parameters: int
    size: int  # bytes before the weights


def read_header(read: Read, whole: Collection[str] = ()) -> Header:
    """With the arrays of the keys in `whole` whole. Raises ValueError for a file that is no GGUF, or whose
    header is cut off."""
    at = _Cursor(read)
    if at.take(4) != b"GGUF":
        raise ValueError("this is not a GGUF file")
    version, tensors, keys = at.unpack("<IQQ")
    if version < 2:
        raise ValueError(f"GGUF of version {version} is too old")
    found = {}
    for _ in range(keys):
        name = at.string()
        value = at.value(at.number("<I"))
        long = isinstance(value, list) and len(value) > _SHOWN_ITEMS and name not in whole
        found[name] = len(value) if long else value
    parameters = 0
    for _ in range(tensors):
        at.string()
        dimensions = at.number("<I")
        parameters += prod(at.unpack(f"<{dimensions}Q"))
        at.take(4 + 8)  # kind and place
    alignment = int(found.get("general.alignment", _ALIGNMENT))
    return Header(found, parameters, -(-at.place // alignment) * alignment)


def read_file(path: Path, whole: Collection[str] = ()) -> Header:
    """As `read_header`. Raises OSError, too."""
    with path.open("rb") as file:

        def read(at: int, count: int) -> bytes:
            file.seek(at)
            return file.read(count)

        return read_header(read, whole)


class _Cursor:
    _STEP = 1 << 20  # bytes
    _MOST = 1 << 26  # of one value

    def __init__(self, read: Read) -> None:
        self._read = read
        self._data = b""
        self._begin = 0
        self.place = 0

    def take(self, count: int) -> bytes:
        if count > self._MOST:
            raise ValueError("the header of the GGUF file is damaged")
        if self.place + count > self._begin + len(self._data):
            self._data = self._read(self.place, max(count, self._STEP))
            self._begin = self.place
            if len(self._data) < count:
                raise ValueError("the header of the GGUF file is cut off")
        offset = self.place - self._begin
        self.place += count
        return self._data[offset : offset + count]

    def unpack(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def number(self, form: str) -> int:
        (number,) = self.unpack(form)
        return int(number)

    def string(self) -> str:
        return self.take(int.from_bytes(self.take(8), "little")).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            of, count = self.number("<I"), self.number("<Q")
            if (
                of == _ARRAY or count > self._MOST
            ):  # no tokenizer nests them, and Python would run out of stack
                raise ValueError("the header of the GGUF file is damaged")
            if of in _SCALARS:
                return list(self.unpack(f"<{count}{_SCALARS[of]}"))
            return [self.value(of) for _ in range(count)]
        if kind not in _SCALARS:
            raise ValueError(f"the GGUF file holds a value of an unknown kind, {kind}")
        (value,) = self.unpack(f"<{_SCALARS[kind]}")
        return value
