"""How freely a model may write: by its size, unless the settings say it. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from app.answering.checks.verification import ORDINARY, STRICT

# A model with fewer weights invents more than it repeats (docs/decisions.md): it only chooses sentences.
QUOTES_BELOW = 1_000_000_000
STRICT_BELOW = 3_000_000_000

WritingSetting = Literal["auto", "quote", "free"]


class Manner(StrEnum):
    QUOTE = "quote"  # it chooses how many of the best entry's sentences are the answer
    STRICT = "strict"  # its own words, under the strict check
    FREE = "free"  # its own words, under the ordinary check


@dataclass(frozen=True, slots=True)
class WritingManner:
    manner: Manner
    reason: str

    def __str__(self) -> str:
        return f"{self.manner}: {self.reason}"

    @property
    def least_coverage(self) -> float:
        """Share of a sentence's content that its entry has to hold."""
        return STRICT if self.manner is Manner.STRICT else ORDINARY


def writing_manner(setting: WritingSetting, parameters: int | None) -> WritingManner:
    """What a model with this number of parameters (None: its metadata does not say) may do."""
    size = "of unknown size" if parameters is None else f"with {_short(parameters)} parameters"
    small = parameters is None or parameters < STRICT_BELOW
    if setting == "quote" or (setting == "auto" and parameters is not None and parameters < QUOTES_BELOW):
        asked = "ASKD_WRITING=quote" if setting == "quote" else f"a model {size}, under 1 billion"
        return WritingManner(Manner.QUOTE, f"{asked}: it chooses sentences of the best entry")
    asked = "ASKD_WRITING=free, " if setting == "free" else ""
    if small:
        return WritingManner(Manner.STRICT, f"{asked}a model {size}: its own words, strictly checked")
    return WritingManner(Manner.FREE, f"{asked}a model {size}: its own words, checked")


def _short(parameters: int) -> str:
    return f"{parameters / 1e9:.1f} billion" if parameters >= 1e9 else f"{parameters / 1e6:.0f} million"
