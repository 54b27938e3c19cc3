"""What a model may write, and what askd makes of it: cases of kinds F and G, 8 and 21, and more of each."""

import time
from collections.abc import Sequence

import pytest

from app.answering.checks.verification import Verifier
from app.answering.model_output.marks import MarkReader
from app.answering.model_output.reader import OutputReader
from app.answering.model_output.wrappers import unwrapped
from app.answering.phrases import phrases
from app.answering.prompt import labels
from app.answering.quoting import said_by_entry
from app.answering.writing_manner import Manner, writing_manner
from app.domain import Answer, FaqEntry, Mode, Origin, Question, Status, Support
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from tests.support.assistant import assistant_of

pytestmark = pytest.mark.anyio

SHIP = FaqEntry(
    "ship",
    "shop",
    "How long does shipping take?",
    "Shipping takes 3 to 5 working days in Europe and up to 14 days elsewhere.",
)
GUEST = FaqEntry(
    "guest",
    "shop",
    "Can I order without an account?",
    "No. An account is needed for every order, since warranty is tied to it.",
)
CONNECT = FaqEntry(
    "conn",
    "shop",
    "Why is the connection refused when I start the shop connector?",
    "The database is not running. Start it with `docker compose up -d db` and try again.",
)
REFUND = FaqEntry("refund", "shop", "Can I get a refund?", "You cannot get a refund after 14 days.")
ARGUMENT = FaqEntry(
    "argv",
    "py",
    "How do I read the first command line argument in the report script?",
    "Use sys.argv[1] after importing sys. The second one is sys.argv[2].",
)
PACK = FaqEntry(
    "pack",
    "py",
    "How many licences are in a pack?",
    "Ten licences are in a pack [3], see the price list [12].",
)
SHOP = [SHIP, GUEST, CONNECT, REFUND, ARGUMENT, PACK]
POSITIONS = dict(enumerate(SHOP, start=1))
LABEL = {SHOP[position - 1].id: label for label, position in labels(POSITIONS).items()}
SAID = SHIP.answer


def read(text: str, asked: str = SHIP.question, size: int = 3) -> OutputReader:
    """The reply as it is read in pieces of `size`; what was given on is the text."""
    reader = OutputReader(Verifier(POSITIONS, asked=asked), labels(POSITIONS))
    given = ""
    for at in range(0, len(text), size):
        given += reader.feed(text[at : at + size])
        if reader.looped or reader.refused:
            break
    given += reader.finish()
    assert reader.retracted or reader.refused or given.rstrip() == reader.text
    return reader


def supports(reader: OutputReader) -> list[str]:
    return [verdict.sentence.support.value for verdict in reader.verdicts]


async def ask(
    entries: Sequence[FaqEntry],
    said: str,
    question: str,
    mode: Mode = Mode.AUTO,
    parameters: int | None = None,
) -> Answer:
    llm = ScriptedModel(script=[said[at : at + 4] for at in range(0, len(said), 4)], parameters=parameters)
    assistant = assistant_of(MemoryIndex(list(entries)), llm, prompt_tokens=1_000, answer_tokens=200)
    return await assistant.ask(Question(question, mode=mode))


# --- F: support is judged sentence by sentence ----------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "Shipping takes 2 to 4 working days in Europe and up to 10 days elsewhere.",  # 23
        "Shipping takes 3 to 14 working days in Europe and up to 5 days elsewhere.",
        "Shipping takes 3 to 5 hours in Europe.",
        "Shipping takes three to six working days in Europe.",
        "Start it with `docker compose down -v db` and try again.",  # 24a
        "Start it with docker compose up -d cache and try again.",
        "Start it with `docker compose up --detach db` and try again.",
        "Yes, you can get a refund after 30 days.",
        "You can get a refund after 14 days.",
        "You cannot get a refund before 14 days.",
        "Shipping takes 3 to 5 working days in Africa.",
        "You will find the form at https://shop.example/refund in your account.",
    ],
)
def test_a_changed_fact_is_unmatched(said: str) -> None:
    assert supports(read(said)) == ["unmatched"]


