import re
from html.parser import HTMLParser

import pytest

from app.domain import Status
from app.evaluation.abstention import ANSWERABLE, UNANSWERABLE, abstention
from app.evaluation.metrics import quality
from app.evaluation.questions import Catalogue
from app.evaluation.report import abstention_page, retrieval_page
from tests.support.finder import entries, outcome

A, B = entries("a", "<script>alert('b')</script>")
ABOUT = {"command": "askd eval retrieval <faq>", "faq": "faq.json, 2 entries"}
LOADING = {"src", "srcset", "href", "data", "poster", "action", "background"}


class Page(HTMLParser):
    """What a browser would have to fetch, the ids there are, the text, and the styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self.text = ""
        self.styles = ""
        self.policy = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        given = dict(attrs)
        self.fetched += [(tag, value) for name, value in attrs if name in LOADING]
        if found := given.get("id"):
            self.ids.append(found)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.styles += data
        elif self._inside != "script":
            self.text += data


@pytest.fixture(scope="module")
def retrieval() -> Page:
    found = quality([outcome([A], [A]), outcome([B], [A, B], text="Which <b>?")], Catalogue([A, B]))
    return Page(retrieval_page(ABOUT, {"lexical": found, "hybrid": found}))


@pytest.fixture(scope="module")
def declined() -> Page:
    found = abstention(
        {ANSWERABLE: [outcome([A], [A])], UNANSWERABLE: [outcome([], [A], status=Status.NO_ANSWER)]}
    )
    return Page(abstention_page(ABOUT, found))


@pytest.mark.parametrize("name", ["retrieval", "declined"])
def test_a_page_has_nothing_to_load(name: str, request: pytest.FixtureRequest) -> None:
    page: Page = request.getfixturevalue(name)
    assert page.fetched == []
    assert not re.search(r"@import|url\(", page.styles)
    assert page.policy.startswith("default-src 'none';")
    assert "http" not in page.policy


def test_the_pages_hold_their_plots(retrieval: Page, declined: Page) -> None:
    assert retrieval.ids == ["measures", "latency"]
    assert declined.ids == ["trade", "thresholds"]


def test_the_figures_and_the_worst_questions_can_be_read(retrieval: Page) -> None:
    for said in ("lexical", "hybrid", "hit@5", "ndcg@10", "0.500", "Which <b>?", B.question):
        assert said in retrieval.text


def test_what_others_wrote_is_text_and_nothing_else(retrieval: Page) -> None:
    assert "askd eval retrieval <faq>" in retrieval.text
    assert "<script>alert" in retrieval.text
