"""Which buttons of a page are questions, and what deep or large pages cost."""

import time
from pathlib import Path

import pytest

from app.errors import BadFaqFile
from app.ingest.formats.html import page_to_markdown
from app.ingest.survey import survey

HEADINGS = "<h2>How do I pay?</h2><p>By card.</p><h2>Why?</h2><p>Thus.</p>"
ANSWERS = [("How do I pay?", "By card."), ("Why?", "Thus.")]


def read(folder: Path, html: str) -> list[tuple[str, str]]:
    path = folder / "a.html"
    path.write_text(html)
    found = survey([path], collection=None, strict=False)
    assert not found.bad
    return [(entry.question, entry.answer) for entry in found.entries()]


def button(name: str, panel: str, inside: str) -> str:
    opener = f'<button aria-expanded="false" aria-controls="{panel}">{name}</button>'
    return f'{opener}<div id="{panel}">{inside}</div>'


def test_buttons_that_open_a_category_are_its_title(tmp_path: Path) -> None:
    inside = "<h3>How do I pay?</h3><p>By card.</p><h3>Why?</h3><p>Thus.</p>"
    category = '<h2><button aria-expanded="false" aria-controls="c">Billing</button></h2><div id="c">'
    assert read(tmp_path, f"{category}{inside}</div>") == ANSWERS
    assert read(tmp_path, button("Billing", "c", inside)) == ANSWERS


def test_buttons_inside_what_a_button_opens_are_the_questions(tmp_path: Path) -> None:
    inside = button("How do I pay?", "a", "By card.") + button("Why?", "b", "Thus.")
    assert read(tmp_path, button("Billing", "c", inside)) == ANSWERS


@pytest.mark.parametrize(
    "menu",
    ["<li>Home</li><li>About us</li>", '<li><a href="/">Home</a></li> <li><a href="/a">About</a></li>'],
)
def test_a_menu_beside_headings_is_no_entry(tmp_path: Path, menu: str) -> None:
    assert read(tmp_path, button("Menu", "m", f"<ul>{menu}</ul>") + HEADINGS) == ANSWERS


def test_a_menu_of_links_beside_buttons_is_no_entry(tmp_path: Path) -> None:
    menu = button("Menu", "m", '<a href="/">Home</a> <a href="/a">About us</a>')
    questions = button("How do I pay?", "a", "By card.") + button("Why?", "b", "Thus.")
    assert read(tmp_path, menu + questions) == ANSWERS


def test_an_answer_may_have_headings(tmp_path: Path) -> None:
    page = button("How do I pay?", "a", "<h4>Cards</h4><p>All.</p>") + button("Why?", "b", "Thus.")
    assert read(tmp_path, page) == [("How do I pay?", "#### Cards\n\nAll."), ("Why?", "Thus.")]


def test_named_elements_around_questions_are_categories(tmp_path: Path) -> None:
    general = "<h4>How do I pay?</h4><p>By card.</p><h4>Why?</h4><p>Thus.</p>"
    terms = "<dl><dt>How fast is it?</dt><dd>A day.</dd></dl>"
    page = "".join(
        f'<div class="accordion-header">{title}</div><div class="accordion-body">{inside}</div>'
        for title, inside in (("General", general), ("Shipping", terms))
    )
    assert read(tmp_path, page) == [*ANSWERS, ("How fast is it?", "A day.")]
    found = survey([tmp_path / "a.html"], collection=None, strict=False)
    assert [entry.section for entry in found.entries()] == ["General", "General", "Shipping"]


def test_a_named_element_around_the_whole_faq_is_none_of_its_questions(tmp_path: Path) -> None:
    folds = "".join(f"<details><summary>{asked}</summary>{said}</details>" for asked, said in ANSWERS)
    page = f'<div class="faq-header">Our FAQ</div><div class="faq-content">{folds}</div>'
    assert read(tmp_path, f"<h1>Shop</h1>{page}") == ANSWERS


def test_a_fold_of_folded_questions_is_a_category(tmp_path: Path) -> None:
    folds = "".join(f"<details><summary>{asked}</summary>{said}</details>" for asked, said in ANSWERS)
    page = f"<details><summary>General</summary>{folds}</details>"
    assert read(tmp_path, page) == ANSWERS


def test_a_named_question_whose_answer_has_titles_is_no_category(tmp_path: Path) -> None:
    titled = "By card.<h4>Which?</h4>All."
    terms = "<dl><dt>Here</dt><dd>1 day</dd></dl>"
    page = "".join(
        f'<div class="faq-question">{asked}</div><div class="faq-answer">{inside}</div>'
        for asked, inside in (("How do I pay?", titled), ("Delivery", terms))
    )
    assert read(tmp_path, page) == [
        ("How do I pay?", "By card.\n\n#### Which?\n\nAll."),
        ("Delivery", "Here\n\n1 day"),
    ]


def test_an_answer_keeps_what_it_folds(tmp_path: Path) -> None:
    folded = "<p>By card.</p><details><summary>More</summary><p>Any card.</p></details><p>Soon.</p>"
    page = f'<div class="faq-question">How do I pay?</div><div class="faq-answer">{folded}</div>'
    assert read(tmp_path, page) == [("How do I pay?", "By card.\n\n**More**\n\nAny card.\n\nSoon.")]


def test_an_explanation_without_a_term_is_told_as_unused(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text("<dl><dd>For all: read on.</dd><dt>How do I pay?</dt><dd>By card.</dd></dl>")
    (report,) = survey([path], collection=None, strict=False).files
    assert "For all: read on." in report.notes.first_unused[0]


def test_no_mark_of_ours_is_left_where_questions_are_nested() -> None:
    nested = "<dl><dt>How?</dt><dd>So.<details><summary>Why?</summary>Thus.</details></dd></dl>"
    assert not set(page_to_markdown(nested)) & set("\ufdd0\ufdd1\ufdd2\ufdd3")


def test_a_deep_page_is_refused_before_it_costs_time() -> None:
    start = time.process_time()
    with pytest.raises(BadFaqFile, match="nested more than 100 elements deep"):
        page_to_markdown('<span style="font-weight:bold">a' * 3_000)
    assert time.process_time() - start < 1


def test_many_buttons_take_no_quadratic_time() -> None:
    page = "".join(button(f"How {number}?", f"p{number}", "So.") for number in range(4_000))
    start = time.process_time()
    assert page_to_markdown(page).count("<details>") == 4_000
    assert time.process_time() - start < 3
