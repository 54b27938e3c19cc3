"""What llama.cpp's server is asked. Pure."""

from collections.abc import Collection
from itertools import groupby
from os.path import commonprefix
from typing import Any

from app.models.base import Prompt

_GRAMMAR_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r"})


def completion(prompt: Prompt) -> tuple[str, dict[str, Any]]:
    """The path and the body."""
    body: dict[str, Any] = {
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,  # an event after each step: where a hang-up is noticed in a long prompt
        "cache_prompt": True,
        "temperature": 0,
        "max_tokens": prompt.max_answer_tokens,
    }
    if prompt.choices:
        # Held to words it would not choose, a model spells in smaller tokens; the choices are limit enough.
        body["max_tokens"] = 2 * prompt.max_answer_tokens
        body["grammar"] = f"root ::= {_grammar(prompt.choices)}"
    elif prompt.stop:
        body["stop"] = list(prompt.stop)
    if prompt.style.plain_text:
        return "/v1/completions", {**body, "prompt": prompt.messages[0].content}
    messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
    # Thoughts would use up the answer's tokens; templates that know none ignore the argument.
    return "/v1/chat/completions", {
        **body,
        "messages": messages,
        "chat_template_kwargs": {"enable_thinking": False},
    }


def _grammar(choices: Collection[str]) -> str:
    """One of the choices, common beginnings told once: each open alternative costs time at every token."""
    shared = commonprefix(list(choices))  # noqa: RUF071 (of texts, not of paths)
    rests = {choice[len(shared) :] for choice in choices}
    branches = [_grammar(list(group)) for _, group in groupby(sorted(rests - {""}), key=lambda rest: rest[0])]
    ending = f" ({' | '.join(branches)}){'?' if '' in rests else ''}" if branches else ""
    return f'"{shared.translate(_GRAMMAR_ESCAPES)}"{ending}'
