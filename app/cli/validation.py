"""The command line validates its input as the HTTP service does, with the same messages."""

from typing import TypeVar

import typer
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


def validated(model: type[M], **values: object) -> M:
    """Raises typer.BadParameter (exit status 2)."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        said = (f"{item['loc'][0]}: {item['msg'].removeprefix('Value error, ')}" for item in error.errors())
        raise typer.BadParameter("; ".join(said)) from None
