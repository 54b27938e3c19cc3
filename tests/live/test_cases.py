"""What people ask and what models write, by the numbers of the cases that the checks were made for.

Against a shop's FAQ of 18 entries. D: the telling part of a longer text decides. E: the word that matters
must be there. F: an answer says what its entry says. G: marks, thoughts and refusals of models. H: scripts
and languages. D, E and H with the real embedder on both search engines, F and G with a scripted model.
"""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from app.answering.phrases import phrases
from app.answering.prompt import contenders, labels
from app.answering.service import Assistant
from app.domain import Answer, FaqEntry, Mode, Origin, Question, Status, Support
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from app.wiring import open_askd
from tests.live.serving import Chosen, ingest, settings_of
from tests.support.assistant import assistant_of

pytestmark = pytest.mark.anyio
SHOP = Path("tests/support/shop.json")
TRACEBACK = Path("tests/support/traceback.txt").read_text()
ANSWERED, SUGGESTED, NO_ANSWER = Status.ANSWERED, Status.SUGGESTED, Status.NO_ANSWER


@pytest.fixture(
    scope="module",
    params=["embedded_index", pytest.param("elasticsearch_index", marks=pytest.mark.live)],
)
def engine(request: pytest.FixtureRequest) -> Chosen:
    chosen: Chosen = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture(scope="module")
async def shop(engine: Chosen, with_embedder: Chosen, index_prefix: str) -> Chosen:
    chosen: Chosen = {**engine, **with_embedder, "index": f"{index_prefix}-shop"}
    await ingest(settings_of(chosen), SHOP)
    return chosen


@pytest.fixture
async def assistant(shop: Chosen) -> AsyncIterator[Assistant]:
    async with open_askd(settings_of(shop)) as askd:
        yield askd.assistant


async def ask(assistant: Assistant, text: str) -> Answer:
    return await assistant.ask(Question(text, mode=Mode.EXTRACT))


async def asked(assistant: Assistant, text: str) -> tuple[Status, str]:
    answer = await ask(assistant, text)
    return answer.status, first(answer)


def first(answer: Answer) -> str:
    return answer.sources[0].hit.entry.id


REWORDINGS = [  # case 13
    ("can i send a lamp back", "ret"),
    ("how can I send a lamp back to you?", "ret"),
    ("is it possible to give a lamp back", "ret"),
    ("how many days until my parcel arrives", "ship"),
    ("can I check out as a guest", "guest"),
    ("do you take paypal or credit cards", "pay"),
    ("can I pay by bank transfer", "pay"),
    ("connection refused on port 5432 when starting the connector", "conn"),
    ("I need an invoice with no VAT on it", "vat"),
    ("how do students get cheaper prices", "inj"),
    ("how long is the warranty", "long"),
    ("calling the SDK from a C++ program", "cpp"),
]


@pytest.mark.parametrize(("question", "entry"), REWORDINGS)
async def test_case_13_a_rewording_is_answered_or_suggested_with_its_entry_first(
    assistant: Assistant, question: str, entry: str
) -> None:
    answer = await ask(assistant, question)
    assert answer.status in (ANSWERED, SUGGESTED)
    assert first(answer) == entry


SIGNED = """Hi team,

I bought one of your lamps last week and it does not fit my desk.
Can I return a lamp?

Thanks a lot,
Jo Doe
Acme Ltd, 12 Some Street
+44 20 7946 0000
"""
QUOTED = """Which payment methods do you accept?

On Mon, 2 Nov 2026 at 10:12, The Shop <shop@example.org> wrote:
> Dear customer, how long does shipping take? That depends.
"""
JAVA = """2026-11-02 10:12:01,123 ERROR [main] connector - start failed
java.lang.IllegalStateException: I get ECONNREFUSED 127.0.0.1:5432 when I start the shop connector. What now?
\tat com.shop.Connector.open(Connector.java:42)
\tat com.shop.Connector.start(Connector.java:17)
\t... 23 more
"""


