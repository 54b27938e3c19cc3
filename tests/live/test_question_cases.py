"""Questions as people put them, against a shop's FAQ of 18 entries with the real embedder: kinds D, E and H.

D: the telling part of a longer text decides. E: the word that matters must be there. H: scripts, languages.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.answering.service import Assistant
from app.domain import Answer, Mode, Question, Status
from app.wiring import open_askd
from tests.live.serving import Chosen, ingest, settings_of

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


@pytest.mark.parametrize(
    ("text", "entry"), [(TRACEBACK, "mod"), (SIGNED, "ret"), (QUOTED, "pay"), (JAVA, "conn")]
)
async def test_case_14_the_telling_part_of_a_paste_decides(
    assistant: Assistant, text: str, entry: str
) -> None:
    answer = await ask(assistant, text)
    assert (answer.status, first(answer)) == (ANSWERED, entry)
    assert answer.asked is not None
    assert len(answer.asked) < len(text)


@pytest.mark.parametrize(
    "text",
    [
        "1) Can I return a lamp? 2) How long does shipping take?",
        "- Can I return a lamp?\n- How long does shipping take?",
        "Can I return a lamp, and how long does shipping take?",
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
    ],
)
async def test_case_19a_what_identifies_must_be_in_the_entry(assistant: Assistant, question: str) -> None:
    assert (await ask(assistant, question)).status is not ANSWERED


@pytest.mark.parametrize("question", ["Do I need an account to order?", "Can I order with an account?"])
async def test_a_question_put_the_other_way_round_is_not_answered_with_no(
    assistant: Assistant, question: str
) -> None:
    answer = await ask(assistant, question)
    assert (answer.status, first(answer)) == (SUGGESTED, "guest")


@pytest.mark.parametrize(
    ("question", "entry"),
    [
        ("怎么退款", "zh2"),
        ("我想退款，怎么操作？", "zh2"),
        ("忘记密码怎么办", "zh"),
        ("パスワードを忘れました", "ja"),
        ("كيف يمكنني تغيير كلمة المرور؟", "rtl"),
    ],
)
async def test_case_17_scripts_without_spaces_find_their_entry(
    assistant: Assistant, question: str, entry: str
) -> None:
    answer = await ask(assistant, question)
    assert answer.status in (ANSWERED, SUGGESTED)
    assert first(answer) == entry


@pytest.mark.parametrize(
    "question", ["Wie lange dauert der Versand nach Europa?", "¿Cuánto tarda el envío a Europa?"]
)
async def test_case_18_a_question_in_another_language_is_never_said_to_have_no_answer(
    assistant: Assistant, question: str
) -> None:
    answer = await ask(assistant, question)
    assert answer.status is SUGGESTED
    assert "ship" in [source.hit.entry.id for source in answer.sources]
    assert [notice.code for notice in answer.notices] == ["other_language"]
