"""What callers send: a question, checked."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from app import domain
from app.domain import Mode, Turn
from app.ranking.text import composed


def trimmed(value: object) -> object:
    return composed(value).strip() if isinstance(value, str) else value


def _speakable(text: str) -> str:
    if not any(character.isprintable() and not character.isspace() for character in text):
        raise ValueError("must hold at least one visible character")
    return text


def _whole(value: object) -> object:
    """To JSON 5.0 is the integer 5, and some clients know no other numbers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


MOST_TURNS = 20  # of a conversation
LONGEST_TURN = 8_000  # characters, of the question, too

QuestionText = Annotated[
    str,
    # Before the validators: behind one that runs before it, the message would be about "items".
    Field(min_length=1, max_length=LONGEST_TURN, description="1–8,000 characters after trimming"),
    BeforeValidator(trimmed),
    AfterValidator(_speakable),
]
CollectionName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=512),
    Field(description="search in this collection only; all when absent"),
]
Limit = Annotated[
    Annotated[int, Field(strict=True, ge=1, le=20), BeforeValidator(_whole)] | None,
    Field(description="the most sources wanted"),
]

_LIMIT = 5


class _Request(BaseModel):
    """`null` means the same as no value: generated clients send it for what is not set."""

    model_config = ConfigDict(extra="forbid")


def limit_of(given: int | None) -> int:
    return _LIMIT if given is None else given


class Said(_Request):
    """A turn of the conversation before the question."""

    role: Literal["user", "assistant"]
    content: QuestionText


class Ask(_Request):
    question: QuestionText
    history: list[Said] | None = Field(
        None,
        max_length=MOST_TURNS,
        description="the conversation so far, newest turn last: completes a question such as “and on "
        "Windows?”; one that stands on its own is never changed",
    )
    collection: CollectionName | None = None
    limit: Limit = _LIMIT
    mode: Mode | None = Field(
        Mode.AUTO,
        description="`generate`: the model writes; `extract`: the best entry's own words, no model; "
        "`auto`: the model writes unless the FAQ's own words serve better",
    )

    def question_asked(self) -> domain.Question:
        return domain.Question(
            self.question,
            self.collection,
            limit_of(self.limit),
            Mode.AUTO if self.mode is None else self.mode,
            tuple(Turn(said.role, said.content) for said in self.history or ()),
        )


class Search(_Request):
    question: QuestionText
    collection: CollectionName | None = None
    limit: Limit = _LIMIT

    def question_asked(self) -> domain.Question:
        return domain.Question(self.question, self.collection, limit_of(self.limit))