DISCLAIMER = "This e-mail is confidential. If you have received it in error, please notify the sender."
OLD = "From: The Shop\nWhich payment methods do you accept?"
NODE = """node:internal/errors:865
  const err = new Error(message);
              ^

Error: connect ECONNREFUSED 127.0.0.1:5432
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16) {
  errno: -111
}
"""
DOTNET = """Unhandled exception. System.Net.SocketException (111): ECONNREFUSED 127.0.0.1:5432 connector start
   at System.Net.Sockets.Socket.DoConnect(EndPoint endPointSnapshot, SocketAddress socketAddress)
   at Shop.Connector.Start() in /src/Connector.cs:line 12
"""
FENCED = """My script fails:
```
Traceback (most recent call last):
  File "report.py", line 3, in <module>
    import psycopg2
ModuleNotFoundError: No module named 'psycopg2'
```
What can I do?
"""


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (TRACEBACK, "mod"),
        (SIGNED, "ret"),
        (QUOTED, "pay"),
        (JAVA, "conn"),
        ("Hi, can I return a lamp? thanks, Bob", "ret"),
        ("Hello there! Quick question: how long does shipping take? Cheers, Ann", "ship"),
        (f"Can I return a lamp?\n\n________________\n{DISCLAIMER}", "ret"),
        (
            f"Subject: RE: price\n\nWhat is the discount for students?\n\n-----Original Message-----\n{OLD}",
            "inj",
        ),
        (
            "Sehr geehrte Frau Doe,\n\nhow long does shipping take?\n\nMit freundlichen Grüßen\nJ. Doe",
            "ship",
        ),
        (NODE, "conn"),
        (DOTNET, "conn"),
        (FENCED, "mod"),
        ("Hello, my order number is 4711. How long does shipping take?", "ship"),
    ],
)
async def test_case_14_the_telling_part_of_a_paste_decides(
    assistant: Assistant, text: str, entry: str
) -> None:
    answer = await ask(assistant, text)
    assert (answer.status, first(answer)) == (ANSWERED, entry)
    assert answer.asked is not None
    assert len(answer.asked) < len(text)


FRAMES = "\n".join(f"\tat com.shop.Connector.step{at}(Connector.java:{at})" for at in range(120))
STORY = " ".join(f"On day {at} I tried the lamp in another room of our house." for at in range(60))


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (f"{JAVA}{FRAMES}\n", "conn"),
        (f"{STORY}\nCan I return a lamp?\n{STORY}", "ret"),
        (f"How long does shipping take?\n\n{FRAMES}", "ship"),
    ],
)
async def test_case_14_a_paste_of_thousands_of_characters_is_taken(
    assistant: Assistant, text: str, entry: str
) -> None:
    assert len(text) > 3_000
    assert await asked(assistant, text) == (ANSWERED, entry)


@pytest.mark.parametrize(
    "text",
    [
        "1) Can I return a lamp? 2) How long does shipping take?",
        "- Can I return a lamp?\n- How long does shipping take?",
        "Can I return a lamp, and how long does shipping take?",
        "Can I return a lamp; how long does shipping take?",
        "Q1: Can I return a lamp?\nQ2: How long does shipping take?",
        "Hi,\nI have two questions:\n- can I return a lamp\n- how long does shipping take\nthanks\nBob",
    ],
)
async def test_case_16a_two_questions_get_two_answers_each_with_its_mark(
    assistant: Assistant, text: str
) -> None:
    answer = await ask(assistant, text)
    ids = [source.hit.entry.id for source in answer.sources]
    assert answer.status is ANSWERED
    assert [(part.status, [ids[place - 1] for place in part.sources]) for part in answer.parts] == [
        (ANSWERED, ["ret"]),
        (ANSWERED, ["ship"]),
    ]
    assert "[1]" in answer.text
    assert "[2]" in answer.text


