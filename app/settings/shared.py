"""The settings of what several askd share: a group of its own."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, AnyUrl, BaseModel, Field, UrlConstraints

SharedUrl = Annotated[
    AnyUrl,
    UrlConstraints(
        allowed_schemes=["valkey", "valkeys", "redis", "rediss"], host_required=True, default_port=6379
    ),
]


def _address_only(url: AnyUrl) -> AnyUrl:
    """Raises ValueError for one with a password, or with options of the client's."""
    if url.password:
        raise ValueError("no password in the URL; put it into ASKD_SHARED_PASSWORD_FILE")
    if url.query or url.fragment:
        raise ValueError("nothing may follow the number of the database")
    return url


class Shared(BaseModel):
    """Shared: what several askd share"""

    shared_url: Annotated[SharedUrl, AfterValidator(_address_only)] | None = Field(
        None,
        description="Valkey or Redis where several askd share cached answers, rate limits and the slots of "
        "the model servers; TLS with `valkeys://` or `rediss://`; unset: each process by itself",
        examples=["valkey://127.0.0.1:6379/0"],
    )
    shared_password_file: Path | None = Field(
        None, description="file that holds its password; the names of cached answers are made with it, too"
    )
