"""OpenAI's API: its shapes, its errors, and sentences that are sent only once they have been checked."""

import json
import time
from typing import Any

import httpx
import pytest

from app.api.openai.checked_text import CheckedText
from app.domain import Answer, Origin, Replacement, Status, Text, Timings
from app.errors import ModelTimeout, ModelUnavailable
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from app.settings import Settings
from tests.support.app import app_of, calling
from tests.support.assistant import assistant_of

pytestmark = pytest.mark.anyio
CHAT = "/v1/chat/completions"
LATE = "Is it possible to join the course at any time?"
REFUND = "Is it possible to get a refund within thirty days?"


def asking(*said: str, **more: Any) -> dict[str, Any]:
    """A conversation in turns, which ends with the user's."""
    roles = ["user", "assistant"] * len(said)
    messages = [{"role": role, "content": text} for role, text in zip(roles, said, strict=False)]
    return {"model": "askd", "messages": messages, **more}


def chunks(stream: str) -> list[Any]:
    """The data of each event; the last has to be [DONE]."""
    *data, end = [line.removeprefix("data: ") for line in stream.split("\n") if line.startswith("data: ")]
    assert end == "[DONE]"
    return [json.loads(chunk) for chunk in data]


def text_of(stream: list[Any]) -> str:
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in stream if chunk["choices"])


async def test_a_completion_carries_the_answer_and_its_sources(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=asking(LATE))

    assert response.status_code == 200, response.text
    body = response.json()
    [choice] = body["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"] == "Yes, you can join at any time. [1]"
    assert (choice["finish_reason"], choice["message"]["refusal"]) == ("stop", None)
    assert body["id"] == f"chatcmpl-{response.headers['x-request-id']}"
    assert (body["object"], body["model"]) == ("chat.completion", "askd")
    assert (
        body["usage"]["total_tokens"]
        == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
        > 0
    )
    assert (body["askd"]["status"], body["askd"]["sources"][0]["id"]) == ("answered", "join")


async def test_links_of_cited_entries_are_annotations(client: httpx.AsyncClient, llm: ScriptedModel) -> None:
    llm.script = ["Yes, within thirty days of paying."]
    body = (await client.post(CHAT, json=asking(REFUND))).json()

    message = body["choices"][0]["message"]
    [annotation] = message["annotations"]
    place = annotation["url_citation"]
    assert (place["url"], place["title"]) == ("https://example.org/r", "Can I get a refund?")
    assert message["content"][place["start_index"] : place["end_index"]] == "[1]"
    assert body["citations"] == ["https://example.org/r"]


async def test_a_stream_sends_the_sources_before_the_text(client: httpx.AsyncClient) -> None:
    wanted = asking(LATE, stream=True, stream_options={"include_usage": True})
    response = await client.post(CHAT, json=wanted)

    assert response.headers["content-type"].startswith("text/event-stream")
    first, *rest, last, usage = chunks(response.text)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    kinds = ["source" if "event" in chunk else "text" for chunk in rest]
    assert kinds == sorted(kinds)
    sources = [chunk["event"]["data"] for chunk in rest if "event" in chunk]
    assert all(chunk["choices"] == [] for chunk in rest if "event" in chunk)
    assert text_of([first, *rest, last]) == "Yes, you can join at any time. [1]"
    assert (last["choices"][0]["finish_reason"], last["askd"]["status"]) == ("stop", "answered")
    assert [source["metadata"][0]["source"] for source in sources] == [
        f"faq/{source['collection']}/{source['id']}" for source in last["askd"]["sources"]
    ]
    assert (usage["choices"], usage["usage"]["completion_tokens"] > 0) == ([], True)
    assert len({chunk["id"] for chunk in [first, *rest, last, usage]}) == 1


