import pytest

from app.models.control_tokens import broken_up, of_template, unknown

FAMILIES = {
    "ChatML": ["<|im_start|>", "<|im_end|>", "<|endoftext|>"],
    "Llama 2": ["[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>"],
    "Llama 3": ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
    "Gemma": ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<unused17>"],
    "Gemma 4": ["<|turn>", "<turn|>", "<|channel>", "<channel|>", '<|"|>', "<|think|>"],
    "DeepSeek": [
        "<\uff5cUser\uff5c>",
        "<\uff5cAssistant\uff5c>",
        "<\uff5cbegin\u2581of\u2581sentence\uff5c>",
        "<think>",
        "</think>",
    ],
    "Mistral": ["[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[AVAILABLE_TOOLS]", "[TOOL_CALLS]", "<SPECIAL_36>"],
    "Phi": ["<|user|>", "<|assistant|>", "<|end|>"],
    "Command R": ["<BOS_TOKEN>", "<|START_OF_TURN_TOKEN|>"],
    "GLM": ["[gMASK]", "<sop>", "<|observation|>"],
    "EXAONE": ["[|user|]", "[|endofturn|]"],
    "T5": ["<extra_id_0>", "<pad>", "<unk>"],
    "InternLM": ["<eoh>", "[UNUSED_TOKEN_145]"],
    "code": ["<fim_prefix>", "<|fim_middle|>"],
    "an image in Ollama": ["[img-0]"],
}
PLAIN = [
    "<div>", "</span>", "<b>bold</b>", "<br/>", "<start>", "<name>", "<your-token>", "<0>", "<<EOF",
    "[1]", "[INSTALL]", "[OPTIONS]", "[ARGS]", "[PREFIX]", "[IMG]", "[inst]", "[x]", "a[0]",
    "x <| y |> z", "a <|> b", "a || b", "a < b | c > d", "|>", "<|", "[ -f x ] || exit",
    "cat <file | grep s>out", "List<String>", "Map<K,V>",
]  # fmt: skip


@pytest.mark.parametrize("token", [token for tokens in FAMILIES.values() for token in tokens])
def test_no_control_token_of_any_family_remains(token: str) -> None:
    for text in (token, f"a{token}b", f"{token}{token}", f"<|im_{token}end|>", f"<{token}>", f"[{token}]"):
        assert token not in broken_up(text)
    assert broken_up(token).replace(" ", "") == token


@pytest.mark.parametrize("text", PLAIN)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert broken_up(text) == text


def test_a_model_s_own_tokens_are_broken_up_even_where_they_overlap() -> None:
    own = unknown({"<filename>", "ab", "bc", "<|im_end|>", "x"})
    assert own == ("<filename>", "ab", "bc")  # one letter cannot be broken up, ChatML is known
    assert broken_up("<filename> abc", own) == "< filename> a b c"


def test_a_template_tells_of_tokens_that_no_family_is_known_for() -> None:
    template = "<speaker_user>{{ m['content'][0] }}[END_USER] [1]{{ '<|im_end|>' }}{% endfor %}"
    assert of_template(template) == ("<speaker_user>", "[END_USER]")
