"""The kinds of backends, and the defaults that depend on the kind of the model.

Which kind is selected is a property of its group in `app.settings.groups`.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

EmbedderBackend = Literal["onnx", "none"]
IndexBackend = Literal["elasticsearch", "embedded"]
ModelBackend = Literal["ollama", "openai", "t5", "embedded"]  # also the prefixes of ASKD_MODEL


class ModelDefaults(NamedTuple):
    model: str | None  # None: it has to be named
    prompt_tokens: int
    answer_tokens: int
    several_slots: bool = True


MODEL_DEFAULTS: Mapping[ModelBackend, ModelDefaults] = {
    "ollama": ModelDefaults("gemma:2b", prompt_tokens=1536, answer_tokens=256),
    "openai": ModelDefaults(None, prompt_tokens=1536, answer_tokens=256),
    "t5": ModelDefaults(None, prompt_tokens=384, answer_tokens=128, several_slots=False),
    "embedded": ModelDefaults(
        "smollm2-135m-instruct", prompt_tokens=640, answer_tokens=128, several_slots=False
    ),
}


def backend_named(model: str | None) -> tuple[ModelBackend | None, str | None]:
    """`ollama:gemma:2b` is Ollama's `gemma:2b`; a name without one of these prefixes names no backend."""
    for backend in MODEL_DEFAULTS:
        if model and model.startswith(f"{backend}:"):
            return backend, model.removeprefix(f"{backend}:") or None
    return None, model
