"""How Ollama is to run a model."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Runner:
    """The same in every request, or else Ollama reloads the model.

    `keep_alive` as in Ollama's own settings: "5m", "-1" for ever; a number alone is seconds.
    """

    num_ctx: int
    num_batch: int
    num_thread: int | None
    seed: int
    keep_alive: str

    def arguments(self, model: str, **options: object) -> dict[str, Any]:
        """Of the client's `chat` and `generate`."""
        same = {"num_ctx": self.num_ctx, "num_batch": self.num_batch, "seed": self.seed, "temperature": 0}
        if self.num_thread:
            same["num_thread"] = self.num_thread
        return {
            "model": model,
            "think": False,  # thoughts would use up the answer's tokens
            "keep_alive": _keep_alive(self.keep_alive),
            "options": {**same, **options},
        }


def _keep_alive(text: str) -> str | int:
    """Ollama takes a number without a unit only as a number."""
    try:
        return int(text)
    except ValueError:
        return text