async def test_case_21_a_part_that_is_another_question_gets_no_leading_no(assistant: Assistant) -> None:
    text = "1) How long does shipping take? 2) How can I order as a guest without an account?"
    answer = await ask(assistant, text)
    assert [part.status for part in answer.parts] == [ANSWERED, ANSWERED]
    assert "account?\nAn account is needed for every order" in answer.text


async def test_an_open_part_is_said_to_be_open(assistant: Assistant) -> None:
    answer = await ask(assistant, "1) Can I return a lamp? 2) What is the boiling point of tungsten?")
    known, open_ = answer.parts
    assert known.status is ANSWERED
    assert open_.status is not ANSWERED
    assert open_.question in answer.text


@pytest.mark.parametrize(
    "question",
    [
        "What does error E-1044 mean?",
        "What does error E-9999 mean?",
        "How do I call the SDK from Rust?",
        "Can I return a sofa?",
        "I get ECONNREFUSED 127.0.0.1:9200 when I start the shop connector. What now?",
        "How do I call the SDK from F#?",
        "ModuleNotFoundError: No module named 'requests'",
        "Do you accept Bitcoin?",
        "Can I return a lamp after 45 days?",
    ],
)
async def test_case_19a_what_identifies_must_be_in_the_entry(assistant: Assistant, question: str) -> None:
    answer = await ask(assistant, question)
    assert answer.status is not ANSWERED
    assert answer.sources  # the nearest are shown all the same


@pytest.mark.parametrize(
    ("question", "entry"),
    [
        ("Do I need an account to order?", "guest"),
        ("Can I order with an account?", "guest"),
        ("How do I get an invoice including VAT?", "vat"),
        ("Is it impossible to return a lamp?", "ret"),
        ("Can't I return a lamp?", "ret"),
    ],
)
async def test_case_21_a_question_put_the_other_way_round_is_no_entrys_own(
    assistant: Assistant, question: str, entry: str
) -> None:
    assert await asked(assistant, question) == (SUGGESTED, entry)


async def test_case_21_the_same_question_in_other_words_keeps_its_no(assistant: Assistant) -> None:
    answer = await ask(assistant, "Can I order if I have no account?")
    assert (answer.status, first(answer)) == (ANSWERED, "guest")
    assert "account is needed" in answer.text


@pytest.mark.parametrize(
    ("question", "entry"),
    [
        ("怎么退款", "zh2"),
        ("我想退款，怎么操作？", "zh2"),
        ("忘记密码怎么办", "zh"),
        ("パスワードを忘れました", "ja"),
        ("كيف يمكنني تغيير كلمة المرور؟", "rtl"),
        ("退款要几天到账", "zh2"),
        ("パスワードの再設定方法は？", "ja"),
        ("نسيت كلمة المرور", "rtl"),
    ],
)
async def test_case_17_scripts_without_spaces_find_their_entry(
    assistant: Assistant, question: str, entry: str
) -> None:
    answer = await ask(assistant, question)
    assert answer.status in (ANSWERED, SUGGESTED)
    assert first(answer) == entry


@pytest.mark.parametrize(
    ("question", "entry"),
    [
        ("Wie lange dauert der Versand nach Europa?", "ship"),
        ("¿Cuánto tarda el envío a Europa?", "ship"),
        ("Puis-je retourner une lampe ?", "ret"),
        ("Kan ik een lamp terugsturen?", "ret"),
        ("Was bedeutet der Fehler E-1042?", "err42"),
    ],
)
async def test_case_18_a_question_in_another_language_is_suggested_its_entry(
    assistant: Assistant, question: str, entry: str
) -> None:
    answer = await ask(assistant, question)
    assert answer.status is SUGGESTED
    assert entry in [source.hit.entry.id for source in answer.sources]
    assert [notice.code for notice in answer.notices] == ["other_language"]


# --- F and G: what a model writes -------------------------------------------------------------------------

SHIPPING = "How many days does shipping take to Europe?"  # no entry's own question: the model is asked
SAID = "Shipping takes 3 to 5 working days in Europe and up to 14 days elsewhere."
COMMAND = "Why is the connection refused when the shop connector starts?"


