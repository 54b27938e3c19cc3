"""The kinds of backends, and the defaults that depend on the kind of the model.

Which kind is selected is a property of its group in `app.settings.groups`.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

EmbedderBackend = Literal["onnx", "none"]
IndexBackend = Literal["elasticsearch", "embedded"]
ModelBackend = Literal["ollama", "llamacpp"]


class ModelDefaults(NamedTuple):
    model: str
    prompt_tokens: int
    answer_tokens: int


MODEL_DEFAULTS: Mapping[ModelBackend, ModelDefaults] = {
    "ollama": ModelDefaults("gemma:2b", prompt_tokens=1536, answer_tokens=256),
    "llamacpp": ModelDefaults("smollm2-135m-instruct", prompt_tokens=640, answer_tokens=128),
}
