"""The port of language models, and what they are sent and say."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from app.domain import Usage


class PromptStyle(StrEnum):
    """How a model wants to be addressed, as its own metadata says."""

    CHAT = "chat"  # a chat template with a system role
    CHAT_WITHOUT_SYSTEM = "chat-without-system"  # gemma: instructions go into the user's turn
    COMPLETION = "completion"  # a base model: plain text to be continued
    INSTRUCT = "instruct"  # Phi-2: plain text, too, but taught as "Instruct: … Output:"
    SEQ2SEQ = "seq2seq"  # T5: one short instruction with one text, no roles, no marks to be set

    @property
    def plain_text(self) -> bool:
        """No chat template is to be put around the one message."""
        return self in (PromptStyle.COMPLETION, PromptStyle.INSTRUCT)


def without_template(architecture: str) -> PromptStyle:
    """How a model whose metadata holds no chat template is addressed."""
    return PromptStyle.INSTRUCT if architecture == "phi2" else PromptStyle.COMPLETION


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What the prompt has to know of a model."""

    name: str  # as the user asked for it: an Ollama tag, a known name or a file's name
    digest: str  # distinguishes two builds of the same name
    style: PromptStyle
    context_tokens: int  # the window in force, prompt and answer together
    parameters: int | None = None  # how many weights it has; None: its metadata does not say
    # Control tokens from its metadata that app.models.control_tokens does not list.
    control_tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """Where the model is now; sizes in bytes, None when unknown or not loaded."""

    name: str
    present: bool
    loaded: bool
    size_bytes: int | None = None
    gpu_bytes: int | None = None
    servers: Mapping[str, str | None] = field(default_factory=dict)  # of several: what is wrong with each

    @property
    def memory(self) -> Literal["gpu", "cpu", "gpu and cpu"] | None:
        """Where it is loaded; None when it is not, or its runtime does not say."""
        if self.size_bytes is None or self.gpu_bytes is None:
            return None
        if not self.gpu_bytes:
            return "cpu"
        return "gpu" if self.gpu_bytes >= self.size_bytes else "gpu and cpu"


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user"]
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is sent. Where the style is plain text it is one message, to be continued as it is."""

    style: PromptStyle
    messages: Sequence[Message]
    max_answer_tokens: int
    choices: Sequence[str] = ()  # not empty: the reply must be one of these, word for word
    stop: Sequence[str] = ()  # the reply ends before any of these

    @property
    def text(self) -> str:
        """Of all messages."""
        return "".join(message.content for message in self.messages)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the model's reply. The last one carries `usage`, and `cut` when the token limit ended it."""

    text: str
    usage: Usage | None = None
    cut: bool = False


class LanguageModel(Protocol):
    """A local model. `generate` may be called before `load`: it loads first."""

    async def load(self) -> None:
        """Bring the model into memory. Raises ModelUnavailable, ModelMissing or ModelTimeout."""
        ...

    async def profile(self) -> ModelProfile:
        """Raises ModelUnavailable, ModelMissing or ModelTimeout."""
        ...

    async def status(self) -> ModelStatus:
        """Where the model is now. Raises ModelUnavailable when its runtime does not answer."""
        ...

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        """Tokens of each text: exact where the tokenizer is at hand, else an estimate on the safe side.

        Raises ModelUnavailable, ModelMissing or ModelTimeout.
        """
        ...

    def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        """The reply, piece by piece; the last chunk carries the usage. Closing it stops the model.

        The first chunk comes when the model begins to write, with or without text: until then the generation
        may be sent to another server.

        Raises ModelUnavailable, ModelMissing, ModelTimeout, or PromptTooLong before the first chunk:
        a prompt is never cut.
        """
        ...
