"""What Ollama is asked. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.models.base import Prompt


@dataclass(frozen=True, slots=True)
class Runner:
    """How Ollama is to run a model: the same in every request, or else it loads the model anew.

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


def generation(runner: Runner, model: str, prompt: Prompt) -> Mapping[str, Any]:
    """The arguments that all styles of prompts share."""
    if prompt.choices:
        # Ollama can be held to JSON only. Its escapes take tokens, too, and the choices are limit enough.
        arguments = runner.arguments(model, num_predict=2 * prompt.max_answer_tokens)
        return arguments | {"format": {"type": "string", "enum": list(prompt.choices)}}
    if prompt.stop:
        return runner.arguments(model, num_predict=prompt.max_answer_tokens, stop=list(prompt.stop))
    # No empty `stop`: it would take the place of the model's own.
    return runner.arguments(model, num_predict=prompt.max_answer_tokens)


def _keep_alive(text: str) -> str | int:
    """Ollama takes a number without a unit only as a number."""
    try:
        return int(text)
    except ValueError:
        return text
