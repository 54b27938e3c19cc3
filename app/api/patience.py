"""How long a caller waits for an answer: the header X-Request-Timeout, in seconds."""

import math
from dataclasses import dataclass

from fastapi.exceptions import RequestValidationError

from app.deadline import Deadline

HEADER = "X-Request-Timeout"


@dataclass(frozen=True, slots=True)
class Patience:
    default: float  # seconds
    most: float

    def deadline(self, wanted: str | None) -> Deadline:
        """Raises RequestValidationError when the header makes no sense; more than `most` is that much."""
        if wanted is None:
            return Deadline.after(min(self.default, self.most))
        try:
            seconds = float(wanted)
        except ValueError:
            seconds = math.nan
        if not seconds > 0:  # nan, too
            message = "must be a number of seconds greater than 0"
            raise RequestValidationError([{"type": "header", "loc": ("header", HEADER), "msg": message}])
        return Deadline.after(min(seconds, self.most))
