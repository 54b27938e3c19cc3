"""JSON as people and other programs write it: with comments, a comma before a bracket, NaN, line breaks in
texts, one value after another."""

import re

# A text that is not closed runs to the end: otherwise each quotation mark in it would be tried as a start.
_TEXT = r"(?P<text>\"(?:[^\"\\]++|\\.)*+\"?)"
_TOKEN = re.compile(
    rf"{_TEXT}|(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<unclosed>/\*.*)"
    r"|(?P<none>\b(?:NaN|undefined|None)\b|-?\bInfinity\b)|\b(?:True|False)\b",
    re.DOTALL,
)
_LAST_COMMA = re.compile(rf"{_TEXT}|,(?=\s*+[\]}}])", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")


def strict_json(text: str) -> str | None:
    """None where it has nothing of these. Lines stay. Takes time in proportion to the text's length."""
    without_comments = _TOKEN.sub(_strict, text)
    strict = _LAST_COMMA.sub(lambda found: found["text"] or "", without_comments)
    return strict if strict != text else None


def _strict(found: re.Match[str]) -> str:
    if found["text"]:
        return _CONTROL.sub(lambda control: f"\\u{ord(control[0]):04x}", found["text"])
    if found["comment"]:
        return "\n" * found["comment"].count("\n")
    if found["unclosed"]:
        return found[0]
    return "null" if found["none"] else found[0].lower()
