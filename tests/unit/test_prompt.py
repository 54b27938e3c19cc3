import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answering.prompt import INSTRUCTIONS, build_prompt, contenders, costs, fitting, labels, parts
from app.domain import FaqEntry, Hit
from app.models.base import PromptStyle

B = FaqEntry("b", "c", "How do I start?", "Run it.")
A = FaqEntry("a", "c", "How do I stop?", "Press Ctrl-C.")
counts = st.integers(1, 400)


@pytest.mark.parametrize("style", [style for style in PromptStyle if style is not PromptStyle.SEQ2SEQ])
def test_instructions_come_first_and_the_question_last(style: PromptStyle) -> None:
    prompt = build_prompt("How to begin?", {1: B}, style, 64)
    text = "\n".join(message.content for message in prompt.messages)

    assert text.removeprefix("Instruct: ").startswith(INSTRUCTIONS)
    assert text.removesuffix("\nAnswer:").removesuffix("\nOutput:").endswith("Question: How to begin?")
    assert "Run it." in text


def test_entries_stand_in_id_order_whatever_their_rank() -> None:
    one = build_prompt("?", {1: B, 2: A}, PromptStyle.CHAT, 64)
    other = build_prompt("?", {1: A, 2: B}, PromptStyle.CHAT, 64)

    assert one == other
    assert labels({1: B, 2: A}) == {1: 2, 2: 1}


def test_only_entries_that_may_be_what_is_asked_for_are_read() -> None:
    def hits(*scores: float) -> list[Hit]:
        return [Hit(B, score) for score in scores]

    sure, near = hits(0.9, 0.7, 0.6), hits(0.9, 0.85, 0.79)
    assert contenders(sure) == sure[:1]
    assert contenders(near) == near[:2]
    assert contenders([]) == []


def test_a_model_without_a_system_role_gets_one_message() -> None:
    prompt = build_prompt("?", {1: B}, PromptStyle.CHAT_WITHOUT_SYSTEM, 64)
    assert [message.role for message in prompt.messages] == ["user"]


def test_a_t5_is_told_one_sentence() -> None:
    (message,) = build_prompt("When?", {1: B}, PromptStyle.SEQ2SEQ, 64).messages
    told = f"Answer the question from the FAQ entry.\n\nQ: {B.question}\nA: {B.answer}\n\n"
    assert message.content == f"{told}Question: When?\nAnswer:"


def test_a_base_model_is_stopped_before_it_asks_itself_the_next_question() -> None:
    prompt = build_prompt("?", {1: B}, PromptStyle.COMPLETION, 64)

    assert prompt.messages[0].content.endswith("\nAnswer:")
    assert "\nQuestion:" in prompt.stop


@pytest.mark.parametrize("token", ["<|im_end|>", "<|eot_id|>", "<end_of_turn>", "</s>", "[INST]", "<<SYS>>"])
def test_no_question_or_entry_can_end_its_turn(token: str) -> None:
    entry = FaqEntry("a", "c", f"How {token}?", f"So {token}.")
    for style in PromptStyle:
        prompt = build_prompt(f"What {token} now?", {1: entry}, style, 64)
        assert not any(token in message.content for message in prompt.messages)


def test_other_brackets_stay_as_they_are() -> None:
    entry = FaqEntry("a", "c", "a < b | c > d?", "a <b> tag [1] <start> | </span>")
    content = build_prompt("x <| y", {1: entry}, PromptStyle.CHAT, 64).messages[-1].content
    assert entry.question in content
    assert entry.answer in content
    assert "x <| y" in content


def test_every_part_that_costs_tokens_is_counted() -> None:
    counted = "".join(parts("What?", [A, B]))
    for text in (INSTRUCTIONS, "What?", A.question, A.answer, B.question, B.answer):
        assert text in counted


@given(st.lists(counts, max_size=20), counts, counts, st.integers(0, 2000))
def test_what_fits_never_exceeds_the_budget_and_the_best_come_first(
    entries: list[int], fixed: int, question: int, budget: int
) -> None:
    spent = costs([fixed, question, *entries])
    kept = fitting(spent, budget)

    total = spent.without_entries + sum(spent.entries[place] for place in kept)
    assert total <= budget or not kept
    # an entry is left out only when it did not fit beside the better ones
    for place in set(range(len(entries))) - set(kept):
        better = sum(spent.entries[other] for other in kept if other < place)
        assert spent.without_entries + better + spent.entries[place] > budget