def entries(file: str = "shop.json") -> list[FaqEntry]:
    return [FaqEntry(**entry) for entry in json.loads(Path("tests/support", file).read_text())]


async def told(said: str, question: str = SHIPPING, file: str = "shop.json") -> Answer:
    """The answer when a model of unknown size says so, `<id>` and `<other>` being numbers in its prompt."""
    llm = ScriptedModel()
    assistant = assistant_of(MemoryIndex(entries(file)), llm, prompt_tokens=2_000, answer_tokens=400)
    hits = (await assistant.find(Question(question))).ranking.hits
    shown = {place: hit.entry for place, hit in enumerate(contenders(hits), start=1)}
    for label, place in labels(shown).items():
        said = said.replace(f"<{shown[place].id}>", str(label))
        said = said.replace("<other>", str(label)) if place > 1 else said
    said = said.replace("<other>", "2")  # of one entry alone: a mark that points nowhere
    llm.script = [said[at : at + 4] for at in range(0, len(said), 4)]
    return await assistant.ask(Question(question))


def cited(answer: Answer) -> Sequence[str]:
    return [source.hit.entry.id for source in answer.sources if source.cited]


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("Shipping takes 2 to 4 working days in Europe and up to 10 days elsewhere. [<ship>]", SHIPPING),
        ("Shipping takes three to six working days in Europe. [<ship>]", SHIPPING),
        ("Shipping takes 3 to 5 hours in Europe.", SHIPPING),
        ("The database is not running. Start it with `docker compose down -v db`.", COMMAND),
        ("The database is not running. Start it with `docker compose down -v db`. [<other>]", COMMAND),
        ("Start it with `docker compose up -d cache` and try again.", COMMAND),
        ("The database is running. Start it with `docker compose up -d db`.", COMMAND),
    ],
)
async def test_cases_23_and_24a_numbers_and_commands_are_those_of_the_entry(said: str, question: str) -> None:
    answer = await told(said, question)
    assert (answer.status, answer.origin) == (ANSWERED, Origin.EXTRACTED)
    assert answer.text == answer.sources[0].hit.entry.answer
    assert [notice.code for notice in answer.notices] == ["unsupported"]
    assert {sentence.support for sentence in answer.sentences} == {Support.QUOTED}


@pytest.mark.parametrize("mark", ["[<other>]", "[Source <other>]", "(see entry <other>)"])
async def test_case_25_a_mark_leads_to_the_entry_that_holds_the_words(mark: str) -> None:
    answer = await told(f"{SAID} {mark}")
    assert answer.text == f"{SAID} [1]"
    assert cited(answer) == ["ship"]


FORMS = [
    *(
        "[<ship>]",
        "[1-3]",
        "[1-5]",
        "【<ship>】",
        "【<ship>†source】",
        "(<ship>)",
        "[Source <ship>]",
        "[^<ship>]",
    ),
    *("[[<ship>]]", "[<ship>, <other>]", "［<ship>］", "<sup><ship></sup>", "[FAQ-<ship>]", "[cite: <ship>]"),
    *("(see entry <ship>)", "\n\nSource: <ship>", "\n\nSources:\n- [<ship>]", "\n\n**Sources:** [<ship>]"),
]


@pytest.mark.parametrize("form", FORMS)
async def test_case_26a_marks_in_every_form_are_numbers_of_sources(form: str) -> None:
    answer = await told(f"{SAID} {form}")
    assert answer.text.replace(".[1]", ". [1]") == f"{SAID} [1]"
    assert cited(answer) == ["ship"]


async def test_case_26a_a_mark_before_the_words_stays_there() -> None:
    said = "According to entry <ship>, shipping takes 3 to 5 working days in Europe."
    assert (await told(said)).text == "According to [1], shipping takes 3 to 5 working days in Europe."


