import json

from hypothesis import given
from hypothesis import strategies as st

from app.models.json_text import JsonText

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, st.integers(1, 5))
def test_pieces_of_any_size_give_the_text(text: str, size: int) -> None:
    written = " \n" + json.dumps(text, ensure_ascii=False)
    reader = JsonText()
    pieces = [reader.feed(written[start : start + size]) for start in range(0, len(written), size)]
    assert "".join(pieces) == text == reader.text


def test_a_piece_is_readable_before_the_string_ends() -> None:
    reader = JsonText()
    assert [reader.feed(piece) for piece in ('"', "Say ", "\\", '"hi', "\\", "u00e9")] == [
        "",
        "Say ",
        "",
        '"hi',
        "",
        "é",
    ]


def test_what_is_no_json_string_gives_nothing() -> None:
    reader = JsonText()
    assert reader.feed("Perhaps.") == ""
    assert reader.text == ""
