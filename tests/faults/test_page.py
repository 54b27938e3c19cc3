from tests.faults.page import COMMITTED, GENERATED, Page


def test_the_committed_page_tells_what_was_seen(page: Page) -> None:
    page.write(GENERATED)
    assert page.faults >= 40, "run all of tests/faults: the page is written from what they saw"
    assert COMMITTED.read_text(encoding="utf-8") == page.text(), (
        "callers see something else than docs/resilience.md says; "
        "if that is right, copy reports/resilience.md over it"
    )
