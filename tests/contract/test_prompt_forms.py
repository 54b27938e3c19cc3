"""The exact text each kind of model reads, by its own metadata: templates of models that are not to be had
here are put on one that is, and rendered by the servers themselves."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import ollama
import pytest

from app.answering.prompt import INSTRUCTIONS, build_prompt
from app.domain import FaqEntry
from app.models.base import Prompt, PromptStyle
from app.models.llamacpp.server import ServerOptions, start
from app.models.ollama import profile as ollama_profile
from tests.support.chat_template import with_template
from tests.support.servers import MODEL

pytestmark = pytest.mark.anyio

ENTRY = FaqEntry("a", "c", "How do I stop?", "Press Ctrl-C.")
TOLD = "FAQ entries:\n\n[1] Q: How do I stop?\nA: Press Ctrl-C.\n\nQuestion: How to end it?"
TOGETHER = f"{INSTRUCTIONS}\n\n{TOLD}"


@dataclass(frozen=True)
class Form:
    """`architecture` as the real model's metadata names it, where askd reads that, too."""

    template: str | None  # None: its metadata hold none
    style: PromptStyle
    text: str
    architecture: str = "llama"


OLLAMA = {
    "gemma:2b": Form(
        "<start_of_turn>user\n{{ if .System }}{{ .System }} {{ end }}{{ .Prompt }}<end_of_turn>\n"
        "<start_of_turn>model\n{{ .Response }}<end_of_turn>\n",
        PromptStyle.CHAT_WITHOUT_SYSTEM,
        f"<start_of_turn>user\n{TOGETHER}<end_of_turn>\n<start_of_turn>model\n",
        "gemma",
    ),
    "phi3": Form(
        "{{ if .System }}<|system|>\n{{ .System }}<|end|>\n{{ end }}{{ if .Prompt }}<|user|>\n"
        "{{ .Prompt }}<|end|>\n{{ end }}<|assistant|>\n{{ .Response }}<|end|>\n",
        PromptStyle.CHAT,
        f"<|system|>\n{INSTRUCTIONS}<|end|>\n<|user|>\n{TOLD}<|end|>\n<|assistant|>\n",
    ),
    "phi, as Ollama has it": Form(
        "{{ if .System }}System: {{ .System }}{{ end }}\nUser: {{ .Prompt }}\nAssistant:{{ .Response }}",
        PromptStyle.CHAT,
        f"System: {INSTRUCTIONS}\nUser: {TOLD}\nAssistant:",
        "phi2",
    ),
    "Phi-2, as its authors taught it": Form(
        "Instruct: {{ .Prompt }}\nOutput: {{ .Response }}",
        PromptStyle.CHAT_WITHOUT_SYSTEM,
        f"Instruct: {TOGETHER}\nOutput: ",
        "phi2",
    ),
    "Phi-2 without a template": Form(
        "{{ .Prompt }}", PromptStyle.INSTRUCT, f"Instruct: {TOGETHER}\nOutput:", "phi2"
    ),
    "llama2": Form(
        "[INST] <<SYS>>{{ .System }}<</SYS>>\n\n{{ .Prompt }} [/INST]\n",
        PromptStyle.CHAT,
        f"[INST] <<SYS>>{INSTRUCTIONS}<</SYS>>\n\n{TOLD} [/INST]\n",
    ),
    "mistral, Instruct v0.1": Form(
        "[INST] {{ .Prompt }} [/INST]",
        PromptStyle.CHAT_WITHOUT_SYSTEM,
        f"[INST] {TOGETHER} [/INST]",
    ),
    "Mistral-7B-v0.1, a base model": Form("{{ .Prompt }}", PromptStyle.COMPLETION, f"{TOGETHER}\nAnswer:"),
}

