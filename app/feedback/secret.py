"""The secret of an installation, which signs the tokens of its answers."""

import logging
import os
import secrets
from pathlib import Path
from tempfile import mkstemp

log = logging.getLogger(__name__)

_BYTES = 32


def installation_secret(file: Path) -> bytes:
    """From the file, which is made where it is not there yet.

    Where it cannot be made the secret lasts as long as this process: feedback on earlier answers is refused.
    """
    try:
        return _known(file) or _made(file)
    except OSError as error:
        log.warning(
            "feedback tokens are valid until askd stops: their secret cannot be kept",
            extra={"file": file.name, "reason": error.strerror},
        )
        return secrets.token_bytes(_BYTES)


def _known(file: Path) -> bytes | None:
    try:
        return bytes.fromhex(file.read_text(encoding="ascii")) or None
    except (FileNotFoundError, ValueError):
        return None


def _made(file: Path) -> bytes:
    """Whole from its first moment: of several workers that start at the same time the first one counts."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = mkstemp(dir=file.parent)  # readable by its owner only
    try:
        with os.fdopen(descriptor, "w") as writing:
            writing.write(secrets.token_hex(_BYTES))
        try:
            os.link(temporary, file)
        except FileExistsError:
            if _known(file) is None:  # damaged
                Path(temporary).replace(file)
    finally:
        Path(temporary).unlink(missing_ok=True)
    if known := _known(file):
        return known
    raise OSError(0, "the file of the secret is damaged")