@pytest.mark.parametrize(
    ("said", "support"),
    [
        (SAID, "quoted"),
        ("The database is not running.", "quoted"),
        ("Elsewhere shipping takes up to 14 days, and in Europe three to five working days.", "matched"),
        ("In Europe shipping takes 3–5 working days.", "matched"),
        ("Run docker compose up -d db.", "matched"),
        ("After 14 days you can't get a refund.", "matched"),
    ],
)
def test_the_same_in_other_words_is_supported(said: str, support: str) -> None:
    assert supports(read(said)) == [support]


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.GENERATE])
async def test_23_a_wrong_number_takes_the_answer_back_in_mode_auto(mode: Mode) -> None:
    said = "Shipping takes 2 to 4 working days in Europe and up to 10 days elsewhere."
    answer = await ask(SHOP, said, "How many days does shipping take to Europe?", mode)

    assert [notice.code for notice in answer.notices] == ["unsupported"]
    if mode is Mode.AUTO:
        assert (answer.text, answer.origin) == (SHIP.answer, Origin.EXTRACTED)
        assert [sentence.support for sentence in answer.sentences] == [Support.QUOTED]
    else:
        assert answer.text == said
        assert [(sentence.source, sentence.support) for sentence in answer.sentences] == [
            (None, Support.UNMATCHED)
        ]


def test_25_a_mark_that_points_nowhere_becomes_that_of_the_entry_that_holds_the_words() -> None:
    assert read(f"{SAID} [{len(SHOP) + 1}]").text == f"{SAID} [1]"
    assert read(f"The moon is made of cheese. [{len(SHOP) + 1}]").text == "The moon is made of cheese."


def test_25_a_mark_that_names_the_wrong_entry_is_repaired() -> None:
    reader = read(f"{SAID} [{LABEL['guest']}]")
    assert reader.text == f"{SAID} [1]"
    assert reader.cited == {1}


@pytest.mark.parametrize(
    "said",
    [
        " ".join([SAID] * 9),
        f"Yes. {SAID} {SAID}",
        f"{SAID} The database is not running. {SAID}",
        f"1. {SAID}\n2. {SAID}\n3. {SAID}",
    ],
)
def test_30_a_repeated_sentence_ends_the_answer(said: str) -> None:
    reader = read(said)
    assert reader.looped
    assert reader.text.count(SAID) == 1


def test_30_what_the_entry_itself_repeats_ends_nothing() -> None:
    entry = FaqEntry(
        "v", "c", "How do I mark the fix?", "Mark the fix: vvvvvvvvvvvvvvvvvvvvvvvvvvvvvv, then save."
    )
    reader = OutputReader(Verifier({1: entry}, asked=entry.question), labels({1: entry}))
    reader.feed(entry.answer)
    reader.finish()
    assert (reader.looped, supports(reader)) == (False, ["quoted"])


# --- G: marks, thoughts and refusals --------------------------------------------------------------------

N = LABEL["ship"]
FORMS = [
    "[{n}]",
    "【{n}】",
    "({n})",
    "[Source {n}]",
    "[^{n}]",
    "[entry {n}]",
    "[{n}, {n}]",
    "(see entry {n})",
    "(see [{n}])",
    "[Q{n}]",
    "[cite_{n}]",
    "[*{n}*]",
    "\\[{n}\\]",
    "**[{n}]**",
    "[{n}:1]",
    "[{n}†L1-L4]",
    "[number {n}]",
    "<cite>{n}</cite>",
    "- [{n}]",
    "— Source {n}",
    "\n\n---\nSources: {n}",
    "{{{n}}}",
    "{{{{{n}}}}}",
    "<{n}>",
    "<source>{n}</source>",
    "[{n}](#source-{n})",
    "[[{n}]](https://faq.example/{n})",
]
SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹"[N]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 5, 1_000])
def test_26a_marks_in_every_form_point_at_sources(form: str, size: int) -> None:
    assert read(f"{SAID} {form.format(n=N)}", size=size).text == f"{SAID} [1]"


@pytest.mark.parametrize("size", [1, 5, 1_000])
def test_26a_a_superscript_is_a_mark_but_no_power(size: int) -> None:
    for said in (f"{SAID} {SUPERSCRIPT}", f"{SAID}{SUPERSCRIPT}", f"{SAID[:-1]}{SUPERSCRIPT}."):
        assert read(said, size=size).text in (f"{SAID} [1]", f"{SAID[:-1]} [1].")
    assert read(f"{SAID}{SUPERSCRIPT} {REFUND.answer}", size=size).text == f"{SAID} [1] {REFUND.answer}"
    entry = FaqEntry("a", "c", "How large is it?", "The park has 6 km² and 10⁶ trees.")
    reader = OutputReader(Verifier({1: entry}), labels({1: entry}))
    reader.feed(entry.answer)
    reader.finish()
    assert reader.text == entry.answer


