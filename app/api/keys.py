"""API keys: a file with their names, their SHA-256 digests and, of owners' keys, the role."""

import hashlib
import logging
import os
import re
import secrets
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from app.errors import BadSettings

log = logging.getLogger(__name__)

_LINE = re.compile(r"([A-Za-z0-9._-]{1,64}):([0-9a-f]{64})(?::(caller|owner))?")


class Role(StrEnum):
    CALLER = "caller"  # asks, and says whether it helped
    OWNER = "owner"  # also reads and deletes what is kept: /admin


class Key(NamedTuple):
    name: str
    role: Role = Role.CALLER


class ApiKeys:
    """The file is read again when it changes.

    Once it is gone or unreadable no key is valid: deleting it is how access is withdrawn. A malformed line
    changes nothing: the file may be half written.
    """

    def __init__(self, path: Path) -> None:
        """Raises BadSettings, which names the line."""
        self._path = path
        self._seen = _version(path)
        self._keys = read_keys(path)

    def find(self, key: str) -> Key | None:
        """None when it is unknown."""
        if (seen := _version(self._path)) != self._seen:
            self._seen = seen
            self._keys = self._read_again()
        # Looked up by digest, so that the time taken reveals nothing about the keys.
        return self._keys.get(digest(key))

    def _read_again(self) -> Mapping[str, Key]:
        try:
            return read_keys(self._path)
        except KeysUnreadable as error:
            log.warning("all API keys are refused", extra={"reason": str(error)})
            return {}
        except BadSettings as error:
            log.warning("the API keys stay as they were", extra={"reason": str(error)})
            return self._keys


class KeysUnreadable(BadSettings):
    """The file is not there, or not readable as text."""


def read_keys(path: Path) -> Mapping[str, Key]:
    """Digest -> key. Raises BadSettings."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KeysUnreadable(f"ASKD_API_KEYS_FILE: {path} cannot be read as UTF-8 text") from error
    keys = {}
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        found = _LINE.fullmatch(text)
        if not found:
            wanted = "must be NAME:SHA256 or NAME:SHA256:owner, as `askd keys new` writes it"
            raise BadSettings(f"ASKD_API_KEYS_FILE: {path}, line {number}: {wanted}")
        keys[found[2]] = Key(found[1], Role(found[3] or Role.CALLER))
    return keys


def add_key(path: Path, name: str, role: Role = Role.CALLER) -> str:
    """A new key, whose digest is in the file from now on. Raises BadSettings."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
        raise BadSettings(f"the name {name!r} must be 1–64 letters, digits, dots, dashes or underscores")
    if path.exists() and name in {key.name for key in read_keys(path).values()}:
        raise BadSettings(f"{path} has a key named {name} already")
    key = f"askd_{secrets.token_urlsafe(32)}"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    # Callers' lines are as they were before there were roles.
    line = f"{name}:{digest(key)}{':owner' if role is Role.OWNER else ''}\n"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as file:
        file.write(line if before.endswith("\n") or not before else f"\n{line}")
    return key


def digest(key: str) -> str:
    """Plain SHA-256 is enough: a key has 256 random bits, so brute force is hopeless."""
    return hashlib.sha256(key.encode()).hexdigest()


def _version(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
