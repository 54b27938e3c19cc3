"""Questions that HTML marks as such, kept through its conversion to Markdown by private characters."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

# The cleaning takes these characters out of every text: no file can bring them in.
_OPEN, _ANSWER, _CLOSE, LESS = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
BREAK = "\ufdd6"  # of a line, in a cell
_OURS = re.compile("[\ufdd0-\ufdd3\ufdd6]")
_BREAKS = re.compile(f"(?<=[^ |])[ \\t]*{BREAK}[ \\t]*(?=[^ |])")
MARKED = "askd-entry"  # a class
_DETAILS = re.compile(f"{_OPEN}(?P<question>.*?){_ANSWER}(?P<answer>.*?){_CLOSE}", re.DOTALL)
_SIGN = r"[+\-−–—×✕✖▲▼▾▿⌄⌃˅▶►▸❯›»⊕]|&#?\w+;"
_SIGNS = re.compile(rf"^(?:{_SIGN})\s+|\s+(?:{_SIGN})+$")  # to open and close it by


def without_marks(text: str) -> str:
    return _OURS.sub("", text)


def mark(block: LexborNode, question: LexborNode | None, answer: LexborNode | None = None) -> None:
    """Rewrites the block so that question and answer can be distinguished after the conversion; not within
    another entry, nor around one: such marks could not be told apart."""
    if question is None or _is_taken(block):
        return
    asked = question.text()
    if answer is None:
        if question.parent is not None and question.parent.mem_id == block.mem_id:
            question.decompose()
        inside = block.inner_html or ""
    else:
        inside = answer.inner_html or ""
    _rewrite(block, asked, inside)


def mark_text(block: LexborNode, question: LexborNode, answer: str) -> bool:
    """The same, with an answer that is HTML from elsewhere; whether it was done."""
    if _is_taken(block):
        return False
    _rewrite(block, question.text(), answer)
    return True


def _is_taken(block: LexborNode) -> bool:
    node: LexborNode | None = block
    while node is not None:
        if node.attributes.get("class") == MARKED:
            return True
        node = node.parent
    return block.css_first(f".{MARKED}") is not None


def _rewrite(block: LexborNode, question: str, inside: str) -> None:
    asked = " ".join(question.split())
    asked = _SIGNS.sub("", asked) or asked
    marked = LexborHTMLParser(
        f'<div class="{MARKED}"><p>{_OPEN}{escaped(asked)}{_ANSWER}</p>'
        f"<div>{inside}</div><p>{_CLOSE}</p></div>"
    )
    if marked.body is not None and marked.body.child is not None:
        block.replace_with(marked.body.child)


def marked_as_details(markdown: str) -> str:
    """What was marked as `<details>` blocks, where the reader of documents finds them."""
    written = _BREAKS.sub("<br>", _DETAILS.sub(_as_details, markdown))
    return without_marks(written)  # nested ones leave marks


def _as_details(found: re.Match[str]) -> str:
    question = " ".join(found["question"].split())
    return f"\n\n<details>\n<summary>{question}</summary>\n\n{found['answer'].strip()}\n\n</details>\n\n"


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
