"""A random T5 of a fifth of a megabyte in CTranslate2's form, made without torch: its words mean nothing."""

from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from ctranslate2.specs import common_spec, transformer_spec
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

_WIDTH, _HEADS, _INNER, _LAYERS = 64, 4, 128, 2
_WORDS = ["the", "a", "course", "start", "date", "is", "in", "when", "do", "i", "get", "certificate", "yes"]
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,?![]"
_VOCABULARY = ["<pad>", "</s>", "<unk>", *(f"▁{word}" for word in _WORDS), *_LETTERS]
_RNG_SEED = 0


def make_tiny_t5(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    spec = transformer_spec.TransformerSpec.from_config(
        (_LAYERS, _LAYERS),
        _HEADS,
        pre_norm=True,
        activation=common_spec.Activation.GELUTanh,
        ffn_glu=True,
        relative_attention_bias=True,
        rms_norm=True,
    )
    _Random().fill(spec)
    spec.register_source_vocabulary(_VOCABULARY)
    spec.register_target_vocabulary(_VOCABULARY)
    spec.config.bos_token = spec.config.decoder_start_token = "<pad>"
    spec.config.eos_token, spec.config.unk_token = "</s>", "<unk>"
    spec.config.add_source_eos = False
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
    tokenizer = Tokenizer(
        models.Unigram([(token, -float(at)) for at, token in enumerate(_VOCABULARY)], 2, False)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.save(str(folder / "tokenizer.json"))
    ctranslate2.contains_model(str(folder))
    return folder


class _Random:
    def __init__(self) -> None:
        self._rng = np.random.default_rng(_RNG_SEED)
        self._embeddings = self._weights(len(_VOCABULARY), _WIDTH)
        self._bias = self._weights(32, _HEADS)

    def fill(self, spec: Any) -> None:
        self._stack(spec.encoder, decodes=False)
        self._stack(spec.decoder, decodes=True)
        spec.decoder.projection.weight = self._weights(len(_VOCABULARY), _WIDTH)

    def _weights(self, *shape: int) -> "np.typing.NDArray[np.float32]":
        return self._rng.standard_normal(shape).astype(np.float32) * np.float32(0.3)

    def _stack(self, stack: Any, *, decodes: bool) -> None:
        stack.layer_norm.gamma = np.ones(_WIDTH, np.float32)
        embeddings = stack.embeddings[0] if isinstance(stack.embeddings, list) else stack.embeddings
        embeddings.weight = self._embeddings
        stack.scale_embeddings = False
        for layer in stack.layer:
            self._attention(layer.self_attention, 3 * _WIDTH, _WIDTH)
            layer.self_attention.relative_attention_bias = self._bias
            layer.self_attention.relative_attention_max_distance = np.int32(128)
            if decodes:
                self._attention(layer.attention, _WIDTH, 2 * _WIDTH, _WIDTH)
            layer.ffn.linear_0.weight = self._weights(_INNER, _WIDTH)
            layer.ffn.linear_0_noact.weight = self._weights(_INNER, _WIDTH)
            layer.ffn.linear_1.weight = self._weights(_WIDTH, _INNER)
            layer.ffn.layer_norm.gamma = np.ones(_WIDTH, np.float32)

    def _attention(self, attention: Any, *outputs: int) -> None:
        for linear, output in zip(attention.linear, outputs, strict=True):
            linear.weight = self._weights(output, _WIDTH)
        attention.layer_norm.gamma = np.ones(_WIDTH, np.float32)
        attention.queries_scale = 1.0
