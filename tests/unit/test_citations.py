import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answering.model_output import MarkRewriter, says_unknown

POSITIONS = {1: 2, 2: 1, 3: 5}


def rewritten(text: str, sizes: list[int] | None = None) -> tuple[str, set[int]]:
    """The text fed in pieces of the given sizes, the last size for the rest."""
    marks = MarkRewriter(POSITIONS)
    out, rest = "", text
    for size in sizes or [len(text)]:
        out += marks.feed(rest[:size])
        rest = rest[size:]
    return out + marks.feed(rest) + marks.finish(), marks.cited


@pytest.mark.parametrize(
    ("text", "expected", "cited"),
    [
        ("Yes [1].", "Yes [2].", {2}),
        ("Yes [1][3].", "Yes [2][5].", {2, 5}),
        ("Yes [1, 2].", "Yes [2][1].", {1, 2}),
        ("Yes [ 3 ; 3 ].", "Yes [5].", {5}),
        ("Yes [9].", "Yes.", set()),
        ("Yes [1, 9].", "Yes [2].", {2}),
        ("Yes [0] no [12] end", "Yes no end", set()),
        ("`argv[1]` is it [2]", "`argv[1]` is it [1]", {1}),
        ("```\nx[9]\n``` then [3]", "```\nx[9]\n``` then [5]", {5}),
        ("[see here] [a] [1", "[see here] [a] [1", set()),
        ("no marks", "no marks", set()),
        ("trailing [", "trailing [", set()),
    ],
)
def test_marks_point_at_sources_and_nowhere_else(text: str, expected: str, cited: set[int]) -> None:
    assert rewritten(text) == (expected, cited)


@given(
    st.lists(st.sampled_from(["[1]", "[9]", "[2, 3]", " ", "word", "`", "[", "]", "\n", "[x]"]), max_size=20),
    st.lists(st.integers(0, 5), max_size=30),
)
def test_the_pieces_a_text_comes_in_do_not_matter(parts: list[str], sizes: list[int]) -> None:
    text = "".join(parts)
    assert rewritten(text, sizes) == rewritten(text)


@given(st.text(alphabet="ab [](1239,;`\n"))
def test_every_mark_left_outside_code_points_at_a_source(text: str) -> None:
    outside = "".join(rewritten(text)[0].split("`")[::2])
    marks = MarkRewriter({position: position for position in POSITIONS.values()})
    assert marks.feed(outside) + marks.finish() == outside or "`" in text


@pytest.mark.parametrize(
    ("opening", "verdict"),
    [
        ("I don't know.", True),
        ("I don’t know", True),
        ("  I DO NOT KNOW that", True),
        ("The FAQ does not say", True),
        ("I", None),
        ("I do", None),
        ("", None),
        ("I do think so", False),
        ("Yes", False),
    ],
)
def test_a_reply_declines_by_how_it_begins(opening: str, verdict: bool | None) -> None:
    assert says_unknown(opening) is verdict
