"""POST /feedback: whether an answer helped, from whoever holds its token."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.api.dependencies import FeedbackDep, working
from app.api.questions import trimmed
from app.api.responses import CHECKED, problems_of
from app.api.routing import JudgementRoute
from app.feedback.base import Outcome
from app.feedback.tokens import LONGEST_TOKEN

router = APIRouter(
    route_class=JudgementRoute,
    tags=["feedback"],
    responses=problems_of(*CHECKED, 403, 408, 410, 413, 415, 422, 429, 503),
)


class FeedbackIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(min_length=1, max_length=LONGEST_TOKEN)] = Field(
        description="`feedback_token` of the answer"
    )
    helpful: bool = Field(strict=True)
    comment: Annotated[str | None, BeforeValidator(trimmed)] = Field(
        None, max_length=1_000, description="stored only where ASKD_KEEP_QUESTIONS says so"
    )
    entry: str | None = Field(
        None,
        max_length=2_000,
        description="COLLECTION/ID of the source that is meant, such as the suggested one that did help",
    )


class FeedbackOut(BaseModel):
    request_id: str = Field(description="of the answer")
    helpful: bool
    comment_kept: bool = Field(description="false also where comments are not stored")


@router.post("/feedback")
async def feedback(body: FeedbackIn, request: Request, feedback: FeedbackDep) -> FeedbackOut:
    """Say whether an answer helped.

    An answer has one verdict: another one with the same token replaces it.
    """
    outcome = feedback.read(body.token)
    if body.entry is not None:
        _check_entry(body.entry, outcome)
    comment = body.comment or None
    async with working(request):
        await feedback.judge(outcome, body.helpful, comment, body.entry)
    return FeedbackOut(
        request_id=outcome.request_id,
        helpful=body.helpful,
        comment_kept=comment is not None and feedback.keeps_texts,
    )


def _check_entry(entry: str, outcome: Outcome) -> None:
    """Raises RequestValidationError."""
    if entry not in {shown.key for shown in outcome.entries}:
        message = "must be COLLECTION/ID of one of the answer's sources"
        raise RequestValidationError([{"type": "entry", "loc": ("body", "entry"), "msg": message}])
