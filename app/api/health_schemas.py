"""What the probes of monitors are answered."""

from pydantic import BaseModel, Field


class Live(BaseModel):
    live: bool = True


class ReadinessOut(BaseModel):
    ready: bool
    missing: list[str] = Field(description="what stands in the way of answers")
    degraded: list[str] = Field(description="what makes answers less than they could be")
    model_memory: str | None = Field(
        None,
        description="`gpu`, `cpu` or `gpu and cpu`: where the model is; null where its runtime does not say",
    )
    writing: str | None = Field(
        None,
        description="`quote`, `strict` or `free`, and why: how freely the model may write (ASKD_WRITING); "
        "null while it is not loaded",
    )
    remote_model: str | None = Field(
        None,
        description="host of the model's server where it is beyond this machine and private networks: "
        "questions and FAQ entries are sent there (ASKD_ALLOW_REMOTE_MODEL)",
    )
