"""The settings of what is kept: a group of its own."""

from pathlib import Path

from pydantic import BaseModel, Field, NonNegativeInt, PositiveInt


class Feedback(BaseModel):
    """Feedback: what is kept of questions and answers"""

    keep_questions: NonNegativeInt = Field(
        0,
        description="days that questions and comments are kept for `askd gaps`; 0: they are never stored",
        examples=["30"],
    )
    feedback_days: PositiveInt = Field(
        90, description="days that outcomes of answers and verdicts on them are kept, without questions"
    )
    feedback_api_key_file: Path | None = Field(
        None,
        description="file of an API key for Elasticsearch's indexes `askd-feedback-*`; unset: the key of the "
        "index",
    )
    feedback_secret_file: Path | None = Field(
        None,
        description="file of the secret that signs feedback tokens, the same for several askd; unset: one is "
        "made in `ASKD_DATA_DIR`",
    )
