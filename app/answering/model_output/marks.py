"""Marks in a model's words: `[2]`, `[1-3]`, `【5】`, `(5)`, `{5}`, `⁵`, `[Source 5]`, `[5](#5)` …

The prompt numbers its entries in id order, the caller knows sources best first: a mark is rewritten from one
numbering to the other; one that points nowhere becomes that of the entry that supports the sentence, or is
removed. A bracket that follows a word (`argv[1]`), stands in `code`, or stands just so in an entry is text,
and stays as it is. Pure.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.answering.code_spans import CODE
from app.answering.model_output.courtesy import says_nothing
from app.ranking.plain_text import folded

_WORD = (
    r"(?:faq[ -]?)?(?:sources?|entry|entries|faqs?|cit(?:e|ation)s?|"
    r"refs?\.?|references?|docs?|documents?|notes?|numbers?|quellen?|fuentes?|来源|出典|источник)"
)
# Possessive: a run of spaces is tried in one way only.
_LABEL = (
    rf"[*]{{0,2}}(?:\^|#|(?:{_WORD})[ \t]*+[:#_-]?[ \t]*+(?:{_WORD})?[ \t]*+#?)?"
    r"[ \t]*+\d{1,3}[.^]?[*]{0,2}"
)
_LABELS = rf"[ \t]*+{_LABEL}(?:[ \t]*+(?:[,;&–—-]|\band\b|\bto\b|\bund\b)[ \t]*+{_LABEL})*[ \t]*+"
_TAGS = "sup|cite|ref|source|doc"
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
# Behind a number or a short word it is a power: 10⁶, km².
_SUPERSCRIPT = (
    rf"(?<!\d)(?<!\b[^\W_])(?<!\b[^\W_]{{2}})(?<!\b[^\W_]{{3}})"
    rf"[{SUPERSCRIPTS}]{{1,3}}(?:[,⁻–-][{SUPERSCRIPTS}]{{1,3}})*"
)
_TARGET = r"(?:\([^()\s]{1,200}\))?"  # of a link
_OPEN_TARGET = re.compile(r"\([^()\s]{0,200}\Z")
_BRACKETS = (
    rf"\^?\\?\[\[?{_LABELS}(?::\d{{1,3}}|†[^\]\n]{{0,40}})?\\?\]\]?{_TARGET}|\[[QA]\d{{1,3}}\]{_TARGET}"
    rf"|[【［〔]{_LABELS}(?:†[^】\n]{{0,40}})?[】］〕]"
    rf"|<(?:{_TAGS})>\[?{_LABELS}\]?</(?:{_TAGS})>|<{_LABELS}>|\{{\{{?{_LABELS}\}}\}}?|{_SUPERSCRIPT}"
)
_SEE = r"(?:(?:see|from|cf\.?|siehe)[ \t]+)?"
_PARENTHESES = rf"\({_SEE}(?:\[{_LABELS}\]|{_LABELS})\)"
_NAMED = rf"\b{_WORD}[ \t]*+:[ \t]*+(?:{_BRACKETS}|{_LABELS}(?!\w))" + (
    r"|\b(?:sources?|faq entry|entry)[ \t]+#?\d{1,3}\b(?!\s*\w)"
)
MARK = re.compile(rf"(?:{_BRACKETS}|{_PARENTHESES}|(?:{_NAMED}))(?![\w(\[]*`)", re.IGNORECASE)
_DIGIT = re.compile(rf"[\d{SUPERSCRIPTS}]")  # every mark has one, and few sentences do
_MAY_BEGIN = re.compile(
    rf"(?:\\?[\[【［〔(^]{{1,2}}[\w \t,;:#&.†^*\\–—-]{{0,40}}|\\|\([^()\s]{{0,200}}"
    rf"|\({_SEE}\[[\w ,;–-]{{0,20}}\]?"
    rf"|<(?:(?:{_TAGS})>)?[\w \t,;\[\]</–—-]{{0,20}}|\{{\{{?[\w \t,;#–—-]{{0,20}}\}}?"
    rf"|[{SUPERSCRIPTS}][{SUPERSCRIPTS},⁻–-]{{0,12}}"
    rf"|{_WORD}[ \t]*:?[ \t]*[\[【]?[\d \t,;&–—-]{{0,20}})\Z",
    re.IGNORECASE,
)
_OPENING = "[【［〔<^\\{"
_FIRST = re.compile(
    rf"[\\\[【［〔<^{{{SUPERSCRIPTS}来出]|(?<![^\W_])[(cdefnqrsи]", re.IGNORECASE
)  # where a mark may begin
_WORDS_BEFORE = (
    "source",
    "sources",
    "entry",
    "entries",
    "faq entry",
    "reference",
    "references",
    "<sup>",
    "<cite>",
    "<ref>",
    "<source>",
    "<doc>",
)
_LIKE_TEXT = re.compile(rf"\([^A-Za-z]*\Z|<[^A-Za-z]*\Z|[{{{SUPERSCRIPTS}]")  # a mark where it names an entry
_RANGE = re.compile(r"(\d{1,3})\s*(?:[–—-]|\bto\b)\s*\D{0,12}?(\d{1,3})")
_ATTACHED = re.compile(r"[A-Za-z0-9_À-ɏͰ-ϿЀ-ӿ)\]\"'`]\Z")
_PROSE_WORD = re.compile(r"(?:^|[\s(])([A-Za-zÀ-ɏ]{2,})\Z")
_MOST_IN_RANGE = 20
_PLAIN_DIGITS = str.maketrans(SUPERSCRIPTS + "⁻", "0123456789-")


def mark_may_begin(text: str) -> bool:
    """Whether `text`, the end of what came so far, may still grow into a mark."""
    if not text:
        return False
    low = text.casefold()
    return bool(_MAY_BEGIN.match(text)) or any(word.startswith(low) for word in _WORDS_BEFORE)


@dataclass(frozen=True, slots=True)
class Read:
    """A piece of text with its marks read."""

    text: str  # marks rewritten to positions of sources
    clean: str  # without marks
    hints: Sequence[int]  # positions that the model's marks named
    shown: frozenset[int]  # positions printed
    length: int  # how much of what was given this covers; the rest may still grow into a mark


@dataclass(frozen=True)
class MarkReader:
    positions: Mapping[int, int]  # label in the prompt -> position among the sources
    entries: str = ""  # the entries' plain text, folded: a bracket that stands there is no mark
    # The text before a mark and what the mark names -> the positions to print: repairs wrong marks.
    attribute: Callable[[str, Sequence[int]], Sequence[int]] = field(default=lambda _, named: named)

    def read(self, text: str, *, final: bool) -> Read:
        """The marks of one sentence, or of its beginning: what may still change is left for the next time."""
        length = len(text) if final else _settled(text)
        code = [match.span() for match in CODE.finditer(text)]
        out, clean, hints, end = "", "", list[int](), 0
        printed: set[int] = set()
        after_mark = False
        for mark in MARK.finditer(text) if _DIGIT.search(text) else ():
            if mark.end() > length:
                break
            # What follows may make it code, or a link.
            if not final and (mark.end() == len(text) or _OPEN_TARGET.match(text, mark.end())):
                length = len(text[: mark.start()].rstrip())
                break
            before = text[end : mark.start()]
            if any(start <= mark.start() < stop for start, stop in code) or not self._is_mark(
                text, mark, after_mark and not before
            ):
                after_mark = False
                continue
            out, clean = out + before, clean + before
            if says_nothing(clean) or not clean.strip():  # "According to [2], …" marks what follows
                if not final:
                    length = len(text[: mark.start()].rstrip())
                    break
                basis = MARK.sub("", text[mark.end() :])
            else:
                basis = clean
            named = [self.positions[label] for label in _labels(mark.group()) if label in self.positions]
            hints += [position for position in named if position not in hints]
            shown = [each for each in self.attribute(basis, named) if each not in printed]
            printed.update(shown)
            if shown:
                out += ("" if not out or out[-1].isspace() or mark.group()[0] in _OPENING else " ") + "".join(
                    f"[{position}]" for position in shown
                )
            else:
                out = out.rstrip(" \t")
            clean = clean.rstrip(" \t")
            end, after_mark = mark.end(), True
        rest = text[end:length]
        return Read(out + rest, clean + rest, hints, frozenset(printed), length)

    def _is_mark(self, text: str, mark: re.Match[str], after_mark: bool) -> bool:
        group, before = mark.group(), text[: mark.start()]
        if _LIKE_TEXT.match(group) and not self._labelled(group):
            return False  # "thirty (30) days", "<404>"
        word = before.rstrip().rpartition(" ")[2].rpartition("\n")[2]
        gap = before[len(before.rstrip()) :] and " "
        if self.entries and folded(f"{word}{gap}{group}").casefold() in self.entries:
            return False
        if group[0] == "(" and self._has_another(f"{word}{gap}", group):
            return False
        if group[0] in SUPERSCRIPTS:
            return True
        if group[0] == "{" and before[-1:] in ("$", "%", "#"):
            return False
        if group[0] in f"{_OPENING}(" and _ATTACHED.search(before) and not after_mark:
            return self._ends_prose(before, text[mark.end() :])
        return group[0] in f"{_OPENING}(" or self._labelled(group)

    def _has_another(self, before: str, group: str) -> bool:
        """Whether an entry has the same with other numbers just there: "(1-2)" where it says "(1-4)"."""
        shape = re.sub(r"\d+", r"\\d+", re.escape(folded(group).casefold()))
        return re.search(re.escape(folded(before).casefold()) + r"\s?" + shape, self.entries) is not None

    def _labelled(self, group: str) -> bool:
        return any(label in self.positions for label in _labels(group))

    def _ends_prose(self, before: str, after: str) -> bool:
        """Whether a bracket set against a word is a mark all the same: `…within 30 days[1].`"""
        if before[-1:] in "\"')":
            return before[-1] != ")" or " " in before[before.rfind("(") :]
        word = _PROSE_WORD.search(before)
        if word is None or not re.match(r"\s*(?:[.!?,;]|\[|\Z)", after) or len(before.split()) < 5:
            return False
        lowered = word[1].casefold()
        return f"{lowered}[" not in self.entries and bool(
            re.search(rf"(?<![\w.`]){re.escape(lowered)}(?![\w\[`(])", self.entries)
        )


def _settled(text: str) -> int:
    """Up to where nothing can still become part of a mark, of code or of white space that is dropped."""
    end = len(text.rstrip())
    line = text.rfind("\n") + 1
    ticks = [match.start() for match in re.finditer("`", text[line:])]
    if len(ticks) % 2 and "```" not in text:
        end = min(end, line + ticks[-1])
    for first in _FIRST.finditer(text, max(0, end - 60), end):
        if mark_may_begin(text[first.start() : end]):
            return len(text[: first.start()].rstrip())
    return len(text[:end].rstrip())


def _labels(mark: str) -> list[int]:
    """The numbers a mark names, ranges filled in, each once."""
    named = re.sub(r"†.*|(?<=\d):\d+|(?<=\])\(.*", "", mark.translate(_PLAIN_DIGITS))
    labels = [int(number) for number in re.findall(r"\d+", named)]
    for span in _RANGE.finditer(named):
        first, last = int(span[1]), int(span[2])
        if first < last <= first + _MOST_IN_RANGE:
            labels = [label for label in labels if label != last]
            labels[labels.index(first) + 1 : labels.index(first) + 1] = range(first + 1, last + 1)
    return list(dict.fromkeys(labels))