JINJA = {
    "google/gemma-2b-it": Form(
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
        "{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}"
        "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}"
        "{% else %}{% set role = message['role'] %}{% endif %}"
        "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}",
        PromptStyle.CHAT_WITHOUT_SYSTEM,
        f"<start_of_turn>user\n{TOGETHER}<end_of_turn>\n<start_of_turn>model\n",
    ),
    "microsoft/Phi-3-mini-128k-instruct, its first releases": Form(
        "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') %}"
        "{{'<|user|>' + '\n' + message['content'] + '<|end|>' + '\n' + '<|assistant|>' + '\n'}}"
        "{% elif (message['role'] == 'assistant') %}{{message['content'] + '<|end|>' + '\n'}}{% endif %}"
        "{% endfor %}",
        PromptStyle.CHAT_WITHOUT_SYSTEM,
        f"<|user|>\n{TOGETHER}<|end|>\n<|assistant|>\n",
    ),
    "microsoft/Phi-3-mini-128k-instruct": Form(
        "{% for message in messages %}{% if message['role'] == 'system' %}"
        "{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}"
        "{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}"
        "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
        PromptStyle.CHAT,
        f"<|system|>\n{INSTRUCTIONS}<|end|>\n<|user|>\n{TOLD}<|end|>\n<|assistant|>\n",
    ),
    "meta-llama/Llama-2-7b-chat-hf": Form(
        "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
        "{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}"
        "{% set system_message = false %}{% endif %}{% for message in loop_messages %}"
        "{% if loop.index0 == 0 and system_message %}"
        "{% set content = '<<SYS>>\n' + system_message + '\n<</SYS>>\n\n' + message['content'] %}"
        "{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}"
        "{{ bos_token + '[INST] ' + content | trim + ' [/INST]' }}"
        "{% elif message['role'] == 'assistant' %}{{ ' ' + content | trim + ' ' + eos_token }}"
        "{% endif %}{% endfor %}",
        PromptStyle.CHAT,
        f"[INST] <<SYS>>\n{INSTRUCTIONS}\n<</SYS>>\n\n{TOLD} [/INST]",
    ),
    "mistralai/Mistral-7B-v0.1, a base model": Form(None, PromptStyle.COMPLETION, f"{TOGETHER}\nAnswer:"),
}


def messages(prompt: Prompt) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in prompt.messages]


@pytest.fixture
def tag(ollama_url: str) -> Iterator[str]:
    name = f"askd-test-{uuid4().hex[:8]}"
    yield name
    with ollama.Client(host=ollama_url, trust_env=False) as client:
        client.delete(name)


@pytest.mark.live
@pytest.mark.parametrize("form", [pytest.param(form, id=name) for name, form in OLLAMA.items()])
def test_ollama_sends_a_model_what_its_template_says(form: Form, ollama_url: str, tag: str) -> None:
    with ollama.Client(host=ollama_url, trust_env=False) as client:
        client.create(tag, from_=MODEL, template=form.template)
        shown = client.show(tag)
    assert shown.modelinfo
    shown.modelinfo["general.architecture"] = form.architecture
    style = ollama_profile.style(shown)
    prompt = build_prompt("How to end it?", {1: ENTRY}, style, 64)

    assert style is form.style
    assert (prompt.text if style.plain_text else _rendered(ollama_url, tag, prompt)) == form.text


def _rendered(url: str, tag: str, prompt: Prompt) -> str:
    """Ollama tells it instead of generating."""
    body = {"model": tag, "messages": messages(prompt), "stream": False, "_debug_render_only": True}
    told = httpx.post(f"{url}/api/chat", json=body, timeout=120, trust_env=False).raise_for_status().json()
    return str(told["_debug_info"]["rendered_template"])


@pytest.mark.parametrize("form", [pytest.param(form, id=name) for name, form in JINJA.items()])
async def test_llama_cpp_sends_a_model_what_its_template_says(form: Form, gguf: Path, tmp_path: Path) -> None:
    options = ServerOptions(num_ctx=512, num_batch=64, num_thread=1, seed=42)
    server = await start(with_template(gguf, form.template, tmp_path / "model.gguf"), options)
    try:
        prompt = build_prompt("How to end it?", {1: ENTRY}, server.style, 64)
        sent = json.dumps({"messages": messages(prompt)})
        rendered = prompt.text
        if not prompt.style.plain_text:
            told = await server.http.post("/apply-template", content=sent)
            rendered = told.raise_for_status().json()["prompt"]
    finally:
        await server.close()
        (tmp_path / "model.gguf").unlink()

    assert server.style is form.style
    assert rendered.removeprefix("<|im_start|>") == form.text  # the beginning of a text, of the model at hand


def test_a_t5_reads_one_instruction_with_one_entry() -> None:
    prompt = build_prompt("How to end it?", {1: ENTRY}, PromptStyle.SEQ2SEQ, 64)
    assert prompt.text == (
        "Answer the question from the FAQ entry.\n\n"
        "Q: How do I stop?\nA: Press Ctrl-C.\n\nQuestion: How to end it?\nAnswer:"
    )
