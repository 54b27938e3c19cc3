from pathlib import Path
from typing import Annotated

import typer

from app.api.keys import Role, add_key, read_keys
from app.errors import BadSettings
from app.settings import read_settings

keys = typer.Typer(help="API keys of callers and owners (ASKD_API_KEYS_FILE).")
FileOption = Annotated[
    Path | None,
    typer.Option("--file", help="File of the API keys.  [ASKD_API_KEYS_FILE]", show_default=False),
]


@keys.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the caller who will use it.")],
    role: Annotated[
        Role, typer.Option(help="`owner`: it also opens /admin, where feedback is read and deleted.")
    ] = Role.CALLER,
    file: FileOption = None,
) -> None:
    """Print a new key; the file stores only its digest. A running service accepts it at once."""
    typer.echo(add_key(_file(file), name, role))


@keys.command("list")
def list_names(file: FileOption = None) -> None:
    """List the names in the file and their roles; to revoke a key, remove its line."""
    for name, role in sorted(read_keys(_file(file)).values()):
        typer.echo(f"{name} {role}")


def _file(given: Path | None) -> Path:
    file = given or read_settings().api_keys_file
    if file is None:
        raise BadSettings("name the file of the API keys with --file or ASKD_API_KEYS_FILE")
    return file
