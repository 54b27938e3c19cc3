"""How long a generation takes, estimated from the last ones."""

import math
from collections import deque

_REMEMBERED = 8  # generations: an answer takes as long as those just before it, not as those of an hour ago
_FOR_DEVIATION = 4  # generations it takes to estimate how far they spread


class ServiceTime:
    """The trimmed mean of the last generations that ended, in seconds."""

    def __init__(self) -> None:
        self.mean = 0.0  # 0: not known yet
        self._last: deque[float] = deque(maxlen=_REMEMBERED)
        self._deviation = 0.0  # standard

    def learn(self, seconds: float) -> None:
        self._last.append(seconds)
        enough = len(self._last) >= _FOR_DEVIATION
        # Without the extremes: a generation that hung, or had to load the model, says nothing of the next.
        usual = sorted(self._last)[1:-1] if enough else self._last
        self.mean = sum(usual) / len(usual)
        squares = sum((each - self.mean) ** 2 for each in usual)
        self._deviation = math.sqrt(squares / len(usual)) if enough else self.mean / 4

    def spread(self, generations: float) -> float:
        """How far so many, one after the other, may deviate from their mean: two standard errors, of the
        generations to come and of the mean itself."""
        known = max(len(self._last), 1)
        return 2 * self._deviation * math.sqrt(generations + generations**2 / known)
