"""Damaged FAQ files of every format: entries or an error of ours, soon and in little memory."""

import io
import random
import time
import warnings
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from app.errors import BadFaqFile
from app.ingest.survey import survey
from tests.corpus.golden import FOLDER
from tests.support.sizes import FILES, SEED

_MOST_SECONDS = 5.0  # of CPU, for one file
_MOST_MEMORY = 300_000_000  # bytes more than before
_TOKENS = (
    *b"""{ } [ ] : , ; | \\ ' " null 1e999 &a *a <<: !!x ``` ~~~ ** ` > [x](y) ![]( Q: A: <details> </details>
    <summary> <!-- <script> <table><tr><td> <dl><dt> &#0; &lt; question answer "@type":"Question"
    "acceptedAnswer" <script/type="application/ld+json"> \x00 \xed\xa0\x80 \xff\xfe \xef\xbb\xbf""".split(),
    *(b"\x00", b"\xff", b"\r", b"\n\n", b"\t", b"- ", b"# ", b"###### ", b"---\n", b"+++\n", b"sep=;\n"),
    *(b"| - | - |\n", b"<!-- entry {} -->\n", b"(" * 200, b"*" * 500, "é漢𝔘\u202e\u2028".encode()),
)


def _mutated(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """A few changes: bytes flipped, taken out, doubled, put in; a piece of another file; the end cut off."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3, 8, 30))):
        at = chance.randrange(len(data) + 1)
        length = chance.choice((1, 1, 2, 10, 100, 1000))
        match chance.randrange(7):
            case 0 if data:
                data[at % len(data)] = chance.randrange(256)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length] * chance.choice((1, 2, 50))
            case 3:
                other = chance.choice(others)
                start = chance.randrange(len(other) + 1)
                data[at:at] = other[start : start + length]
            case 4 if chance.random() < 0.2:
                del data[at:]
            case _:
                data[at:at] = chance.choice(_TOKENS) * chance.choice((1, 1, 1, 2, 300))
    return bytes(data)


def _mutated_archive(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """A whole zip again, one file of it changed: damage to a zip itself is found too soon to test more."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        changed = chance.choice(old.namelist())
        for name in old.namelist():
            member = old.read(name)
            new.writestr(name, _mutated(member, others, chance) if name == changed else member)
    return out.getvalue()


def _peak() -> int:
    """The most memory that was resident at once, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _read(path: Path) -> float:
    """Seconds of CPU it took to read the file, or to refuse it."""
    started = time.process_time()
    with suppress(BadFaqFile):
        list(survey([path], collection=None, strict=False).entries())
    return time.process_time() - started


@pytest.mark.timeout(60 + FILES)
def test_a_damaged_file_gives_entries_or_an_error_of_ours(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    seeds = sorted(path for path in FOLDER.iterdir() if path.is_file())
    contents = [path.read_bytes() for path in seeds]
    suffixes = sorted({path.suffix for path in seeds})
    for path in seeds:  # so that libraries and their tables are not counted
        _read(path)
    Path("/proc/self/clear_refs").write_text("5")
    before, slowest, slowest_of = _peak(), 0.0, ""
    failures: list[str] = []
    for number in range(FILES):
        position = chance.randrange(len(seeds))
        seed, content = seeds[position], contents[position]
        mutate = _mutated_archive if content.startswith(b"PK") and chance.random() < 0.9 else _mutated
        suffix = seed.suffix if chance.random() < 0.8 else chance.choice(suffixes)
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(mutate(content, contents, chance))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                taken = _read(path)
        except Exception as error:
            failures.append(f"{path}, from {seed.name}: {error!r}")
            continue
        if taken > slowest:
            slowest, slowest_of = taken, f"{path.name}, from {seed.name}"
            (tmp_path / f"slowest{suffix}").write_bytes(path.read_bytes())
        if taken > _MOST_SECONDS:
            failures.append(f"{path}, from {seed.name}: {taken:.1f} s")
            continue
        path.unlink()
    grown = _peak() - before
    print(f"{FILES} damaged files, seed {SEED}: slowest {slowest:.2f} s ({slowest_of}), {grown / 1e6:.0f} MB")
    assert not failures
    assert grown < _MOST_MEMORY
