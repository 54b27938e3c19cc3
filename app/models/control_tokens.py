"""Control tokens: texts by which chat templates end one turn and begin another. Pure.

A tokenizer reads them as such wherever they stand, so a question or a FAQ entry that holds one could pretend
to be somebody else's turn. They are broken up with a space, after which they are ordinary text.
"""

import re
from functools import lru_cache

# Of all known families of models, for runtimes that do not tell their tokenizer's own. What people write in
# FAQs, too, is not among them: <div>, [1], [OPTIONS].
_FAMILIES = (
    r"<\|[^<>|\s]{1,40}\|?>|<[^<>|\s]{1,40}\|>"  # ChatML, Llama 3, Phi, Command R, GPT-OSS, Gemma 4
    r"|<\uff5c[^<>\uff5c\s]{1,40}\uff5c>"  # DeepSeek, with full-width bars
    r"|\[\|[^\[\]|\s]{1,40}\|\]"  # EXAONE
    r"|</?s>|<(?:bos|eos|pad|unk|sop|eop|eod|eoh|eoa)>|<(?:BOS|EOS|PAD)_TOKEN>|<end_of_text>"
    r"|</?(?:start|end)_of_[a-z]{1,20}>|<(?:image|audio)_soft_token>"  # Gemma
    r"|<(?:unused|extra_id_|extra_|reserved_|SPECIAL_)\d{1,4}>"  # Gemma, T5, Baichuan, Mistral
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CONTENT|MODEL_SETTINGS|THINK)\]"  # Mistral
    r"|\[(?:TOOL_CALLS|CALL_ID|IMG_BREAK|IMG_END|BEGIN_AUDIO|gMASK|sMASK)\]|\[UNUSED_TOKEN_\d{1,4}\]"
    r"|<</?SYS>>"  # Llama 2
    r"|</?think>|</?tool_(?:calls?|response)>|<fim_(?:prefix|middle|suffix|pad)>"
    r"|\[img-\d{1,4}\]"  # Ollama's place of an image
)
_IN_TEMPLATES = re.compile(r"</?[^<>/\s][^<>\s]{0,60}>|\[/?[A-Z_]{3,40}\]")


def broken_up(text: str, own: tuple[str, ...] = ()) -> str:
    """The text without control tokens: those of all families, and `own`, the model's."""
    return _pattern(own).sub(r"\1 ", text)


def unknown(tokens: set[str]) -> tuple[str, ...]:
    """Those of a model's control tokens that `broken_up` does not know yet."""
    return tuple(sorted(token for token in tokens if len(token) > 1 and broken_up(token) == token))


def of_template(template: str) -> tuple[str, ...]:
    """What looks like a model's own control tokens in its chat template."""
    return unknown(set(_IN_TEMPLATES.findall(template)))


@lru_cache(maxsize=8)
def _pattern(own: tuple[str, ...]) -> re.Pattern[str]:
    # It looks ahead and takes but one character, so that of two tokens that overlap both are found.
    alternatives = "|".join([_FAMILIES, *map(re.escape, own)])
    return re.compile(f"(?=(?:{alternatives}))(.)", re.DOTALL)
