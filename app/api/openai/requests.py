"""What clients of OpenAI's API send, as far as askd needs it; whatever else they send is ignored."""

from functools import cached_property
from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
)

from app.api.openai.chores import done_chore, question_in
from app.api.openai.models import collection_of
from app.api.questions import LONGEST_TURN, MOST_TURNS, Limit, QuestionText, limit_of
from app.domain import Mode, Question, Turn

_QUESTION = TypeAdapter(QuestionText)


def _utf8(text: str) -> str:
    """JSON may escape half a character, which no reply could send back."""
    text.encode()
    return text


Utf8 = Annotated[str, AfterValidator(_utf8)]


class TextPart(BaseModel):
    type: Literal["text", "input_text"]
    text: Utf8


class OtherPart(BaseModel):
    """An image, a file or a sound: no FAQ is asked with it."""

    type: str


def _kind(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else getattr(part, "type", None)
    return "text" if kind in ("text", "input_text") else "other"


Part = Annotated[Annotated[TextPart, Tag("text")] | Annotated[OtherPart, Tag("other")], Discriminator(_kind)]


class ChatMessage(BaseModel):
    role: str
    content: Utf8 | list[Part] | None = None

    def text(self) -> str:
        """Raises RequestValidationError where it is not text."""
        if isinstance(self.content, list) and any(isinstance(part, OtherPart) for part in self.content):
            raise _invalid("messages", "unsupported content: askd reads text alone, not images or files")
        return self._words()

    def turn(self) -> Turn | None:
        """As a turn of the conversation before a question; None where it says nothing that matters to one."""
        said = self._words()[:LONGEST_TURN]
        if not said or done_chore(said) is not None:
            return None
        match self.role:
            case "user":
                return Turn("user", question_in(said))
            case "assistant":
                return Turn("assistant", said)
        return None

    def _words(self) -> str:
        if not isinstance(self.content, list):
            return self.content or ""
        return "\n".join(part.text for part in self.content if isinstance(part, TextPart))


class StreamOptions(BaseModel):
    include_usage: bool | None = False


class AskdOptions(BaseModel):
    """What OpenAI's API has no field for; `extra_body` of its Python client sends it."""

    model_config = ConfigDict(extra="forbid")
    limit: Limit = None
    mode: Mode | None = None


class ChatRequest(BaseModel):
    """`model` chooses the collection: `askd` is all of the FAQ, `askd/NAME` one collection of it."""

    model: Utf8 = Field("askd", description="an id of GET /v1/models")
    messages: Annotated[list[ChatMessage], Field(min_length=1)] = Field(
        description="the last one of role `user` is the question, those before it complete it; system "
        "messages do not rank above the FAQ"
    )
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = Field(1, description="only 1")
    askd: AskdOptions | None = Field(None, description="what only askd knows: `limit`, `mode`")

    @property
    def usage_wanted(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    @cached_property
    def chore(self) -> str | None:
        """The reply where the client asks for something for itself, such as a title; None for a question."""
        asked = self._asked()
        return done_chore(asked) if asked else None

    def _asked(self) -> str | None:
        """The text of the last message of the user."""
        at = self._place()
        return None if at is None else self.messages[at].text()

    def _place(self) -> int | None:
        """Of the last message of the user."""
        places = (at for at in reversed(range(len(self.messages))) if self.messages[at].role == "user")
        return next(places, None)

    def _history(self) -> tuple[Turn, ...]:
        """What was said before the question, as far as it counts."""
        turns = [turn for message in self.messages[: self._place()] if (turn := message.turn())]
        return tuple(turns[-MOST_TURNS:])

    def question_asked(self) -> Question:
        """Raises RequestValidationError, or UnknownCollection for a model that there is not."""
        if self.n not in (None, 1):
            raise _invalid("n", "must be 1: askd writes one answer")
        asked = self._asked()
        if asked is None:
            raise _invalid("messages", "hold no message of role user, so no question")
        asked = question_in(asked)
        try:
            text = _QUESTION.validate_python(asked)
        except ValidationError as error:
            raise _invalid("messages", f"the question is the last one: {error.errors()[0]['msg']}") from None
        options = self.askd or AskdOptions()
        return Question(
            text,
            collection_of(self.model),
            limit_of(options.limit),
            options.mode or Mode.AUTO,
            self._history(),
        )


def _invalid(field: str, message: str) -> RequestValidationError:
    return RequestValidationError([{"type": "value_error", "loc": ("body", field), "msg": message}])
