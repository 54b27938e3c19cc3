"""What chat clients ask a model for by themselves: titles, tags, follow-up questions, search queries.

They send these as ordinary messages, several after every answer. A FAQ has no answer to them, so they are
recognised by the wording of the clients' templates (Open WebUI, LibreChat), and answered without a search.
Open WebUI also wraps a question in what it found in files of its own; then the question itself is taken out.
"""

import json
import re
from collections.abc import Callable, Mapping

_TITLE_WORDS = 6
_FIRST_QUESTION = re.compile(r"^[ \t]*(?:USER|User|user|Human)[ \t]*:[ \t]*(?P<said>\S.*)$", re.MULTILINE)
_LIBRECHAT_TITLE = re.compile(r"\b5-word-or-less title\b")
_WRAPPED = re.compile(r"\s*### Task:\s*Respond to the user query")
_WANTED = re.compile(r'\{\s*"(?P<key>title|tags|follow_ups|queries|text)"\s*:')


def done_chore(message: str) -> str | None:
    """The reply to a chore; None where the message is a question."""
    if _WRAPPED.match(message):
        return None
    if _LIBRECHAT_TITLE.search(message) and "conversation" in message:
        return _title(message)
    if not message.lstrip().startswith("### Task:"):
        return None
    wanted = _WANTED.search(message)
    if wanted is None:
        return None
    return json.dumps({wanted["key"]: _ANSWERS[wanted["key"]](message)}, ensure_ascii=False)


def question_in(message: str) -> str:
    """The question itself, where Open WebUI has wrapped it in what it found elsewhere."""
    if not _WRAPPED.match(message):
        return message
    _, opened, rest = message.rpartition("<user_query>")
    if opened:
        return rest.partition("</user_query>")[0]
    return message.rpartition("</context>")[2]


def _title(message: str) -> str:
    asked = _FIRST_QUESTION.search(message)
    words = asked["said"].split() if asked else ["FAQ"]
    return " ".join(words[:_TITLE_WORDS]) + ("…" if len(words) > _TITLE_WORDS else "")


_ANSWERS: Mapping[str, Callable[[str], object]] = {
    "title": _title,
    "tags": lambda message: ["FAQ"],
    "follow_ups": lambda message: [],
    "queries": lambda message: [],
    "text": lambda message: "",
}
