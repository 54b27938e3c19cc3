"""What Ollama's metadata says of a model. Pure."""

import re

from ollama import ShowResponse

from app.models.base import PromptStyle, without_template
from app.models.control_tokens import of_template

# Their chat templates know two roles, user and model; what is said as system ends up in the user's turn.
_WITHOUT_SYSTEM = {"gemma", "gemma2", "gemma3", "gemma3n"}
_BARE_TEMPLATE = re.compile(r"\s*(\{\{-?\s*\.Prompt\s*-?\}\})?\s*")
# Go templates say `.System` or print `.Role`, Jinja templates name the role or print `message.role`.
_SYSTEM_ROLE = re.compile(
    r"\.System\b|['\"]system['\"]|\{\{-?\s*\.Role\b|\+\s*message(\.role|\[['\"]role['\"]\])"
)
_REFUSES_SYSTEM = re.compile(r"raise_exception\([^)]*system", re.IGNORECASE)
# Such models are rendered by code in Ollama, and their template is bare although they chat.
_RENDERED = re.compile("^RENDERER ", re.MULTILINE)


def full_name(model: str) -> str:
    """As Ollama lists it: without the default registry and library, with a tag."""
    name = model.casefold().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def check(shown: ShowResponse) -> None:
    """Raises ValueError when this describes no model: it must not pass for a base model."""
    if not (shown.details or shown.modelinfo or shown.modelfile or shown.template):
        raise ValueError("no metadata of a model")


def style(shown: ShowResponse) -> PromptStyle:
    template = shown.template or ""
    if _architecture(shown) in _WITHOUT_SYSTEM and not _BARE_TEMPLATE.fullmatch(template):
        return PromptStyle.CHAT_WITHOUT_SYSTEM
    if _RENDERED.search(shown.modelfile or ""):
        return PromptStyle.CHAT
    if _BARE_TEMPLATE.fullmatch(template):
        return without_template(_architecture(shown))
    if _SYSTEM_ROLE.search(template) and not _REFUSES_SYSTEM.search(template):
        return PromptStyle.CHAT
    return PromptStyle.CHAT_WITHOUT_SYSTEM


def context_tokens(shown: ShowResponse, num_ctx: int) -> int:
    """The window in force: Ollama gives no model more than it was trained for."""
    return min(num_ctx, _number(shown, f"{_architecture(shown)}.context_length") or num_ctx)


def parameters(shown: ShowResponse) -> int | None:
    return _number(shown, "general.parameter_count")


def _architecture(shown: ShowResponse) -> str:
    return str((shown.modelinfo or {}).get("general.architecture", ""))


def _number(shown: ShowResponse, key: str) -> int | None:
    value = (shown.modelinfo or {}).get(key)
    return int(value) if isinstance(value, int | float) else None


def control_tokens(shown: ShowResponse) -> tuple[str, ...]:
    return of_template(shown.template or "")
