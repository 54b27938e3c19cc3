from collections.abc import Iterator
from typing import Any

import typer.main
from typer.testing import CliRunner

from app.cli.main import app
from tests.cli.shell import Shell


def commands(path: list[str], command: Any) -> Iterator[tuple[list[str], Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands([*path, name], child)


def test_version_and_commands_are_told(askd: Shell) -> None:
    assert askd("--version").out == "askd 0.2.0\n"
    told = askd("--help").out
    for name in ("serve", "ingest", "ask", "search", "index", "models", "compare"):
        assert f" {name} " in told


def test_the_help_of_every_command_tells_its_options_and_what_they_do() -> None:
    # In this process, and so wide that no text is wrapped: only the words are of interest.
    for path, command in commands([], typer.main.get_command(app)):
        told = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "400"}).output
        for parameter in command.params:
            assert parameter.opts[0] in told, path
            assert parameter.help, (path, parameter.name)
            assert parameter.help.split("  ")[0] in told, path
