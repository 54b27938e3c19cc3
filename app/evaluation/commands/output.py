"""What every evaluation says of itself, and where it goes."""

import shlex
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import orjson
import typer

from app.errors import BadSettings
from app.evaluation.commands.trial import Trial, err


def about_trial(trial: Trial, faq: Path, questions: Mapping[str, int]) -> Mapping[str, object]:
    embedder = trial.manifest.embedder
    return {
        "command": command(),
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "askd": version("askd"),
        "engine": trial.settings.index_backend,
        "embedder": embedder.name if embedder else "none",
        "faq": f"{faq.name}, {trial.manifest.entries} entries",
        "questions": ", ".join(f"{name}: {count}" for name, count in questions.items()),
    }


def command() -> str:
    """The command line, with the files' names but not their folders, which are private."""
    return shlex.join(["askd", *map(_without_folder, sys.argv[1:])])


def _without_folder(word: str) -> str:
    option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    return option + equals + (Path(value).name if "/" in value else value)


def write_json(body: Mapping[str, object], to_terminal: bool, file: Path | None) -> None:
    text = orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    if to_terminal:
        typer.echo(text, nl=False)
    if file:
        write(file, text)


def check_targets(*files: Path | None) -> None:
    """Fail before the work, not after it. Raises BadSettings."""
    for file in files:
        if file and not file.parent.is_dir():
            raise BadSettings(f"cannot write {file}: there is no folder {file.parent}")


def write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadSettings(f"cannot write {file}: {error.strerror}") from error


def stop_at(missed: Iterable[str]) -> None:
    """Exit status 1 when a gate was missed, naming each."""
    said = list(missed)
    for gate in said:
        err.print(f"missed: {gate}", style="red", highlight=False)
    if said:
        raise typer.Exit(1)