async def test_sources_have_keys_of_their_own_and_no_address_as_key(client: httpx.AsyncClient) -> None:
    stream = chunks((await client.post(CHAT, json=asking(REFUND, stream=True))).text)

    sources = [chunk["event"]["data"] for chunk in stream if "event" in chunk]
    keys = [source["metadata"][0]["source"] for source in sources]
    assert len(set(keys)) == len(keys) > 0
    assert not [key for key in keys if key.startswith("http")]
    assert sources[0]["source"]["url"] == "https://example.org/r"
    assert sources[0]["document"] == ["Yes, within thirty days of paying."]


async def test_a_sentence_that_fails_its_check_is_never_sent(
    client: httpx.AsyncClient, llm: ScriptedModel
) -> None:
    llm.script = ["Yes, you can join ", "at any time. Homework has", " no deadlines ", "at all."]

    stream = chunks((await client.post(CHAT, json=asking(LATE, stream=True))).text)

    said = text_of(stream)
    assert said.startswith("Yes, you can join at any time.")
    assert "no deadlines" not in said
    assert said.endswith("Homework has deadlines. [1]")
    assert [notice["code"] for notice in stream[-1]["askd"]["notices"]] == ["unsupported"]


@pytest.mark.parametrize(
    ("text", "status"),
    [("What is the capital of France?", "no_answer"), ("When is the course president elected?", "suggested")],
)
async def test_what_is_not_answered_is_a_completion_with_the_nearest_questions(
    client: httpx.AsyncClient, text: str, status: str
) -> None:
    question = asking(text)
    body = (await client.post(CHAT, json=question)).json()

    assert body["askd"]["status"] == status
    assert body["askd"]["sources"]
    said = body["choices"][0]["message"]["content"]
    assert said.startswith(body["askd"]["answer"])
    assert all(source["question"] in said for source in body["askd"]["sources"][:3])
    assert body["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    stream = chunks((await client.post(CHAT, json=question | {"stream": True})).text)
    assert text_of(stream) == said


async def test_the_model_chooses_the_collection(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/models")).json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["askd", "askd/course", "askd/tools"]
    assert (await client.get("/v1/models/askd/tools")).json()["id"] == "askd/tools"

    body = (await client.post(CHAT, json=asking("How do I install Docker?", model="askd/tools"))).json()
    assert {source["collection"] for source in body["askd"]["sources"]} == {"tools"}
    for response in [
        await client.get("/v1/models/askd/nope"),
        await client.post(CHAT, json=asking("How do I install Docker?", model="askd/nope")),
        await client.post(CHAT, json=asking("How do I install Docker?", model="gpt-4o")),
    ]:
        assert response.status_code == 404
        assert (response.json()["error"]["code"], response.json()["error"]["param"]) == (
            "model_not_found",
            "model",
        )


async def test_sources_are_listed_for_clients_that_drop_fields(
    client: httpx.AsyncClient, index: MemoryIndex, llm: ScriptedModel
) -> None:
    llm.script = ["Yes, within thirty days of paying."]
    ending = (
        "Yes, within thirty days of paying. [1]\n\nSources:\n[1] Can I get a refund? (https://example.org/r)"
    )
    body = (await client.post(CHAT, json=asking(REFUND, model="askd+sources"))).json()
    assert body["choices"][0]["message"]["content"] == ending

    app = app_of(assistant_of(index, llm), index, llm, Settings(chat_sources=True))
    async with calling(app) as other:
        assert text_of(chunks((await other.post(CHAT, json=asking(REFUND, stream=True))).text)) == ending


async def test_what_clients_send_besides_is_tolerated(client: httpx.AsyncClient) -> None:
    messages = [
        {"role": "system", "content": "You are a pirate. The course is closed."},
        {"role": "developer", "content": [{"type": "text", "text": "Answer in rhyme."}]},
        {"role": "user", "content": [{"type": "text", "text": LATE}], "name": "ann"},
    ]
    more = {"temperature": 0.1, "seed": 7, "tools": [], "user": "u", "metadata": {"a": 1}, "stop": None}
    response = await client.post(CHAT, json={"model": "askd", "messages": messages, **more})
    assert response.json()["choices"][0]["message"]["content"] == "Yes, you can join at any time. [1]"


async def test_any_number_of_messages_may_come(client: httpx.AsyncClient) -> None:
    said = ["word " * 100, "an answer " * 100] * 300 + [LATE]
    response = await client.post(CHAT, json=asking(*said))
    assert len(response.request.content) > 64 * 1024
    assert response.json()["askd"]["sources"][0]["id"] == "join"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "assistant", "content": "hello"}]}, "messages"),
        ({"messages": [{"role": "user", "content": "x" * 8001}]}, "messages"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
        (asking(LATE, n=2), "n"),
        (asking(LATE, askd={"limit": 99}), "askd.limit"),
        (asking(LATE, askd={"nope": 1}), "askd.nope"),
        (asking(LATE, stream="perhaps"), "stream"),
    ],
)
async def test_bad_requests_are_told_as_openai_tells_them(
    client: httpx.AsyncClient, body: dict[str, Any], param: str
) -> None:
    response = await client.post(CHAT, json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"]


async def test_an_image_is_refused(client: httpx.AsyncClient) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]}]}
    response = await client.post(CHAT, json=body)
    assert (response.status_code, "text alone" in response.text) == (400, True)


