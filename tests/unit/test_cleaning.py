import pytest

from app.domain import FaqEntry
from app.ingest.cleaning import web_address, whole_links
from app.ingest.records import Raw, entry_of
from app.ingest.report import Notes


def answer(text: str, base_url: str | None = None) -> str:
    raw = Raw({"question": "Q?", "answer": text}, "line 1")
    entry = entry_of(raw, collection="c", base_url=base_url, notes=Notes())
    assert isinstance(entry, FaqEntry)
    return entry.answer


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("<p>Yes, within <b>30&nbsp;days</b>.</p><!-- no -->", "Yes, within **30 days**."),
        ("<ul><li>a<ol><li>b</li></ol></li></ul>", "- a\n  1. b"),
        ("<pre><code class='language-sh'>a &amp;&amp; b\n  c</code></pre>", "```sh\na && b\n  c\n```"),
        ("Go <a href='https://a.example/x'>there</a>.", "Go [there](https://a.example/x)."),
        ("<p>a</p><script>x()</script><style>p{}</style><iframe src='https://e.example'></iframe>", "a"),
        ("<a href='javascript:x()'>b</a>", "b"),
        ("Only if a<b>c, and </i> is lost.", "Only if a<b>c, and </i> is lost."),
        ("<p>Use the &lt;b&gt; tag and <code>&lt;p&gt;</code></p>", "Use the &lt;b> tag and `<p>`"),
        ("<p>&lt;script&gt;x()&lt;/script&gt;</p>", "&lt;script>x()&lt;/script>"),
        ("Use `<p>` and List<String>; a < b.", "Use `<p>` and List<String>; a < b."),
        ("```html\n<p>x</p>\n```", "```html\n<p>x</p>\n```"),
        ("**Bold**<br>and\n- a <b>list</b>", "**Bold**  \nand\n- a **list**"),
        ("&lt;p&gt;Twice &amp;amp; escaped&lt;/p&gt;", "Twice & escaped"),
        ("It&#39;s &quot;new&quot;", 'It\'s "new"'),
        ("R&amp;D", "R&amp;D"),
    ],
)
def test_html_becomes_markdown(given: str, wanted: str) -> None:
    assert answer(given) == wanted
    assert answer(wanted) == wanted


def test_relative_links_are_resolved_or_become_words() -> None:
    text = "See [a](b/c), ![p](p.png), [d](https://d.example), `[x](y)`."
    assert answer(text) == "See a, ![p](p.png), [d](https://d.example), `[x](y)`."
    assert answer(text, "https://h.example/f/") == (
        "See [a](https://h.example/f/b/c), ![p](https://h.example/f/p.png), [d](https://d.example), `[x](y)`."
    )
    assert whole_links("[a](b) [c](d)", None) == ("a c", 2)


@pytest.mark.parametrize(
    ("url", "base", "wanted"),
    [
        ("/help", None, None),
        ("/help", "https://a.example/x", "https://a.example/help"),
        ("www.a.example/x", None, "https://www.a.example/x"),
        ("javascript:alert(1)", "https://a.example", None),
        ("http://[", None, None),
    ],
)
def test_addresses_are_absolute_or_none(url: str, base: str | None, wanted: str | None) -> None:
    assert web_address(url, base) == wanted


def test_control_characters_are_taken_out_and_counted() -> None:
    notes = Notes()
    raw = Raw({"question": "a\x1b[31m?", "answer": "one\x0btwo\0"}, "line 1")
    entry = entry_of(raw, collection="c", base_url=None, notes=notes)
    assert isinstance(entry, FaqEntry)
    assert (entry.question, entry.answer, notes.control_characters) == ("a?", "one\ntwo", 2)