def test_what_only_looks_like_a_mark_stays() -> None:
    for said in ("It costs ${1} more.", "Press <404> now.", "Repeat it {31} times."):
        assert MarkReader({1: 1, 30: 2}).read(said, final=True).text == said


def test_27_another_number_where_the_entry_has_one_in_parentheses_is_no_mark() -> None:
    entry = FaqEntry(
        "a", "c", "How do I open it?", "Press the keys, or\n(1-4)\nand wait for five (5) seconds."
    )
    positions = {1: entry, 2: SHIP}
    for said in ("Press the keys, or\n(1-2)", "Press the keys, or (1-2)", "Wait for five (2) seconds."):
        reader = OutputReader(Verifier(positions), labels(positions))
        reader.feed(said)
        reader.finish()
        assert "unmatched" in supports(reader), said


def test_26a_a_range_keeps_the_entries_that_support_the_sentence() -> None:
    assert read(f"{SAID} [1-{len(SHOP)}]").text == f"{SAID} [1]"
    assert read(f"{SAID}\n\nSource: {N}").text == f"{SAID} [1]"


def test_27_code_and_the_entrys_own_brackets_are_no_marks() -> None:
    asked = ARGUMENT.question
    reader = read(f"Use sys.argv[1] after importing sys. [{LABEL['argv']}]", asked)
    assert reader.text == "Use sys.argv[1] after importing sys. [5]"
    assert read(f"{PACK.answer} [{LABEL['pack']}]", PACK.question).text == f"{PACK.answer} [6]"
    assert read("The second one is `sys.argv[2]`.", asked).text == "The second one is `sys.argv[2]`."


def test_an_unpaired_backtick_opens_no_code() -> None:
    said = f"Start it with `docker compose up -d db [{LABEL['conn']}]."
    assert read(said).text == "Start it with `docker compose up -d db [3]."


@pytest.mark.parametrize(
    "said",
    [
        f"<think> The user asks about shipping. </think> {SAID}",
        f"<thinking>Entry 2?</thinking>\n\n{SAID}",
        f"◁think▷ hm ◁/think▷{SAID}",
        f"[THINK] hm [/THINK]{SAID}",
        f"The user asks how long it takes. So it is entry 2.\n</think>\n\n{SAID}",
        f'{{"answer": "{SAID}"}}',
        f'```json\n{{"answer": "{SAID}"}}\n```',
        f"```\n{SAID}\n```",
        f"Great question! {SAID} I hope this helps!",
        f"{SAID} I hope this helps! 😊",
        f"{SAID} Please note that this is based on the FAQ provided.",
        f"<|think|>Entry 2?<|/think|>{SAID}",
        f"**Thinking:** It is entry 2.\n\n**Answer:** {SAID}",
        f'{{"final_answer": "{SAID}"}}',
        f"~~~\n{SAID}\n~~~",
        f"```yaml\nanswer: {SAID}\n```",
        f"AI: {SAID}",
        f"{SAID}<|endoftext|>Human: and what?",
        f"{SAID}<|im_start|>user\nAnd Norway?",
        f"{SAID}[/INST] Thanks!",
    ],
)
def test_28_thoughts_wrappers_and_courtesy_are_no_part_of_the_answer(said: str) -> None:
    assert read(said).text == SAID


async def test_28_thoughts_without_an_opening_tag_take_nothing_back_but_themselves() -> None:
    said = f"The user asks how long shipping takes. </think> {SAID}"
    answer = await ask(SHOP, said, "How many days does shipping take to Europe?")
    assert (answer.text, answer.origin) == (SAID, Origin.GENERATED)


