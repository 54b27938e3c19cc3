from pathlib import Path
from typing import Annotated

import typer

from app.api.keys import add_key, read_keys
from app.errors import BadSettings
from app.settings import read_settings

keys = typer.Typer(help="The keys callers need where ASKD_API_KEYS_FILE is set.")
FileOption = Annotated[
    Path | None, typer.Option("--file", help="File of the keys.  [ASKD_API_KEYS_FILE]", show_default=False)
]


@keys.command()
def new(name: Annotated[str, typer.Argument(help="Who is to use it.")], file: FileOption = None) -> None:
    """Print a new key; the file keeps its digest only. A running service takes it up by itself."""
    typer.echo(add_key(_file(file), name))


@keys.command("list")
def list_names(file: FileOption = None) -> None:
    """The names in the file; to take a key back, remove its line."""
    for name in sorted(read_keys(_file(file)).values()):
        typer.echo(name)


def _file(given: Path | None) -> Path:
    file = given or read_settings().api_keys_file
    if file is None:
        raise BadSettings("name the file of the keys: --file, or ASKD_API_KEYS_FILE")
    return file
