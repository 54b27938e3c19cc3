"""What a GGUF file says of its tokenizer, in so far as llama.cpp's server does not tell it."""

from dataclasses import dataclass
from pathlib import Path

from app.models.control_tokens import unknown
from app.models.gguf import read_file

_TOKENS, _KINDS = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
_UNKNOWN_TOKEN, _CONTROL_TOKEN = 2, 3  # kinds


@dataclass(frozen=True, slots=True)
class Tokenizer:
    architecture: str
    has_template: bool  # llama.cpp gives a model without a chat template one of its own
    control_tokens: tuple[str, ...]  # as ModelProfile.control_tokens


def read_tokenizer(path: Path) -> Tokenizer:
    """Raises OSError or ValueError."""
    keys = read_file(path, {_TOKENS, _KINDS}).keys
    kinds = zip(keys.get(_TOKENS, ()), keys.get(_KINDS, ()), strict=False)
    control = {token for token, kind in kinds if kind in (_UNKNOWN_TOKEN, _CONTROL_TOKEN)}
    architecture = str(keys.get("general.architecture", ""))
    return Tokenizer(architecture, "tokenizer.chat_template" in keys, unknown(control))
