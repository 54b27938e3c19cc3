"""Markdown as `askd export` writes it: a comment with an entry's fields, its question, its answer.

<!-- entry {"id":"refund","collection":"shop"} -->
## How do I get a refund?

Open the order and press **Refund**.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict

import orjson

from app.domain import FaqEntry
from app.ingest.records import Bad, Raw
from app.ingest.report import Notes

_START = re.compile(r"^<!-- entry (\{.*\}) -->[ \t]*$", re.MULTILINE)
_ESCAPED = re.compile(r"^(\\*)(?=<!-- entry )", re.MULTILINE)


def is_written_by_askd(text: str) -> bool:
    first = _START.search(text)
    return bool(first) and not text[: first.start()].lstrip("\ufeff").strip() if first else False


def read_entries(text: str, notes: Notes) -> Iterator[Raw | Bad]:
    starts = list(_START.finditer(text))
    if starts and (before := text[: starts[0].start()].lstrip("\ufeff").strip()):
        notes.leave_out(before.count("\n") + 1, "line 1", before)
    notes.total = text.count("\n") + 1 if notes.unused else 0
    ends = [start.start() for start in starts[1:]] + [len(text)]
    line = 1
    position = 0
    for start, end in zip(starts, ends, strict=True):
        line += text.count("\n", position, start.start())
        position = start.start()
        place = f"line {line}"
        try:
            fields = orjson.loads(start[1])
        except orjson.JSONDecodeError as error:
            yield Bad(place, f"malformed JSON in the comment: {error}")
            continue
        body = text[start.end() : end].replace("\r\n", "\n").lstrip("\n")
        if "question" not in fields:
            heading, _, body = body.partition("\n")
            fields["question"] = heading.lstrip("#").strip()
        body = _ESCAPED.sub(lambda slashes: slashes[1][1:], body)
        yield Raw({**fields, "answer": body.strip()}, place, exact=True)


def write_entry(entry: FaqEntry) -> str:
    fields = {
        name: value for name, value in asdict(entry).items() if value and name not in ("question", "answer")
    }
    heading = f"## {entry.question}\n"
    if entry.question != entry.question.lstrip("#").strip() or len(entry.question.splitlines()) != 1:
        fields["question"], heading = entry.question, ""
    comment = orjson.dumps(fields).decode().replace("-->", "--\\u003e")
    answer = _ESCAPED.sub(lambda slashes: f"\\{slashes[1]}", entry.answer)
    return f"<!-- entry {comment} -->\n{heading}\n{answer}\n\n"