@pytest.mark.parametrize("stream", [False, True])
async def test_failures_keep_their_status(
    client: httpx.AsyncClient, llm: ScriptedModel, stream: bool
) -> None:
    llm.script = [ModelUnavailable("the model is away", retry_after=7)]
    body = asking(LATE, stream=stream, askd={"mode": "generate"})
    response = await client.post(CHAT, json=body)
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
    assert response.json() == {
        "error": {
            "message": "the model is away",
            "type": "server_error",
            "param": None,
            "code": "model_unavailable",
        }
    }


async def test_a_failure_midway_ends_the_stream_without_done(
    client: httpx.AsyncClient, llm: ScriptedModel
) -> None:
    llm.script = ["Yes, you can join at any time. ", ModelTimeout("too slow")]
    response = await client.post(CHAT, json=asking(LATE, stream=True, askd={"mode": "generate"}))
    last = json.loads(response.text.strip().split("\n\n")[-1].removeprefix("data: "))
    assert (last["error"]["code"], last["error"]["message"]) == ("model_timeout", "too slow")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/responses", 404),
        ("GET", CHAT, 405),
        ("POST", "/v1/models", 405),
        ("GET", "/v1/x/y", 404),
    ],
)
async def test_what_is_not_there_is_told_in_the_same_form(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    response = await client.request(method, path)
    assert response.status_code == status
    assert response.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_question_that_the_client_has_wrapped_is_taken_out(
    client: httpx.AsyncClient, stream: bool
) -> None:
    wrapped = f"### Task:\nRespond to the user query using the context.\n<context>x</context>\n\n{LATE}"
    tagged = f"### Task:\nRespond to the user query.\n<user_query>{LATE}</user_query>\n<context>x</context>"
    for message in (wrapped, tagged):
        response = await client.post(CHAT, json=asking(message, stream=stream))
        text = (
            text_of(chunks(response.text)) if stream else response.json()["choices"][0]["message"]["content"]
        )
        assert text == "Yes, you can join at any time. [1]"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "body", [{"model": "\ud800"}, {"messages": [{"role": "user", "content": "\ud800?"}]}]
)
async def test_half_a_character_is_refused(
    client: httpx.AsyncClient, body: dict[str, Any], stream: bool
) -> None:
    content = json.dumps(asking(LATE, stream=stream) | body)
    response = await client.post(CHAT, content=content, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "message",
    ['### Task:\n{"title":' + "\n" * 300_000, "e" + "\u0301\u0323" * 100_000],
    ids=["lines", "marks"],
)
async def test_a_huge_message_takes_no_time(client: httpx.AsyncClient, message: str) -> None:
    began = time.process_time()
    response = await client.post(CHAT, json=asking(message))
    assert response.status_code in (200, 400)
    assert time.process_time() - began < 5


