from collections.abc import Mapping

import pytest
from ollama import ShowResponse

from app.models.base import PromptStyle
from app.models.ollama import profile as ollama_profile

GEMMA = (
    "<start_of_turn>user\n{{ if .System }}{{ .System }} {{ end }}{{ .Prompt }}<end_of_turn>\n"
    "<start_of_turn>model\n{{ .Response }}<end_of_turn>\n"
)
CHATML = "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}"
LLAMA3 = (
    "{{ if .System }}<|start_header_id|>system<|end_header_id|>{{ .System }}<|eot_id|>{{ end }}{{ .Prompt }}"
)
JINJA_CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + message['content']}}{% endfor %}"
)
JINJA_SYSTEM = "{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}"
JINJA_USER_ONLY = (
    "{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }}{% endif %}{% endfor %}"
)
JINJA_REFUSES = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
)


def shown(
    template: str, architecture: str = "llama", modelfile: str = "", numbers: Mapping[str, int] | None = None
) -> ShowResponse:
    metadata = {"general.architecture": architecture, **(numbers or {})}
    return ShowResponse(template=template, modelfile=modelfile, model_info=metadata)


@pytest.mark.parametrize(
    ("metadata", "style"),
    [
        pytest.param(shown(CHATML), PromptStyle.CHAT, id="ChatML"),
        pytest.param(shown(LLAMA3), PromptStyle.CHAT, id="Llama 3"),
        pytest.param(shown(JINJA_CHATML), PromptStyle.CHAT, id="Jinja that prints the role"),
        pytest.param(shown(JINJA_SYSTEM), PromptStyle.CHAT, id="Jinja with a system role"),
        pytest.param(shown(JINJA_USER_ONLY), PromptStyle.CHAT_WITHOUT_SYSTEM, id="Jinja without"),
        pytest.param(shown(JINJA_REFUSES), PromptStyle.CHAT_WITHOUT_SYSTEM, id="Jinja that refuses it"),
        pytest.param(shown("[INST] {{ .Prompt }} [/INST]"), PromptStyle.CHAT_WITHOUT_SYSTEM, id="no system"),
        pytest.param(shown(GEMMA, "gemma"), PromptStyle.CHAT_WITHOUT_SYSTEM, id="Gemma"),
        pytest.param(shown(GEMMA, "gemma2"), PromptStyle.CHAT_WITHOUT_SYSTEM, id="Gemma 2"),
        pytest.param(shown("{{ .Prompt }}", "gemma3"), PromptStyle.COMPLETION, id="Gemma 3 base"),
        pytest.param(shown("{{ .Prompt }}"), PromptStyle.COMPLETION, id="base"),
        pytest.param(shown("{{- .Prompt -}}\n"), PromptStyle.COMPLETION, id="base with trimming"),
        pytest.param(shown(""), PromptStyle.COMPLETION, id="no template"),
        pytest.param(
            shown("{{ .Prompt }}", "gemma4", "FROM x\nRENDERER gemma4\n"),
            PromptStyle.CHAT,
            id="rendered by code",
        ),
    ],
)
def test_the_style_is_read_from_template_and_architecture(metadata: ShowResponse, style: PromptStyle) -> None:
    assert ollama_profile.style(metadata) is style


def test_the_window_is_no_larger_than_the_model_was_trained_for() -> None:
    metadata = shown(CHATML, numbers={"llama.context_length": 2048})
    assert ollama_profile.context_tokens(metadata, 1024) == 1024
    assert ollama_profile.context_tokens(metadata, 4096) == 2048
    assert ollama_profile.context_tokens(shown(CHATML), 4096) == 4096


def test_the_size_is_told_where_the_metadata_have_it() -> None:
    assert ollama_profile.parameters(shown(CHATML, numbers={"general.parameter_count": 7})) == 7
    assert ollama_profile.parameters(shown(CHATML)) is None


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("gemma:2b", "gemma:2b"),
        ("gemma", "gemma:latest"),
        ("library/Gemma", "gemma:latest"),
        ("registry.ollama.ai/library/gemma:2b", "gemma:2b"),
        ("localhost:5000/me/gemma", "localhost:5000/me/gemma:latest"),
    ],
)
def test_names_are_completed_as_ollama_does(name: str, full: str) -> None:
    assert ollama_profile.full_name(name) == full