async def test_case_27_brackets_of_code_and_of_the_entry_stay() -> None:
    first = "How can I read the first command line argument in a report script?"
    answer = await told("Use sys.argv[1] after importing sys. [<a>]", first, "brackets.json")
    assert answer.text == "Use sys.argv[1] after importing sys. [1]"
    pack = "How many licences does one pack have?"
    words = "Ten licences are in a pack [3], see the price list [12]."
    assert (await told(f"{words} [<c>]", pack, "brackets.json")).text == f"{words} [1]"
    last = "How can I take the last element of a list?"
    assert (await told("Write `items[-1]`. [<b>]", last, "brackets.json")).text == "Write `items[-1]`. [1]"


@pytest.mark.parametrize(
    "said",
    [
        f"<think> The user asks … </think> {SAID}",
        f"The user asks how long it takes.\n</think>\n\n{SAID}",
        f"<analysis>Entry 2?</analysis>{SAID}",
        f"<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>{SAID}",
        f"Thought: the user asks about shipping.\nAnswer: {SAID}",
        f'{{"answer": "{SAID}", "sources": [1]}}',
        f'{{"data": {{"answer": "{SAID}"}}}}',
        f"{{'answer': '{SAID}'}}",
        f'Here\'s the answer in JSON:\n```json\n{{"answer": "{SAID}"}}\n```',
        f"```\n{SAID}\n```",
        f"### Answer\n{SAID}",
        f"Sure! {SAID} I hope this helps!",
        f"{SAID}<|im_end|>",
    ],
)
async def test_case_28_thoughts_and_wrappers_are_no_part_of_the_answer(said: str) -> None:
    answer = await told(said)
    assert (answer.text, answer.status) == (SAID, ANSWERED)
    assert cited(answer) == ["ship"]


REFUSALS = [
    *(
        "NOT_IN_FAQ",
        "**NOT_IN_FAQ**",
        '{"answer": "NOT_IN_FAQ"}',
        "<think>hm</think>NOT_IN_FAQ",
        "N/A",
        "None.",
    ),
    *(
        "I don't know.",
        "Unfortunately, the FAQ does not cover this topic.",
        "Ich weiß es nicht.",
        "No lo sé.",
    ),
    *(
        "我不知道。",
        "Je ne sais pas.",
        "Не знаю.",
        "わかりません。",
        "모르겠습니다.",
        "لا أعرف.",
        "Bilmiyorum.",
    ),
    *("Dazu steht nichts in der FAQ.", "Nie wiem.", "मुझे नहीं पता।", "Sorry, I could not find that."),
]


@pytest.mark.parametrize("said", REFUSALS)
async def test_case_29a_a_refusal_in_any_language_is_no_answer(said: str) -> None:
    answer = await told(said)
    assert (answer.status, answer.text) == (NO_ANSWER, phrases("english").no_answer)


async def test_case_29a_sorrow_before_an_answer_is_none() -> None:
    said = f"I'm sorry to hear that. {SAID}"
    assert (await told(said)).text == SAID
    yes = "I'm sorry to hear that. Yes, within 30 days."
    answer = await told(yes, "Is it possible to return a lamp to you?")
    assert (answer.status, answer.text) == (ANSWERED, "Yes, within 30 days.")


@pytest.mark.parametrize(
    "said",
    [
        " ".join([SAID] * 9),
        "\n".join([SAID] * 3),
        f"{SAID}\n\nQuestion: Can I return a lamp?\nAnswer: Yes.",
        f"{SAID} {SAID.replace('Shipping', 'shipping')}",
    ],
)
async def test_case_30_what_comes_again_or_goes_on_to_something_else_is_left_out(said: str) -> None:
    answer = await told(said)
    assert answer.text.removesuffix(" [1]") == SAID
    assert not answer.notices


async def test_an_unpaired_backtick_opens_no_code() -> None:
    said = "Start it with `docker compose up -d db and try again. [<conn>]"
    assert (await told(said, COMMAND)).text == "Start it with `docker compose up -d db and try again. [1]"
