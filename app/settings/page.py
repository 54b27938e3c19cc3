"""The settings of the pages; `groups` has all others."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field


class Page(BaseModel):
    """Page: what people see at `/`"""

    page: bool = Field(
        True, description="serve the pages: `/`, where people ask in their browser, and `/admin` for owners"
    )
    page_name: Annotated[str, Field(min_length=1, max_length=60)] = Field(
        "askd", description="name at the top of the page"
    )
    page_color: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")] = Field(
        "#0f6b5c", description="accent colour; darkened or lightened where it could not be read"
    )
    page_logo: Path | None = Field(
        None, description="file of the logo (SVG, PNG, JPEG or WebP, at most 256 KiB); also the page's icon"
    )
    page_greeting: str | None = Field(
        None, description="heading before the first question; default: one in the reader's language"
    )
    page_examples: str | None = Field(
        None,
        description="example questions to click on, separated by `;`",
        examples=["How do I install it?; What does it cost?"],
    )
