import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ModelUnavailable
from app.models.choices import ChoiceReader

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, st.integers(1, 5), st.booleans())
def test_pieces_of_any_size_give_the_choice(text: str, size: int, ascii_only: bool) -> None:
    written = " \n" + json.dumps(text, ensure_ascii=ascii_only)
    reader = ChoiceReader([text])
    pieces = [reader.feed(written[start : start + size]) for start in range(0, len(written), size)]
    assert "".join(pieces) == text
    reader.check()


def test_a_piece_is_readable_before_the_string_ends() -> None:
    reader = ChoiceReader(['Say "hié'])
    pieces = ['"', "Say ", "\\", '"hi', "\\", "u00e9"]
    assert [reader.feed(piece) for piece in pieces] == ["", "Say ", "", '"hi', "", "é"]


@pytest.mark.parametrize("reply", ["Perhaps.", '"No', '["Yes."]', '"Yes.\nNo."', ""])
def test_what_is_none_of_the_choices_is_a_failure(reply: str) -> None:
    reader = ChoiceReader(["Yes.", "No."])
    reader.feed(reply)
    with pytest.raises(ModelUnavailable):
        reader.check()
