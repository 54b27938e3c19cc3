"""Code, paths, flags, links, addresses and identifiers of a sentence against a source. Pure."""

import re
from collections.abc import Sequence
from difflib import Match, SequenceMatcher
from functools import lru_cache

from app.answering.checks.names import stems_in
from app.ranking.plain_text import stem
from app.ranking.stop_words import STOP_WORDS

_URL = r"(?:https?|ftp|ssh|git|postgres(?:ql)?|redis|s3|gs|jdbc)(?::\w+)?://[^\s<>\"'`]+|www\.[^\s<>\"'`]+"
_EMAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_FLAG = r"(?<![\w-])--?[A-Za-z][\w-]*(?:=[^\s,;]+)?"
_VARIABLE = r"\$\{?\w+\}?|%\w+%"
_PATH = r"(?:~|\.{1,2})?[\\/]?[\w~.+-]*(?:[\\/_=@:\[][\w.\\/=:@~+\]-]+)+|(?<![\w.])\.[a-z]\w+"
_DOTTED = r"\w+(?:[.-]\w+)*\.\w+(?:[.-]\w+)*(?:\(\))?"
_IDENTIFIER = r"[A-Za-z]+-?\d[\w.-]*\w|[A-Za-z]+-?\d|\d+(?:\.\d+)*[A-Za-z]\w*|\w*[a-z]\w*[A-Z]\w*|\w+\(\)"
_TOKEN = re.compile(
    rf"(?P<url>{_URL})|(?P<email>{_EMAIL})|(?P<flag>{_FLAG})|(?P<variable>{_VARIABLE})|(?P<path>{_PATH})"
    rf"|(?P<dotted>{_DOTTED})|(?P<identifier>\b(?:{_IDENTIFIER})(?!\w))"
)
_CODE = re.compile(r"```[^\n`]*\n?(.*?)(?:```|\Z)|(?<!`)`([^`\n]+)`(?!`)", re.DOTALL)
_PROSE_PAIR = re.compile(r"[a-z]+(?:/[a-z]+)+|[\d.,:/]+|\w+:|[^\W\d_]+:[^\W\d_]+", re.IGNORECASE)
_RUN_ON = re.compile(r"[a-z]{2,}\.[A-Z][a-z]+")
_ABBREVIATION = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]")
_MEASURE = re.compile(
    r"\d+(?:[.,]\d+)*(?:st|nd|rd|th|k|am|pm|[kmgt]i?b|ms|mins?|hrs?|h|s|d|km|cm|mm|kg|g|m|w|v|x)", re.I
)
_ENDING = ".,;:!?)]}'\"…"
_WORDS = re.compile(r"\S+")


def missing_technical(sentence: str, source: str) -> list[str]:
    """What stands in the folded sentence and not, word for word, in the folded source."""
    bare = source.replace("`", "")
    missing = [code for code in _code(sentence) if not _holds_code(bare, code)]
    for match in _TOKEN.finditer(_CODE.sub(lambda code: " " * len(code.group()), sentence)):
        token = _stripped(match.group())
        kind = str(match.lastgroup)
        if token and not _ordinary(token, kind, bare) and not _holds(bare, token, kind):
            missing.append(token)
    return missing + _broken_commands(sentence, source)


def _code(text: str) -> list[str]:
    return [(match[1] or match[2] or "").strip() for match in _CODE.finditer(text)]


def _holds_code(source: str, code: str) -> bool:
    """Each line of the code stands in the source, white space and prompts aside."""
    return all(
        _bounded(source, " ".join(line.removeprefix("$ ").removeprefix("> ").split()))
        for line in code.splitlines()
        if line.strip()
    )


def _bounded(source: str, text: str) -> bool:
    start = source.find(text)
    while start >= 0:
        before, after = source[start - 1 : start], source[start + len(text) : start + len(text) + 1]
        if not (_wordlike(before) and _wordlike(text[:1])) and not (
            _wordlike(after) and _wordlike(text[-1:])
        ):
            return True
        start = source.find(text, start + 1)
    return False


def _wordlike(sign: str) -> bool:
    return sign.isalnum() or sign in ("_", "-") if sign else False


def _holds(source: str, token: str, kind: str) -> bool:
    if kind == "url":
        return any(_bare_url(token) == _bare_url(_stripped(each)) for each in re.findall(_URL, source))
    if kind in ("flag", "variable", "path"):
        return _bounded(source, token) or _bounded(source, token.rstrip("/"))
    return _bounded(source.casefold(), token.casefold())


def _bare_url(url: str) -> str:
    return url.rstrip("/").casefold()


def _stripped(token: str) -> str:
    while token and token[-1] in _ENDING:
        if (token[-1] == ")" and "(" in token) or (token[-1] == "]" and "[" in token):
            break
        token = token[:-1]
    return token


def _ordinary(token: str, kind: str, source: str) -> bool:
    """Numbers, "and/or", "e.g." and two sentences run together are no technical terms."""
    if kind == "path":
        parts = [part for part in re.split(r"[/:]", token.casefold()) if part]
        known = all(part in STOP_WORDS or part.isdigit() or stem(part) in stems_in(source) for part in parts)
        return bool(_PROSE_PAIR.fullmatch(token)) and known
    if kind == "dotted":
        return bool(
            (re.fullmatch(r"[\d.]+", token) and token.count(".") < 2)
            or _RUN_ON.fullmatch(token)
            or _ABBREVIATION.fullmatch(token)
        )
    return bool(_MEASURE.fullmatch(token))


def _broken_commands(sentence: str, source: str) -> list[str]:
    """Commands of the source that the sentence writes without backticks and not word for word."""
    said = [_stripped(word) for word in _WORDS.findall(sentence.replace("`", ""))]
    return [run for command in _commands(source) if (run := _broken(said, command))]


@lru_cache(maxsize=2_000)
def _commands(source: str) -> Sequence[tuple[str, ...]]:
    lines = [line for code in _code(source) for line in code.splitlines()]
    return [words for line in lines if len(words := tuple(line.removeprefix("$ ").split())) >= 3]


def _broken(said: Sequence[str], command: Sequence[str]) -> str | None:
    blocks = [
        each
        for each in SequenceMatcher(None, said, command, autojunk=False).get_matching_blocks()
        if each.size
    ]
    if _exchanges_last(said, command, blocks):
        return " ".join(said[blocks[0].a : blocks[0].a + len(command)])
    matched = sum(block.size for block in blocks)
    if matched < 2 or 2 * matched < len(command) or len(blocks) < 2:
        return None
    start, end = blocks[0].a, blocks[-1].a + blocks[-1].size
    if end - start > len(command) + 1:
        return None
    run = list(said[start:end])
    whole = any(list(command[at : at + len(run)]) == run for at in range(len(command)))
    return None if whole else " ".join(run)


def _exchanges_last(said: Sequence[str], command: Sequence[str], blocks: Sequence[Match]) -> bool:
    """Whether the whole command stands there but for its last word, which is another one."""
    start, rest = blocks[0].a if blocks else 0, len(command) - 1
    if not blocks or blocks[0].b or blocks[0].size != rest or start + rest >= len(said):
        return False
    return said[start + rest].casefold() not in STOP_WORDS
