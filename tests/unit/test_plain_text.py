"""The plain text of an entry: markup goes, code and names stay."""

import pytest

from app.ranking.plain_text import plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Press **Refund** in _orders_.", "Press Refund in orders."),
        ("See [orders](https://faq.example/o).", "See orders (https://faq.example/o)."),
        ("<p>By <b>card</b>.</p>", "By card."),
        ("Edit __init__.py, and call __call__.", "Edit __init__.py, and call __call__."),
        ("Run `a * b * c` with `__x__`.", "Run `a * b * c` with `__x__`."),
        ("```\n# pay **now**\n```", "```\n# pay **now**\n```"),
        ("a <b> tag | </span>", "a <b> tag | </span>"),
        ("seen <!-- hidden --> here", "seen  here"),
        ("<br>a <!-- never closed", "a <!-- never closed"),
    ],
)
def test_markup_goes_and_code_stays(text: str, expected: str) -> None:
    assert plain(text) == expected
