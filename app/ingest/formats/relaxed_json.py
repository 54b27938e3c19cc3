"""JSON as people and other programs write it: with comments, a comma before a bracket, NaN, line breaks in
texts, one value after another."""

import re

_TOKEN = re.compile(
    r"(?P<text>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|(?P<comma>,(?=(?:\s|//[^\n]*\n|/\*.*?\*/)*[\]}]))"
    r"|(?P<none>\b(?:NaN|undefined|None)\b|-?\bInfinity\b)|\b(?P<true>True)\b|\b(?P<false>False)\b",
    re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x1f]")


def strict_json(text: str) -> str | None:
    """None where it has nothing of these. Lines stay."""
    changed = False

    def one(found: re.Match[str]) -> str:
        nonlocal changed
        if found["text"]:
            strict = _CONTROL.sub(lambda control: f"\\u{ord(control[0]):04x}", found["text"])
            changed |= strict != found["text"]
            return strict
        changed = True
        if found["comment"]:
            return "\n" * found["comment"].count("\n")
        return "" if found["comma"] else "null" if found["none"] else found[0].lower()

    strict = _TOKEN.sub(one, text)
    return strict if changed else None
