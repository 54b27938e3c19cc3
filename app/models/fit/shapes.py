"""What a model's metadata tell of the memory it takes. Pure; sizes in bytes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.models.gguf import Header

_F16 = 2
# llama.cpp knows by the architecture which layers look back a window only: all but every so manieth. The
# window that a file of another architecture names (Phi-3, Mistral) it ignores.
_WINDOW_PATTERN = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4}
_CELLS = 256  # llama.cpp keeps places for tokens in multiples of it


@dataclass(frozen=True, slots=True)
class Cache:
    """Keys and values of some layers."""

    layers: int
    token_bytes: int  # of one token in one layer
    window: int | None = None  # how many tokens it looks back; None: all

    def size(self, num_ctx: int, num_batch: int) -> int:
        """As llama.cpp takes it: beside a window there is room for the batch that is being read."""
        cells = num_ctx
        if self.window is not None:
            cells = min(num_ctx, math.ceil((self.window + num_batch) / _CELLS) * _CELLS)
        return self.layers * self.token_bytes * cells


@dataclass(frozen=True, slots=True)
class Shape:
    weights: int
    parameters: int | None
    caches: Sequence[Cache]
    embedding: int
    vocabulary: int
    context: int | None = None  # that it was trained for
    quantised: bool = False

    def kv_cache(self, num_ctx: int, num_batch: int) -> int:
        return sum(cache.size(num_ctx, num_batch) for cache in self.caches)


@dataclass(frozen=True, slots=True)
class Described:
    """A model that is not here, or is: what is known of it before it is loaded."""

    name: str
    shape: Shape
    licence: str | None = None
    gated: str | None = None  # "auto": the terms are accepted with a click, "manual": a person lets one in
    page: str | None = None  # where they are accepted


def of_gguf(header: Header, file_size: int) -> Shape:
    """Raises ValueError where the keys tell too little."""
    keys = _Keys(header.keys)
    heads = keys.numbers("attention.head_count")
    kv_heads = keys.numbers("attention.head_count_kv") or heads
    layers = keys.number("block_count")
    embedding = keys.number("embedding_length")
    head = embedding // max(heads or [1])
    token = _F16 * (keys.get("attention.key_length", head) + keys.get("attention.value_length", head))
    each = kv_heads * layers if len(kv_heads) == 1 else kv_heads
    window, pattern = keys.get("attention.sliding_window", 0), _WINDOW_PATTERN.get(keys.architecture, 1)
    caches = [
        Cache(1, heads_of * token, window if window and (at + 1) % pattern else None)
        for at, heads_of in enumerate(each)
        if heads_of
    ]
    tokens = header.keys.get("tokenizer.ggml.tokens", 0)
    return Shape(
        weights=file_size - header.size,
        parameters=header.parameters,
        caches=caches,
        embedding=embedding,
        vocabulary=tokens if isinstance(tokens, int) else len(tokens),
        context=keys.get("context_length", 0) or None,
        quantised=True,
    )


class _Keys:
    def __init__(self, keys: Mapping[str, Any]) -> None:
        self._keys = keys
        self.architecture = str(keys.get("general.architecture", ""))

    def number(self, name: str) -> int:
        value = self._keys.get(f"{self.architecture}.{name}")
        if not isinstance(value, int):
            raise ValueError(f"the metadata do not tell {self.architecture}.{name}")
        return value

    def get(self, name: str, default: int) -> int:
        value = self._keys.get(f"{self.architecture}.{name}")
        return value if isinstance(value, int) else default

    def numbers(self, name: str) -> list[int]:
        """One for all layers, or one each."""
        value = self._keys.get(f"{self.architecture}.{name}", [])
        return [value] if isinstance(value, int) else list(value)


def of_config(config: Mapping[str, Any], weights: int, parameters: int | None) -> Shape:
    """By the `config.json` of a hub repository. Raises ValueError where it tells too little."""
    config = config.get("text_config") or config
    try:
        return _encoder_decoder(config, weights, parameters) or _decoder(config, weights, parameters)
    except (KeyError, TypeError) as error:
        raise ValueError(f"its config.json does not tell {error}") from error


def _decoder(config: Mapping[str, Any], weights: int, parameters: int | None) -> Shape:
    layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
    head = config.get("head_dim") or config["hidden_size"] // heads
    token = 2 * _F16 * head * (config.get("num_key_value_heads") or heads)
    window = config.get("sliding_window") if config.get("use_sliding_window", True) else None
    kinds = config.get("layer_types") or _kinds(config, layers, window)
    caches = [
        Cache(kinds.count("full_attention"), token),
        Cache(kinds.count("sliding_attention"), token, window),
    ]
    return Shape(
        weights,
        parameters,
        [cache for cache in caches if cache.layers],
        config["hidden_size"],
        config["vocab_size"],
        config.get("max_position_embeddings"),
    )


def _kinds(config: Mapping[str, Any], layers: int, window: int | None) -> list[str]:
    """Of models older than `layer_types`."""
    pattern = _WINDOW_PATTERN.get(config.get("model_type", "").removesuffix("_text"), 1)
    windowed = [window is not None and (pattern == 1 or (at + 1) % pattern != 0) for at in range(layers)]
    return ["sliding_attention" if each else "full_attention" for each in windowed]


def _encoder_decoder(config: Mapping[str, Any], weights: int, parameters: int | None) -> Shape | None:
    """T5: what is written is kept as by others, and what was read once more in each of its layers."""
    if not config.get("is_encoder_decoder"):
        return None
    layers = config.get("num_decoder_layers") or config["num_layers"]
    cache = Cache(2 * layers, 2 * _F16 * config["num_heads"] * config["d_kv"])
    context = config.get("n_positions")
    return Shape(weights, parameters, [cache], config["d_model"], config["vocab_size"], context)
