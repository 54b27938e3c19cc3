"""Names of what is shared, from which nothing can be read."""

import hashlib
import hmac
import json
from collections.abc import Sequence

_LABEL = b"askd shared keys 1"


class Keys:
    """HMACs. Their secret comes from the password of the server, which all replicas have and the server's
    files do not hold; without a password they hide nothing from who can guess the text."""

    def __init__(self, index: str, password: str | None) -> None:
        self._index = index
        self._secret = hmac.digest((password or "").encode(), _LABEL, hashlib.sha256)

    def of(self, kind: str, *parts: str | int | Sequence[Sequence[str]] | None) -> str:
        text = json.dumps([self._index, kind, *parts])
        return f"askd:{kind}:{hmac.digest(self._secret, text.encode(), hashlib.sha256).hex()}"
