import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answering.rewriting import MOST_PARTS, read

LONGEST = 8_000


@pytest.mark.parametrize(
    "question", ["How do I join?", "docker wifi", "怎么退款", "Is it free", "hello", "???", "What is v1.2?"]
)
def test_a_plain_question_stays_as_it_is(question: str) -> None:
    assert read(question).parts == [question]
    assert not read(question).questions


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Hello! How can I send a lamp back? Thanks in advance.", "How can I send a lamp back?"),
        ("Dear team,\nCan I join late?\n\nBest regards,\nJo\nAcme", "Can I join late?"),
        ("> what was said\n> before\nCan I join late?", "Can I join late?"),
        ("Can I join late?\nOn Monday, Jo <jo@example.org> wrote:\n> earlier", "Can I join late?"),
        ("Subject: Re: Can I join late?\nFrom: jo@example.org\n", "Can I join late?"),
        (
            'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\nValueError: bad port',
            "ValueError: bad port",
        ),
        ("x.YException: no host\n\tat a.B.c(B.java:1)\n\t... 3 more", "x.YException: no host"),
        ("2026-11-02 10:12:01,123 ERROR [main] disk is full", "disk is full"),
    ],
)
def test_what_stands_around_a_question_is_set_aside(text: str, part: str) -> None:
    assert read(text).parts == [part]


def test_several_questions_are_told_apart() -> None:
    wanted = ["How do I join the course?", "When is the exam held?"]
    assert read("1) How do I join the course? 2) When is the exam held?").questions == wanted
    assert read("How do I join the course?\nWhen is the exam held?").questions == wanted


@pytest.mark.parametrize(
    "text",
    [
        "What should mac users do if they see curl: (6) Could not resolve host: output.csv?",
        "What might cause the Bad character (ASCII 0) error in my query?",
        "Why would using SELECT * result in a duplicate column name error?",
        "What causes the Python - SQLAlchemy - ImportError regarding 'TypeAliasType'?",
        "Is step 3) harder than step 5) for beginners?",
        "What should I do if 'docker build -t clothing-model .' throws an error on an M1 Mac?",
        "What should be appended to the link for the FHV_20?? data to load it?",
    ],
)
def test_a_number_or_sign_inside_a_question_parts_nothing(text: str) -> None:
    assert read(text).parts == [text]


def test_the_number_of_a_lone_item_is_left_out() -> None:
    assert read("2) How do I join the course?").parts == ["How do I join the course?"]


@pytest.mark.parametrize(
    "text",
    [
        "Q1: Can I return a lamp?\nQ2: How long does shipping take?",
        "Question 1: Can I return a lamp? Question 2: How long does shipping take?",
        "Can I return a lamp; how long does shipping take?",
    ],
)
def test_questions_that_are_counted_by_name_or_joined_by_a_semicolon_are_several(text: str) -> None:
    first, second = read(text).questions
    assert first.rstrip("?") == "Can I return a lamp"
    assert second.casefold() == "how long does shipping take?"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "How long does shipping take? Can I get a refund?",
            ["How long does shipping take?", "Can I get a refund?"],
        ),
        ("Where can I park? When do you open?", ["Where can I park?", "When do you open?"]),
        ("Kann ich parken? Gibt es WLAN?", ["Kann ich parken?", "Gibt es WLAN?"]),
    ],
)
def test_a_question_of_one_telling_word_can_be_asked_on_its_own(text: str, wanted: list[str]) -> None:
    assert read(text).questions == wanted


@pytest.mark.parametrize(
    "text", ["My order is late. Any ideas?", "The build fails. Can you help me? What is wrong?"]
)
def test_a_call_for_help_is_no_question_of_its_own(text: str) -> None:
    assert not read(text).questions


def test_what_an_error_says_is_also_searched_without_its_class() -> None:
    text = "Unhandled exception. System.Net.Sockets.SocketException (111): the connector was refused"
    assert "the connector was refused" in read(text).parts


def test_a_question_that_points_back_is_no_further_one() -> None:
    assert not read("Is there a warranty for lamps? How long is it?").questions


@pytest.mark.parametrize(
    "text",
    ["My model file ends in .gguf. What does that mean?", "I asked twice with the same seed. How come?"],
)
def test_a_question_that_says_little_alone_is_searched_with_what_is_before_it(text: str) -> None:
    whole, *rest = read(text).parts
    assert whole == text
    assert [part for part in rest if part.endswith("?")] == []


def test_what_asks_and_what_failed_come_before_the_rest() -> None:
    story = " ".join(f"Story number {number} of many took place here." for number in range(80))
    text = f"{story} How do I join the course? {story} Then: fatal: disk quota exceeded"
    parts = read(text).parts
    assert "How do I join the course?" in parts
    assert any("disk quota exceeded" in part for part in parts)


HARD = [
    "a. ", "how do I x? ", "a", "?", "at x(", " ", "'", "1) ", "Error: ", "-", "a\n", "9", "a_",
    "and how ", "字"
]  # fmt: skip


@pytest.mark.parametrize("piece", HARD)
def test_the_longest_text_gives_bounded_work(piece: str) -> None:
    parts = read((piece * LONGEST)[:LONGEST]).parts
    assert 1 <= len(parts) <= MOST_PARTS
    assert sum(map(len, parts)) <= 2_200


@given(st.text(max_size=400))
def test_there_is_always_something_to_search_for(text: str) -> None:
    parts = read(text or "x").parts
    assert 1 <= len(parts) <= MOST_PARTS
