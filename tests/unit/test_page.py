"""The page's document: language, texts, colours, settings. tests/browser/ has the page itself."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.page.document import STATIC, WEB, Document, Logo, read_texts
from app.api.page.theme import CONTRAST, DARK, WHITE, contrast, style_of
from app.api.problems import STATUS, status_of
from app.domain import NoticeCode
from app.errors import BadSettings, SetupError, name_of
from app.settings import Settings
from tests.unit.test_layers import every_error

TEXTS = read_texts()


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", TEXTS)
def test_every_language_has_all_texts(code: str) -> None:
    assert TEXTS[code].keys() == TEXTS["en"].keys()
    for name, text in TEXTS["en"].items():
        other = TEXTS[code][name]
        if isinstance(text, dict):
            assert isinstance(other, dict)
            assert other.keys() == text.keys()
        else:
            assert set(re.findall(r"\{\w+\}", str(other))) == set(re.findall(r"\{\w+\}", str(text)))


def test_there_are_words_for_every_notice_and_for_failures_of_the_service() -> None:
    notices, failures = TEXTS["en"]["notices"], TEXTS["en"]["failures"]
    assert isinstance(notices, dict)
    assert isinstance(failures, dict)
    assert set(notices) == set(NoticeCode.__args__)  # type: ignore[attr-defined]
    down = {name_of(kind) for kind in STATUS if status_of(kind) >= 503 and not issubclass(kind, SetupError)}
    assert down | {"feedback-token-invalid", "feedback-token-expired"} <= set(failures)
    named = {name_of(kind) for kind in every_error()} | {
        "unauthorized",
        "forbidden",
        "too-many-requests",
        "invalid-request",
    }
    assert set(failures) - named == {"offline", "unreachable", "broken", "other"}


def test_the_scripts_use_no_text_that_there_is_not() -> None:
    used = {
        name
        for file in STATIC.glob("*.js")
        for name in re.findall(r"\bt\('(\w+)'|\btexts\.(?!js)(\w+)", file.read_text("utf-8"))
        for name in name
        if name
    }
    assert used <= set(TEXTS["en"])
    assert len(used) > 20


@pytest.mark.parametrize(
    ("accepted", "wanted", "language"),
    [
        ("", "", "en"),
        ("de-AT,de;q=0.9,en;q=0.8", "", "de"),
        ("fr-FR,es;q=0.5,de;q=0.7", "", "de"),
        ("fr", "", "en"),
        ("de;q=0,es", "", "es"),
        ("de;q=x, es;q=0.1", "", "es"),
        ("de", "es", "es"),
        ("de", "xx", "de"),
        ("*", "", "en"),
    ],
)
def test_the_language_is_the_readers(accepted: str, wanted: str, language: str) -> None:
    assert Document.of(settings()).language(accepted, wanted) == language


def test_else_it_is_that_of_the_faq() -> None:
    assert Document.of(settings(language="spanish")).language("fr") == "es"
    assert Document.of(settings(language="finnish")).language("fr") == "en"


def test_the_settings_are_in_the_document_as_text() -> None:
    given = settings(page_name="A & <b>", page_greeting='"Hi"</h2>', page_examples="One?; </script>Two? ;")
    html = Document.of(given).html["en"].decode()
    assert "<title>A &amp; &lt;b&gt;</title>" in html
    assert "&quot;Hi&quot;&lt;/h2&gt;" in html
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert data
    assert json.loads(data[1])["examples"] == ["One?", "</script>Two?"]


def test_no_address_in_the_document_or_the_scripts_is_absolute() -> None:
    texts = [
        (WEB / "page.html").read_text("utf-8"),
        *(path.read_text("utf-8") for path in STATIC.glob("*.*s")),
    ]
    assert not re.findall(
        r"""(?:href|src|url\(|from |fetch\()["'= ]*(/[^'">]*|https?:[^'">]*)""", "".join(texts)
    )


@given(st.integers(0, 0xFFFFFF))
def test_any_accent_colour_can_be_read(color: int) -> None:
    light, on_light, dark, on_dark = re.findall(r"#[0-9a-f]{6}", style_of(f"#{color:06x}"))
    assert (on_light, on_dark) == (WHITE, DARK)
    assert contrast(light, WHITE) >= CONTRAST
    assert contrast(dark, DARK) >= CONTRAST


def test_black_and_white_have_the_contrast_that_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == 21


def test_the_logo_is_a_picture_of_a_known_type(tmp_path: Path) -> None:
    assert Logo.of(settings()) is None
    picture = tmp_path / "logo.SVG"
    picture.write_bytes(b"<svg/>")
    logo = Logo.of(settings(page_logo=picture))
    assert logo == Logo(b"<svg/>", "image/svg+xml")
    for name, content in {"logo.exe": b"", "missing.png": None, "large.png": b"0" * 300_000}.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(BadSettings, match="ASKD_PAGE_LOGO"):
            Logo.of(settings(page_logo=tmp_path / name))