@pytest.mark.parametrize("size", [1, 3, 1_000])
@pytest.mark.parametrize(
    "announced",
    [
        "Here is the answer: ",
        "Sure, here is the answer in JSON format: ",
        "Here's the answer:\n\n",
        "Answer: ",
    ],
)
@pytest.mark.parametrize("wrapped", [f'{{"answer": "{SAID} {GUEST.answer}"}}', f'"{SAID} {GUEST.answer}"'])
def test_what_is_wrapped_behind_an_announcement_is_the_answer(
    announced: str, wrapped: str, size: int
) -> None:
    assert read(announced + wrapped, size=size).text == f"{SAID} {GUEST.answer}"


@pytest.mark.parametrize("size", [1, 3, 1_000])
@pytest.mark.parametrize("announced", ["", "Here is the answer: "])
def test_text_that_only_begins_with_a_quotation_is_whole(announced: str, size: int) -> None:
    said = '"make up" starts it, but never as root.'
    assert read(announced + said, size=size).text.endswith("but never as root.")


def test_white_space_without_end_takes_linear_time() -> None:
    began = time.process_time()
    for blank in (" ", "\n", "{\n", "Thoughts:\n"):
        unwrapped(blank + blank[-1] * 20_000)
    assert time.process_time() - began < 1


def test_a_label_is_cut_though_an_entry_has_its_letters() -> None:
    entry = FaqEntry("faq", "shop", "How do I join?", "See the FAQ: it has a schema: register first.")
    reader = OutputReader(Verifier({1: entry}, asked=entry.question), labels({1: entry}))
    reader.feed(f"Q: {entry.question}\nA: {entry.answer}")
    reader.finish()
    assert reader.text.removesuffix(" [1]") == entry.answer


def test_an_answer_that_is_a_question_of_the_entry_is_quoted() -> None:
    entry = FaqEntry("log", "shop", "Why does it fail?", "Did you restart the daemon? Look into its log.")
    reader = OutputReader(Verifier({1: entry}, asked=entry.question), labels({1: entry}))
    reader.feed("Did you restart the daemon?")
    reader.finish()
    assert supports(reader) == ["quoted"]


@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_an_entry_as_it_stands_in_the_prompt_is_told_without_its_labels(size: int) -> None:
    said = f"Q: {SHIP.question}\nA: {SAID}\n\nQ: {GUEST.question}\nA: {GUEST.answer}"
    assert read(said, size=size).text.removesuffix(" [1]") == SAID


@pytest.mark.parametrize("said", [f"Q: {SHIP.question}", SHIP.question])
def test_a_question_of_the_prompt_is_no_answer(said: str) -> None:
    reader = read(said, asked="How many days does it take?")
    assert (supports(reader)[-1:], reader.refused) == (["unmatched"], False)


def test_an_announcement_of_plain_text_holds_nothing_back() -> None:
    reader = OutputReader(Verifier(POSITIONS, asked=SHIP.question), labels(POSITIONS))
    assert reader.feed("Here is the answer: Shipping takes 3") != ""


@pytest.mark.parametrize("said", ["You can't.", "You can."])
def test_a_short_answer_is_an_answer_that_must_be_supported(said: str) -> None:
    assert supports(read(said, asked=REFUND.question)) == ["unmatched"]


def test_thoughts_without_an_end_are_not_shown() -> None:
    assert read(f"<think> Shipping, hm. {SAID}").text == ""


@pytest.mark.parametrize(
    "said",
    [
        *("NOT_IN_FAQ", "not_in_faq.", "`NOT_IN_FAQ`", "I don't know.", "Ich weiß es nicht.", "No lo sé."),
        *("La FAQ no responde a esta pregunta.", "عذرًا، لا تتوفر لدي هذه المعلومات.", "Det vet jeg ikke."),
        *(
            "क्षमा करें, यह जानकारी उपलब्ध नहीं है।",
            "죄송합니다. 해당 정보가 없습니다.",
            "Nem tudom a választ erre.",
        ),
        *("我不知道。", "Je ne sais pas.", "Non lo so.", "I'm sorry, but the FAQ does not say that."),
    ],
)
async def test_29a_a_refusal_in_any_language_is_no_answer(said: str) -> None:
    answer = await ask(SHOP, said, "How many days does shipping take to Europe?")
    assert (answer.status, answer.text) == (Status.NO_ANSWER, phrases("english").no_answer)


def test_sorrow_before_an_answer_is_no_refusal() -> None:
    reader = read(f"I'm sorry to hear that. {SAID}")
    assert (reader.refused, reader.text) == (False, SAID)


