"""HTML as Markdown: selectolax takes out what runs or is hidden, html-to-markdown writes the rest.

Questions that HTML marks as such (`<details>`, definition lists, schema.org's microdata) become
`<details>` blocks of the Markdown, where the reader of documents finds them.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from html_to_markdown import ConversionError, ConversionOptions, convert
from selectolax.lexbor import LexborHTMLParser, LexborNode

from app.errors import BadFaqFile
from app.ingest.cleaning import without_code
from app.ingest.formats.accordions import mark_accordions
from app.ingest.formats.html_marks import (
    BREAK,
    LESS,
    escaped,
    mark,
    mark_text,
    marked_as_details,
    without_marks,
)
from app.ingest.formats.questions import asks

_GONE = (
    "script, style, template, noscript, iframe, object, embed, svg, head > title, link, meta, input, select"
)
_AROUND = (
    "nav, header, footer, aside, [role=navigation], [role=banner], [role=contentinfo]"
    ", #footer, .page-metadata, #breadcrumb-section"  # Confluence's
)
_BOLD_CLASS = re.compile(r"\.([\w-]+)\s*\{[^{}]*font-weight:\s*(?:bold|[6-9]00)")
_BOLD_STYLE = re.compile(r"font-weight:\s*(?:bold|[6-9]00)", re.IGNORECASE)
_GOOGLE_LINK = re.compile(r"https?://www\.google\.com/url\?(?:.*&)?q=([^&]+)")
_DEEPEST = 100  # elements: the writer is silent about what lies far deeper
_TOO_DEEP = " > ".join(["*"] * (_DEEPEST + 1))
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # entities become them: &#1;
_SPOKEN_TAG = re.compile(r"&lt;(?=[a-zA-Z/!?])")
_OPTIONS = ConversionOptions(
    extract_metadata=False,
    bullets="-",
    wrap=False,
    inline_data_media="alt_text_only",
    hidden_content="reachable",
    compact_tables=True,
)
_CONFLUENCE_CODE = re.compile(
    r"<ac:structured-macro\b[^>]*ac:name=\"(?:code|noformat)\"[^>]*>(?P<inside>.*?)</ac:structured-macro>",
    re.S,
)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_LANGUAGE = re.compile(r"<ac:parameter ac:name=\"language\">(\w+)</ac:parameter>")


def to_markdown(text: str) -> str:
    """A piece of HTML as Markdown. Raises BadFaqFile where it is nested too deeply to be a text."""
    return _written(LexborHTMLParser(_plain_macros(without_marks(text))))


def page_to_markdown(text: str) -> str:
    """The content of a page, without what stands around it."""
    tree = LexborHTMLParser(_plain_macros(without_marks(text)))
    for node in tree.css(_AROUND):
        if not node.css_first("details, dl, h2, h3, h4, [itemprop]"):
            node.decompose()
    if tree.body is not None:
        _refuse_depth(tree.body)
    _plain_google_docs(tree)
    mark_accordions(tree)
    for microdata in tree.css("[itemtype$='schema.org/Question']"):
        mark(microdata, microdata.css_first("[itemprop=name]"), microdata.css_first("[itemprop=text]"))
    for details in tree.css("details"):
        summary = details.css_first("summary")
        is_category = summary is not None and not asks(summary.text()) and details.css_first("details")
        if not (is_category and any(asks(inside.text()) for inside in details.css("summary"))):
            mark(details, summary)
    _mark_definitions(tree)
    _mark_breaks_of_cells(tree)
    return marked_as_details(_written(tree))


def json_ld(text: str) -> list[str]:
    """The JSON-LD a page holds."""
    tree = LexborHTMLParser(text)
    return [node.text() for node in tree.css("script") if "ld+json" in (node.attributes.get("type") or "")]


def _written(tree: LexborHTMLParser) -> str:
    for node in tree.css(_GONE):
        node.decompose()
    body = tree.body
    if body is None or body.html is None:
        return ""
    _refuse_depth(body)
    # A tag that is spoken of stays text: it must not become one.
    html = _CONTROL.sub("", _SPOKEN_TAG.sub(LESS, body.html))
    try:
        content: str | None = convert(html, _OPTIONS).content
    except ConversionError as error:
        raise BadFaqFile(f"HTML that cannot be converted: {error}") from error
    written = (content or "").replace("\xa0", " ").strip()
    return without_code(written, lambda piece: piece.replace(LESS, "&lt;")).replace(LESS, "<")


def _refuse_depth(body: LexborNode) -> None:
    if body.css_first(_TOO_DEEP) is not None:
        raise BadFaqFile(f"HTML nested more than {_DEEPEST} elements deep")


def _plain_google_docs(tree: LexborHTMLParser) -> None:
    """Bold by style is bold, and a link leads where it says instead of to a page that leads there."""
    style = " ".join(node.text() for node in tree.css("style"))
    bold = set(_BOLD_CLASS.findall(style))
    for span in tree.css("span"):
        is_bold = bool(bold & set((span.attributes.get("class") or "").split()))
        is_bold = is_bold or bool(_BOLD_STYLE.search(span.attributes.get("style") or ""))
        if is_bold and span.text().strip() and not re.fullmatch("h[1-6]", getattr(span.parent, "tag", "")):
            wrapped = LexborHTMLParser(f"<b>{span.inner_html or ''}</b>")
            if wrapped.body is not None and wrapped.body.child is not None:
                span.replace_with(wrapped.body.child)
    for link in tree.css("a[href*='google.com/url?']"):
        if target := _GOOGLE_LINK.match(link.attributes.get("href") or ""):
            link.attrs["href"] = unquote(target[1])


def _mark_definitions(tree: LexborHTMLParser) -> None:
    """Each term with all that explains it; terms that follow each other share their explanation."""
    taken: dict[int, LexborNode] = {}
    for term in tree.css("dt"):
        if term.parent is None:
            continue
        explained = list(_explained(term))
        if explained and mark_text(term, term, "".join(node.html or "" for node in explained)):
            taken |= {node.mem_id: node for node in explained}
    for definition in reversed(taken.values()):  # those within others first
        definition.decompose()


def _explained(term: LexborNode) -> Iterator[LexborNode]:
    node, began = term.next, False
    while node is not None and not (began and node.tag == "dt"):
        if node.tag == "dd":
            began = True
            yield node
        node = node.next


def _mark_breaks_of_cells(tree: LexborHTMLParser) -> None:
    """A cell of a Markdown table has one line: `<br>` is how it says more."""
    for tag, sign in (("br", BREAK), ("li", f"{BREAK}- "), ("p", BREAK)):
        for node in tree.css(f"td {tag}"):
            if tag == "br":
                node.replace_with(sign)
            elif node.child is not None:
                node.child.insert_before(sign)


def _plain_macros(text: str) -> str:
    """Confluence keeps code in macros of its own."""

    def code(macro: re.Match[str]) -> str:
        inside = _CDATA.search(macro["inside"])
        language = _LANGUAGE.search(macro["inside"])
        kind = f' class="language-{language[1]}"' if language else ""
        return f"<pre><code{kind}>{escaped(inside[1] if inside else '')}</code></pre>"

    if "ac:structured-macro" in text:
        text = _CONFLUENCE_CODE.sub(code, text)
    return text
