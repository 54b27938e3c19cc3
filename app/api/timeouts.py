"""The request timeout: settings, and the header X-Request-Timeout, in seconds."""

import re
from dataclasses import dataclass

from fastapi.exceptions import RequestValidationError

from app.traffic.deadline import Deadline

HEADER = "X-Request-Timeout"
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")  # Python's float takes 1_0, inf and 1e400, too


@dataclass(frozen=True, slots=True)
class RequestTimeouts:
    default: float  # seconds
    most: float

    def deadline(self, wanted: str | None) -> Deadline:
        """Longer than `most` means `most`. Raises RequestValidationError for an invalid header."""
        if wanted is None:
            return Deadline.after(min(self.default, self.most))
        seconds = float(wanted) if _NUMBER.fullmatch(wanted) else 0.0
        if not seconds > 0:
            message = "must be a number of seconds greater than 0, such as 30 or 2.5"
            raise RequestValidationError([{"type": "header", "loc": ("header", HEADER), "msg": message}])
        return Deadline.after(min(seconds, self.most))
