import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models.estimate import TokenEstimate

PROSE = (
    "Yes, you can still join the course after the start date. You will not be able to submit some of the "
    "homework, but you can take part in the final project and earn a certificate."
)
CODE = (
    "docker run -it --rm -p 8080:8080 -v $(pwd)/data:/var/lib/data python:3.13-slim "
    "bash -c 'pip install -r requirements.txt && python main.py'"
)
GERMAN = (
    "Wie kann ich mich für den Kurs anmelden, obwohl er schon begonnen hat? "
    "Größere Übungen müssen später nachgeholt werden."
)


@pytest.mark.parametrize(
    ("text", "counted"),  # by SmolLM2's own tokenizer, whose vocabulary is small
    [
        pytest.param(PROSE, 39, id="prose"),
        pytest.param(CODE, 59, id="code"),
        pytest.param(GERMAN, 51, id="German"),
        pytest.param("课程开始后我还可以加入吗？可以，但是您将无法提交部分作业。", 48, id="Chinese"),
        pytest.param("ERROR: ECONNREFUSED ENOENT SIGTERM UTF8MB4 PGADMIN ZQXJKV", 27, id="capitals"),
        pytest.param("Great! 🎉👍🏽 See you 😀", 15, id="emoji"),
    ],
)
def test_counts_enough_but_not_far_too_many(text: str, counted: int) -> None:
    assert counted <= TokenEstimate().count(text) <= 2.5 * counted


@given(st.text(min_size=1), st.text())
def test_more_text_never_counts_less(text: str, more: str) -> None:
    estimate = TokenEstimate()
    assert 0 < estimate.count(text) <= estimate.count(text + more)


@given(st.text(min_size=1).map(lambda text: text * 300), st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_after_a_prompt_was_counted_it_never_counts_less_than_that(
    text: str, first: float, second: float
) -> None:
    estimate = TokenEstimate()
    most = len(text.encode())  # a token has a byte at least
    for share in (first, second):
        actual = max(1, int(share * most))
        estimate.learn(text, actual)
        assert estimate.count(text) >= actual


def test_a_count_that_was_too_low_corrects_at_once() -> None:
    estimate = TokenEstimate()
    estimate.learn("aGVsbG8gd29y" * 50, 500)
    assert estimate.count("aGVsbG8gd29y" * 50) == pytest.approx(550, abs=2)


def test_counts_that_were_too_high_come_down_step_by_step_and_not_too_far() -> None:
    estimate = TokenEstimate()
    text = PROSE * 10
    before = estimate.count(text)
    estimate.learn(text, 390)
    assert before * 0.95 < estimate.count(text) < before
    for _ in range(200):
        estimate.learn(text, 1)
    assert before * 0.79 < estimate.count(text) < before * 0.85


def test_learns_nothing_from_a_prompt_that_is_mostly_template() -> None:
    estimate = TokenEstimate()
    estimate.learn("Hi", 40)
    assert estimate.factor == 1.0


def test_half_a_surrogate_pair_is_counted_too() -> None:
    assert TokenEstimate().count("\ud83d") == 3
