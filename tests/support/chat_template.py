"""A GGUF file with another chat template, to see what a model would be sent that is not to be had here."""

import struct
from pathlib import Path

_KEY = b"tokenizer.chat_template"
_ALIGNMENT = 32  # of the weights, which must not move against it


def with_template(gguf: Path, template: str | None, to: Path) -> Path:
    """`gguf` with this Jinja template in place of its own; None: with none."""
    data = gguf.read_bytes()
    name = struct.pack("<Q", len(_KEY)) + _KEY
    key = data.index(name)
    if template is None:  # under another name it is a key that nobody reads
        to.write_bytes(data[:key] + name.replace(_KEY, _KEY.upper()) + data[key + len(name) :])
        return to
    begin = key + len(name) + 4 + 8  # after the kind of the value and its length
    (length,) = struct.unpack_from("<Q", data, begin - 8)
    padding = (length - len(template.encode()) - 4) % _ALIGNMENT
    value = f"{template}{{#{' ' * padding}#}}".encode()
    to.write_bytes(data[: begin - 8] + struct.pack("<Q", len(value)) + value + data[begin + length :])
    return to
