"""The XML within workbooks, read in pieces: elements by their local names, however they are written."""

from collections.abc import Callable
from typing import IO
from xml.parsers import expat

from app.errors import BadFaqFile

_PIECE = 2**18


def read_xml(
    name: str,
    file: IO[bytes],
    start: Callable[[str, dict[str, str]], object],
    end: Callable[[str], object] | None = None,
    text: Callable[[str], object] | None = None,
    most: int | None = None,
) -> None:
    """Calls `start` with the local names of elements and attributes; reads `most` bytes at most.

    Raises BadFaqFile for what is no XML, and for a document type: entities are not expanded.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, given: start(
        _local(tag), {_local(key): value for key, value in given.items()}
    )
    if end:
        parser.EndElementHandler = lambda tag: end(_local(tag))
    parser.CharacterDataHandler = text

    def refuse(*_: object) -> None:
        raise BadFaqFile(f"{name} declares a document type: entities are not expanded")

    parser.StartDoctypeDeclHandler = refuse
    try:
        if most is not None:
            parser.Parse(file.read(most), False)
            return
        while piece := file.read(_PIECE):
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError) as error:  # the latter for an encoding that nobody knows
        raise BadFaqFile(f"{name}: not XML that can be read: {error}") from error


def _local(name: str) -> str:
    return name.rpartition(":")[2]
