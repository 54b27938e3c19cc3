"""What Ollama is asked, and in which form. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.models.base import Prompt, PromptStyle


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

    def body(self, model: str, **options: object) -> dict[str, object]:
        same = {"num_ctx": self.num_ctx, "num_batch": self.num_batch, "seed": self.seed, "temperature": 0}
        if self.num_thread:
            same["num_thread"] = self.num_thread
        return {
            "model": model,
            "stream": True,
            "truncate": False,  # a prompt that is too long is refused, not cut in silence
            "think": False,  # thoughts would use up the answer's tokens
            "keep_alive": _keep_alive(self.keep_alive),
            "options": {**same, **options},
        }


def loading(runner: Runner, model: str) -> dict[str, object]:
    """For /api/chat: without messages Ollama only loads the model."""
    return runner.body(model) | {"messages": []}


def generation(runner: Runner, model: str, prompt: Prompt) -> tuple[str, Mapping[str, object]]:
    """The path and the body."""
    if prompt.choices:
        # Ollama can be held to JSON only. Its escapes take tokens, too, and the choices are limit enough.
        body = runner.body(model, num_predict=2 * prompt.max_answer_tokens)
        body["format"] = {"type": "string", "enum": list(prompt.choices)}
    elif prompt.stop:
        body = runner.body(model, num_predict=prompt.max_answer_tokens, stop=list(prompt.stop))
    else:
        # No empty `stop`: it would take the place of the model's own.
        body = runner.body(model, num_predict=prompt.max_answer_tokens)
    if prompt.style is PromptStyle.COMPLETION:
        # /api/chat would put the text of a base model into a template it was never taught.
        return "/api/generate", body | {"raw": True, "prompt": prompt.messages[0].content}
    messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
    return "/api/chat", body | {"messages": messages}


def _keep_alive(text: str) -> str | int:
    """Ollama takes a number without a unit only as a number."""
    try:
        return int(text)
    except ValueError:
        return text