# --- 8 and 21 -------------------------------------------------------------------------------------------


def test_the_first_word_is_given_on_at_once_where_the_entries_have_it() -> None:
    reader = OutputReader(Verifier(POSITIONS, asked=SHIP.question), labels(POSITIONS))
    assert reader.feed("Shipping") == "Shipping"
    reader = OutputReader(Verifier(POSITIONS, asked=SHIP.question), labels(POSITIONS))
    assert reader.feed("Sor") == ""  # it may become "Sorry", which is left out


async def test_8_the_same_question_with_two_answers_is_answered_with_both() -> None:
    hours = "What are your opening hours?"
    old = FaqEntry("1", "store", hours, "We open at 9:00 and close at 17:00.")
    new = FaqEntry("2", "store", hours, "Since May 2026: 8:00 to 20:00, Sundays closed.")
    chat = FaqEntry("3", "online", hours, "24 hours, by chat.")

    answer = await ask([old, new, chat], "unused", hours)

    assert all(entry.answer in answer.text for entry in (old, new, chat))
    assert "differ" in answer.text
    assert [notice.code for notice in answer.notices] == ["answers_differ"]
    assert {sentence.source for sentence in answer.sentences} == {1, 2, 3}


async def test_8_two_answers_to_one_of_several_questions_are_both_given() -> None:
    hours = "What are your opening hours?"
    old = FaqEntry("1", "shop", hours, "We open at 9:00 and close at 17:00.")
    new = FaqEntry("2", "shop", hours, "Since May 2026: 8:00 to 20:00, Sundays closed.")

    answer = await ask([old, new, SHIP], "unused", f"{hours} {SHIP.question}")

    assert all(entry.answer in answer.text for entry in (old, new, SHIP))
    assert [notice.code for notice in answer.notices] == ["answers_differ"]
    assert len({sentence.source for sentence in answer.sentences}) == 3


@pytest.mark.parametrize("asked", ["Do I need an account to order?", "Can I order with an account?"])
def test_21_a_leading_no_is_left_out_when_another_question_was_asked(asked: str) -> None:
    said = said_by_entry(GUEST.answer, GUEST, asked)
    assert said == "An account is needed for every order, since warranty is tied to it."


def test_21_where_the_no_is_all_there_is_the_entrys_question_is_shown() -> None:
    norway = FaqEntry("n", "shop", "Do you ship to Norway?", "No.")
    assert said_by_entry("No.", norway, "Where do you ship to?") == "Do you ship to Norway? No."


async def test_21_a_leading_no_stays_for_its_own_question() -> None:
    assert (await ask(SHOP, "unused", "can I order without an account", Mode.EXTRACT)).text == GUEST.answer


def test_21_a_model_may_not_turn_yes_and_no_round() -> None:
    assert supports(read(GUEST.answer, GUEST.question)) == ["quoted"]
    assert supports(read("Yes. An account is needed for every order.", GUEST.question)) == ["unmatched"]
    assert supports(read("Yes, an account is needed for every order.", "Do I need an account to order?")) == [
        "matched"
    ]


# --- how freely a model may write -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "parameters", "manner"),
    [
        ("auto", 135_000_000, Manner.QUOTE),
        ("auto", 2_500_000_000, Manner.STRICT),
        ("auto", None, Manner.STRICT),
        ("auto", 7_000_000_000, Manner.FREE),
        ("free", 135_000_000, Manner.STRICT),
        ("quote", 7_000_000_000, Manner.QUOTE),
    ],
)
def test_how_freely_a_model_writes_goes_by_its_size(
    setting: str, parameters: int | None, manner: Manner
) -> None:
    assert writing_manner(setting, parameters).manner is manner  # type: ignore[arg-type]


async def test_a_small_model_chooses_sentences_with_one_token() -> None:
    entry = FaqEntry(
        "a", "c", "How do I join the course?", "Open the page. Press join. Wait for the mail. Done it is."
    )
    answer = await ask([entry], "unused", "How can I join this course now?", parameters=135_000_000)
    assert answer.text == "Open the page. Press join. Wait for the mail. [1]"
    assert answer.origin is Origin.QUOTED
    assert [sentence.support for sentence in answer.sentences] == [Support.QUOTED] * 3
