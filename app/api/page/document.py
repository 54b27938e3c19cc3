"""The HTML of the pages: of the one at / in each of its languages, with its texts and settings in it."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from app.api.page.theme import style_of
from app.errors import BadSettings
from app.ranking.languages import language_named
from app.settings import Settings

WEB = Path(__file__).parents[2] / "web"
STATIC = WEB / "static"
RIGHT_TO_LEFT = frozenset(["ar"])
_DEFAULT = "en"
_LOGO_BYTES = 256 * 1024
_LOGO_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}

Texts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Logo:
    content: bytes
    media_type: str

    @classmethod
    def of(cls, settings: Settings) -> "Logo | None":
        """Raises BadSettings."""
        path = settings.page_logo
        if path is None:
            return None
        media_type = _LOGO_TYPES.get(path.suffix.lower())
        if media_type is None:
            raise BadSettings(f"ASKD_PAGE_LOGO: {path} must be an SVG, PNG, JPEG or WebP file")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BadSettings(f"ASKD_PAGE_LOGO: {path} cannot be read") from error
        if len(content) > _LOGO_BYTES:
            raise BadSettings(f"ASKD_PAGE_LOGO: {path} is larger than {_LOGO_BYTES // 1024} KiB")
        return cls(content, media_type)


@dataclass(frozen=True, slots=True)
class Document:
    """The pages: all that a request for them is answered with."""

    html: Mapping[str, bytes]  # language -> the whole document
    admin: bytes  # the page for owners, in English
    default: str  # the language for readers whose own there is none of
    policy: str  # their Content-Security-Policy
    version: str  # of the static files: part of their path, so that they can be cached for ever

    @classmethod
    def of(cls, settings: Settings) -> "Document":
        """Raises BadSettings."""
        texts = read_texts()
        version, style = _version(), style_of(settings.page_color)
        index_language = next((code for code in texts if language_named(code) == settings.language), _DEFAULT)
        html = {code: _html(code, texts[code], settings, version, style) for code in texts}
        return cls(html, _admin_html(settings, version, style), index_language, _policy(style), version)

    def language(self, accepted: str, wanted: str = "") -> str:
        """`wanted` where there are texts in it, else the best of the header Accept-Language."""
        for name in (wanted, *_by_preference(accepted)):
            code = name.strip().lower().partition("-")[0]
            if code in self.html:
                return code
        return self.default


def read_texts() -> Mapping[str, Texts]:
    """What the page says, by language."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(WEB.glob("texts/*.json"))}


def _html(code: str, texts: Texts, settings: Settings, version: str, style: str) -> bytes:
    examples = [item.strip() for item in (settings.page_examples or "").split(";")]
    # URLs are relative: the page may be behind a proxy that puts a prefix before all paths.
    static = f"page/{version}"
    data = {
        "texts": texts,
        "examples": [item for item in examples if item],
        "keepDays": settings.keep_questions,
    }
    said = {
        "lang": code,
        "dir": "rtl" if code in RIGHT_TO_LEFT else "ltr",
        "name": settings.page_name,
        "greeting": settings.page_greeting or str(texts["greeting"]),
        "icon": _icon(settings, version),
        "static": static,
        **{f"t_{name}": text for name, text in texts.items() if isinstance(text, str)},
    }
    kept = str(texts["kept"]).format(n=settings.keep_questions) if settings.keep_questions else ""
    template = Template((WEB / "page.html").read_text("utf-8"))
    return template.substitute(
        {name: escape(str(text)) for name, text in said.items()},
        style=style,
        kept=f"<p>{escape(kept)}</p>\n" if kept else "",
        # In a script element no character but this one can end it.
        data=json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
    ).encode()


def _admin_html(settings: Settings, version: str, style: str) -> bytes:
    template = Template((WEB / "admin.html").read_text("utf-8"))
    return template.substitute(
        name=escape(settings.page_name),
        icon=_icon(settings, version),
        static=f"page/{version}",
        style=style,
    ).encode()


def _icon(settings: Settings, version: str) -> str:
    return "page/logo" if settings.page_logo else f"page/{version}/icon.svg"


def _policy(style: str) -> str:
    """Nothing inline but the accent colour, nothing from elsewhere, and no HTML from strings."""
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'sha256-{digest}'; connect-src 'self'; "
        "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _version() -> str:
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _by_preference(accepted: str) -> list[str]:
    """The languages of an Accept-Language header, best first (RFC 9110, 12.5.4)."""
    languages = []
    for item in accepted.split(","):
        name, _, weight = item.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if quality > 0:
            languages.append((quality, name.strip()))
    return [name for _, name in sorted(languages, key=lambda item: -item[0])]
