"""Accordions of web pages: buttons with what they open, and elements whose classes say what they are."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from app.ingest.formats.html_marks import escaped, mark
from app.ingest.formats.questions import asks

_BUTTONS = ", ".join(
    (
        *(f"{button}[aria-expanded][aria-controls]" for button in ("button", "[role=button]")),
        *(f"[{toggle}=collapse]" for toggle in ("data-toggle", "data-bs-toggle")),  # Bootstrap's
    )
)
_CONTROLS = ("aria-controls", "data-bs-target", "data-target", "href")
_HEADINGS = "h1, h2, h3, h4, h5, h6"
_TITLES = f"{_HEADINGS}, dt, summary"
_PARTS = "dl, details, [aria-controls], [itemprop]"
_QUESTION_CLASS = re.compile(
    r"(?:.*[-_])?(?:question|accordion[-_]*(?:header|heading|title|button|trigger|toggle|head)|faq[-_]*(?:q|title|head|header))",
    re.IGNORECASE,
)
_ANSWER_CLASS = re.compile(
    r"(?:.*[-_])?(?:answer|accordion[-_]*(?:body|content|panel|text|collapse)|faq[-_]*(?:a|body|content|panel|text))",
    re.IGNORECASE,
)
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LONGEST = 500  # characters of a question


def mark_accordions(tree: LexborHTMLParser) -> None:
    _mark_buttons(tree)
    _mark_named(tree)


def _mark_named(tree: LexborHTMLParser) -> None:
    """`<div class="faq-question">` and the `<div class="faq-answer">` beside it."""
    pairs: list[tuple[LexborNode, LexborNode]] = []
    answers: set[int] = set()
    for node in tree.css("[class]"):
        if not _is_named(node, _QUESTION_CLASS) or not 0 < len(node.text().strip()) <= _LONGEST:
            continue
        answer = _answer_beside(node)
        if answer is not None and answer.mem_id not in answers:
            answers.add(answer.mem_id)
            pairs.append((node, answer))
    outer = {
        answer.mem_id for question, answer in pairs if _has_questions(answer, is_answer=asks(question.text()))
    }
    for question, answer in pairs:
        if answer.mem_id in outer:
            _head(question, answer)
        else:
            mark(answer, question)
            question.decompose()


def _head(title: LexborNode, category: LexborNode) -> None:
    """Writes a category's title as a heading above those of its questions, else it would end the answer
    before it."""
    if title.css_first(_HEADINGS) is not None or title.tag in _HEADINGS.split(", "):
        return
    level = min((int((inside.tag or "h4")[1]) for inside in category.css(_HEADINGS)), default=4) - 1
    if level > 1:  # a first level is the page's own
        title.inner_html = f"<h{level}>{escaped(title.text())}</h{level}>"


def _has_questions(answer: LexborNode, *, is_answer: bool) -> bool:
    """Whether this is a category of questions; an answer may have titles, too, and one of them may ask."""
    if any(_is_named(node, _QUESTION_CLASS) for node in answer.css("[class]")):
        return True
    return sum(asks(node.text()) for node in answer.css(_TITLES)) > is_answer


def _answer_beside(question: LexborNode) -> LexborNode | None:
    """The next element, or that of an element around the question."""
    node: LexborNode | None = question
    for _ in range(3):
        if node is None:
            return None
        beside = node.next
        while beside is not None and beside.tag == "-text":
            beside = beside.next
        if beside is not None:
            return beside if _is_named(beside, _ANSWER_CLASS) else None
        node = node.parent
    return None


def _is_named(node: LexborNode, pattern: re.Pattern[str]) -> bool:
    classes = (node.attributes.get("class") or "").split()
    return any(pattern.fullmatch(_HUMPS.sub("-", name)) for name in classes)


def _mark_buttons(tree: LexborHTMLParser) -> None:
    """Buttons, and the elements that they open; not those of menus, nor of categories of questions."""
    by_id: dict[str, list[LexborNode]] = {}
    for node in tree.css("[id]"):
        by_id.setdefault(node.attributes.get("id") or "", []).append(node)
    found: list[_Accordion] = []
    for button in tree.css(_BUTTONS):
        controlled = " ".join(button.attributes.get(name) or "" for name in _CONTROLS).split()[:1]
        panels = by_id.get(controlled[0].removeprefix("#"), []) if controlled else []
        heading = button.parent
        if len(panels) == 1 and heading is not None and not _holds(panels[0], button):
            found.append(_Accordion(button, panels[0], heading))
    own = {one.heading.mem_id for one in found}
    if not any(asks(one.button.text()) for one in found) and any(
        asks(heading.text()) for heading in tree.css(_HEADINGS) if heading.mem_id not in own
    ):
        return  # the headings are the questions
    nested = any(one.in_heading and one.has_parts for one in found)
    for one in found:
        if one.has_parts or one.is_menu or (nested and one.in_heading):
            continue
        mark(one.panel, one.button)
        one.button.decompose()
        if one.in_heading and not one.heading.text().strip():
            one.heading.decompose()


class _Accordion:
    """A button, the element it opens, and the element around the button. What the page is before anything
    is rewritten counts."""

    def __init__(self, button: LexborNode, panel: LexborNode, heading: LexborNode) -> None:
        self.button, self.panel, self.heading = button, panel, heading
        self.in_heading = heading.tag in _HEADINGS.split(", ")
        is_question = asks(button.text())
        # Questions of its own. A question's answer may have headings that are none.
        self.has_parts = panel.css_first(_PARTS) is not None or any(
            not is_question or asks(one.text()) for one in panel.css(_HEADINGS)
        )
        links = "".join(link.text() for link in panel.css("a"))
        self.is_menu = "".join(links.split()) == "".join(panel.text().split()) and not is_question


def _holds(outer: LexborNode, inner: LexborNode) -> bool:
    node = inner.parent
    while node is not None:
        if node.mem_id == outer.mem_id:
            return True
        node = node.parent
    return False
