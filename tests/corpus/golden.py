"""Writes golden.json anew from what the readers find: look at every difference before it is committed."""

import json
from pathlib import Path
from typing import Any

from app.errors import BadFaqFile
from app.ingest.survey import survey

FOLDER = Path(__file__).with_name("files")
GOLDEN = Path(__file__).with_name("golden.json")


def inputs() -> list[Path]:
    """Each file, or folder, that is ingested on its own."""
    return sorted(FOLDER.iterdir())


def found_in(path: Path) -> dict[str, Any]:
    """Entries, wrong records and findings; or why the whole was refused."""
    try:
        found = survey([path], collection=None, strict=False)
    except BadFaqFile as error:
        return {"refused": _short(str(error))}
    entries = [
        [entry.collection, entry.section, entry.question, entry.answer, *([entry.url] if entry.url else [])]
        for entry in found.entries()
    ]
    told = [*found.warnings, *(finding for report in found.files for finding in report.findings)]
    return {
        "shapes": [report.notes.shape for report in found.files if not report.passed_over],
        "entries": entries,
        **({"bad": [_short(str(bad)) for bad in found.bad]} if found.bad else {}),
        **({"told": [_short(finding) for finding in told]} if told else {}),
    }


def _short(text: str) -> str:
    return text.replace(f"{FOLDER}/", "")


def main() -> None:
    golden = {path.name: found_in(path) for path in inputs()}
    GOLDEN.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
