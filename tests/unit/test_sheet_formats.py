"""Numbers as workbooks show them, and code pages by the letters of a language."""

import io

import pytest

from app.ingest.formats.encoding import text_of
from app.ingest.formats.number_formats import number_format
from app.ingest.report import Notes


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("0%", 0.15, "15%"),
        ("0.0%", 0.125, "12.5%"),
        ('#,##0.00 "€"', 1234.5, "1,234.50 €"),
        ("[$$-409]#,##0.00;[Red]-[$$-409]#,##0.00", 4.9, "$4.90"),
        (r"0.00\ [$€-407]", -3, "-3.00 €"),
        ("0.##", 1.5, "1.5"),
        ("0000", 42, "0042"),
    ],
)
def test_a_number_is_read_as_its_cell_shows_it(code: str, value: float, shown: str) -> None:
    found = number_format(code)
    assert found is not None
    assert found.shown(value) == shown


@pytest.mark.parametrize(
    "code",
    ["General", "0", "@", "dd.mm.yyyy", "# ?/?", "0.00E+00", "", '#,##0,"k"', '0.0,,"M"', '[>=1000]0,"k";0'],
)
def test_a_format_that_says_nothing_of_a_number_is_none(code: str) -> None:
    assert number_format(code) is None


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("Für wen ist das?;Für alle über 18.", "cp1252"),
        ("Où trouver l'été ?;À côté de la mairie, déjà ouverte.", "cp1252"),
        ("It’s here—now…;Then €5.", "cp1252"),
        ("Jak mogę zapłacić?;Kartą lub przelewem.", "cp1250"),
        ("Jak mohu zaplatit?;Částka se připíše příští den.", "cp1250"),
        ("Nasıl ödeyebilirim?;Şüpheniz olmasın, ertesi gün.", "cp1254"),
        ("Wie heißt die Straße?;Müllerstraße, täglich geöffnet.", "mac_roman"),
        ("Wie heißt die Straße?;Müllerstraße, täglich geöffnet.", "cp850"),
        ("Как оплатить?;Картой на сайте.", "cp1251"),
    ],
)
def test_a_short_text_is_read_in_the_code_page_of_its_language(text: str, page: str) -> None:
    notes = Notes()
    assert (
        text_of(io.BytesIO(f"question;answer\n{text}\n".encode(page)), None, notes)
        .read()
        .endswith(f"{text}\n")
    )
    assert len(notes.warnings) == 1