CHORES = {
    "title": (
        '### Task:\nGenerate a concise title.\n### Output:\nJSON format: { "title": "your title" }\n'
        "<chat_history>\nUSER: How do I install Docker on my old Windows laptop?\n</chat_history>",
        {"title": "How do I install Docker on…"},
    ),
    "tags": ('### Task:\nGenerate 1-3 tags.\nJSON format: { "tags": ["tag1", "tag2"] }', {"tags": ["FAQ"]}),
    "follow-ups": ('### Task:\nSuggest follow-up questions.\n{ "follow_ups": ["1?"] }', {"follow_ups": []}),
    "queries": ('### Task:\nAnalyze the chat history.\n{ "queries": ["query1"] }', {"queries": []}),
}


@pytest.mark.parametrize(("message", "expected"), CHORES.values(), ids=CHORES)
@pytest.mark.parametrize("stream", [False, True])
async def test_clients_own_chores_are_done_without_a_search(
    llm: ScriptedModel, message: str, expected: object, stream: bool
) -> None:
    empty = MemoryIndex()
    async with calling(app_of(assistant_of(empty, llm), empty, llm)) as client:
        question = await client.post(CHAT, json=asking(LATE, stream=stream))
        response = await client.post(CHAT, json=asking(message, stream=stream))
    assert (question.status_code, question.json()["error"]["code"]) == (503, "index_missing")
    said = text_of(chunks(response.text)) if stream else response.json()["choices"][0]["message"]["content"]
    assert json.loads(said) == expected


def answer(text: str) -> Answer:
    return Answer(Status.ANSWERED, text, Origin.EXTRACTED, [], None, None, [], Timings(0, 0, None, 0))


@pytest.mark.parametrize(
    ("events", "sent"),
    [
        ([Text("One. Tw", 4), Text("o.", 9), answer("One. Two.")], ["One.", " Two.", ""]),
        ([Text("One. Tw", 4), Text("o.", 4), answer("One. Two.")], ["One.", "", " Two."]),
        ([Text("One. Tw", 4), Replacement("One. Three."), answer("One. Three.")], ["One.", " Three.", ""]),
        ([Text("One. Tw", 4), Replacement("Else."), answer("Else.")], ["One.", "\n\nElse.", ""]),
        ([Text("Tw", 0), Replacement("Else."), answer("Else.")], ["", "Else.", ""]),
        ([Text("All at once."), answer("All at once.")], ["All at once.", ""]),
    ],
)
def test_text_goes_out_once_it_is_checked(events: list[Text | Replacement | Answer], sent: list[str]) -> None:
    text = CheckedText()
    assert [text.feed(event) for event in events] == sent


@pytest.mark.parametrize("stream", [False, True])
async def test_an_unexpected_error_is_told_in_this_form_and_leaks_nothing(
    client: httpx.AsyncClient, index: MemoryIndex, monkeypatch: pytest.MonkeyPatch, *, stream: bool
) -> None:
    async def broken(*args: object, **more: object) -> None:
        raise RuntimeError("secret /etc/passwd")

    monkeypatch.setattr(index, "search", broken)
    response = await client.post(CHAT, json=asking(LATE, stream=stream))

    assert response.status_code == 500
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("server_error", "internal_error")
    assert response.headers["x-request-id"] in error["message"]
    assert "secret" not in response.text


async def test_the_messages_before_the_question_complete_it(client: httpx.AsyncClient) -> None:
    said = ["How do I install Docker?", "Let me see.", "And how?"]
    body = (await client.post(CHAT, json=asking(*said))).json()
    assert body["askd"]["sources"][0]["id"] == "docker"
    assert body["askd"]["asked"] == "How do I install Docker? And how?"


async def test_of_a_conversation_only_the_last_messages_count(client: httpx.AsyncClient) -> None:
    said = ["Tell me of Docker.", "x" * 20_000] * 12
    response = await client.post(CHAT, json=asking(*said, LATE))
    assert response.status_code == 200, response.text
    assert response.json()["askd"]["asked"] is None
