"""Hypothesis strategies for requests, valid and malformed."""

import json
from collections.abc import Sequence

from hypothesis import strategies as st

from tests.api.raw import Request

_NUMBERS = ["5", "5.0", "0", "-0", "-1", "21", "2.5", "1e1", "1e400", "-1e400", "1E-400", "NaN", "Infinity"]
_NUMBERS += ["-Infinity", "1" * 30, "1" * 5000, "00", "0x5", "5_0", "true", "null", '"5"', "[5]", "{}"]
_WORDS = ["auto", "generate", "extract", "AUTO", "", "course", "tools", "nope", "_all", "*", "a,b", "../.."]
_TEXTS = ["Can I still join the course?", "How do I install Docker?", "مرحبا بالعالم‏", "e" + "\u0301" * 50]
_TEXTS += [
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 9,
    "\0",
    "a\0b",
    "\u200b",
    "\ufeff",
    " \t\n",
    "\x7f",
]
_TEXTS += [
    "x" * 7999,
    "x" * 8000,
    "x" * 8001,
    "\U0001f600" * 2000,
    "é" * 8001,
    "e\u0301" * 8000,
    "' OR 1=1 --",
]
_TEXTS += ['"', "\\", "{{ system }}", "<script>", "[1]", "\u2028", "\u0130", "ﷺ" * 400, "join " * 400]
_ESCAPES = ['"\\ud800"', '"\\udc00 join"', '"join \\ud83d"', '"\\u0000"', '"\\x"', '"open', '"\t"', "'join'"]
VALUES = [*_NUMBERS, *_ESCAPES, *[json.dumps(text) for text in [*_TEXTS, *_WORDS]]]  # as JSON has them


def _quoted(text: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda said, ascii: json.dumps(said, ensure_ascii=ascii), text, st.booleans())


_text = st.one_of(st.sampled_from(_TEXTS), st.text(max_size=60))
_deep = st.builds(
    lambda kind, depth: kind[0] * depth + "1" + kind[1] * depth,
    st.sampled_from([("[", "]"), ('{"a":', "}"), ("[[],", "]")]),
    st.sampled_from([1, 50, 990, 5000]),
)
_value = st.one_of(
    _quoted(_text),
    st.sampled_from(_ESCAPES),
    st.sampled_from(_NUMBERS),
    _quoted(st.sampled_from(_WORDS)),
    _deep,
)
_question = st.one_of(_quoted(_text), _quoted(st.sampled_from(_TEXTS[:2])), _value)
_fields = {
    '"question"': _question,
    '"collection"': st.one_of(_quoted(st.sampled_from(_WORDS)), _value),
    '"limit"': st.one_of(st.sampled_from(_NUMBERS), _value),
    '"mode"': st.one_of(_quoted(st.sampled_from(_WORDS[:4])), _value),
    '"\\ud800"': _value,
    '"extra"': _value,
    '""': _value,
}


@st.composite
def _objects(draw: st.DrawFn) -> str:
    """Mostly with a question; a key may come twice."""
    keys = draw(st.lists(st.sampled_from(list(_fields)), max_size=4))
    if draw(st.integers(0, 9)):
        keys.append('"question"')
    return "{" + ", ".join(f"{key}: {draw(_fields[key])}" for key in keys) + "}"


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "surrogatepass")


_encodings = st.sampled_from(["utf-8"] * 12 + ["utf-8-sig", "utf-16", "utf-32", "utf-16-be", "utf-7"])
_json = st.builds(_encoded, st.one_of(_objects(), _objects(), _objects(), _value), _encodings)


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    whole = draw(_json)
    at = draw(st.integers(0, len(whole)))
    return whole[:at] + draw(st.binary(max_size=3)) + whole[at + draw(st.integers(0, 3)) :]


_large = st.sampled_from([b" " * 70_000, b'{"question": "' + b"x" * 70_000 + b'"}', b"[" * 60_000])
bodies = st.one_of(_json, _json, _json, _damaged(), st.binary(max_size=80), _large)

_VALUES = [*range(0x20, 0x7F), *range(0x80, 0x100), 0x09]  # what HTTP lets through
_odd_value = st.lists(st.sampled_from(_VALUES), max_size=20).map(bytes)
_SECONDS = [
    "30",
    "0.5",
    "600",
    "1_0",
    "inf",
    "-inf",
    "nan",
    "-0",
    "0",
    "1e400",
    "1e-400",
    " 5 ",
    "",
    "5s",
    "²",
    "+1",
]
_SECONDS += ["0x1p3", "1" * 500, "." + "0" * 400 + "1", "5,0", ".", "5.", ".5"]
_KINDS = ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json;", "text/plain", ""]
_KINDS += ["application/json; charset=utf-16", "application/json; charset=nope", "application/problem+json"]
_KINDS += [
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    ";;=",
]
HEADERS: dict[bytes, list[bytes]] = {
    b"X-Request-Timeout": [text.encode("latin-1") for text in _SECONDS],
    b"Content-Type": [kind.encode() for kind in _KINDS],
    b"Cache-Control": [b"no-cache", b"NO-CACHE, x", b"max-age=0", b"", b"no-cache=\xff"],
    b"X-Request-ID": [b"mine", b"a" * 128, b"a" * 129, b"", b"a b", b"\xff", b'"', b"../x"],
    b"Content-Length": [b"0", b"5", b"-1", b"1" * 18, b"9" * 5000, b"\xb2", b"0x5", b"", b"65537"],
    b"Accept": [b"text/html", b"*/*;q=nope", b""],
    b"Host": [b"", b"localhost", b"[::1", b"a" * 300, b"\xff", b"h:99999"],
    b"Authorization": [b"Bearer ", b"Basic x", b"\xff"],
    b"X-API-Key": [b"", b"\xff"],
    b"X-Forwarded-For": [b"1.2.3.4", b"nobody", b",,,"],
    b"Accept-Encoding": [b"gzip", b"\xff"],
    b"Cookie": [b"a=b", b";;=\xff"],
    b"Origin": [b"null", b"http://elsewhere"],
    b"Expect": [b"100-continue"],
    b"Transfer-Encoding": [b"chunked", b"\xff"],
}


@st.composite
def _odd_headers(draw: st.DrawFn, with_body: bool) -> Sequence[tuple[bytes, bytes]]:
    names = draw(st.lists(st.sampled_from(list(HEADERS)), max_size=3))
    found = [(name, draw(st.one_of(st.sampled_from(HEADERS[name]), _odd_value))) for name in names]
    if with_body and draw(st.integers(0, 9)):
        found.insert(0, (b"Content-Type", b"application/json"))
    return found


@st.composite
def requests(draw: st.DrawFn, method: str, path: str) -> Request:
    """To this route, and now and then in another method."""
    if not draw(st.integers(0, 19)):
        method = draw(
            st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "X"])
        )
    headers = draw(_odd_headers(method == "POST"))
    if method == "GET":
        return Request(method, path, headers)
    body = draw(bodies)
    at = draw(st.integers(0, len(body)))
    return Request(
        method, path, headers, draw(st.sampled_from([[body], [body[:at], body[at:]], [body, b""]]))
    )


paths = st.one_of(
    st.sampled_from(
        ["/", "", "//ask", "/ask/", "/ASK", "/ask/stream/x", "/ask\0", "/docs/x", "/openapi.json/", "*"]
    ),
    st.text(max_size=30).map(lambda text: f"/{text}"),
)
