"""What is asked in a text as people paste it: greeting, signature, quoted mail and stack traces set aside.

Pure. A plain question stays as it is.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.ranking.stop_words import STOP_WORDS
from app.ranking.text import words

MOST_PARTS = 16  # that are embedded and searched for
_MOST_CHARACTERS = 1_600  # of all parts together: this bounds what embedding them costs
_PART_CHARACTERS = 300  # a longer run is cut at a word
_WHOLE_CHARACTERS = 600  # a text of at most this length is also searched as a whole


@dataclass(frozen=True, slots=True)
class Reading:
    """`parts` are to be searched, the whole text first where it is short enough.

    `questions` are several things asked, in order; empty where the text asks one thing.
    """

    parts: Sequence[str]
    questions: Sequence[str] = ()


_RUN = re.compile(r"\s{9,}")  # longer than any indentation that tells something
_QUOTED_LINE = re.compile(r"\s*(?:>|\|\s)")
_QUOTE_BEGINS = re.compile(
    r"\s*(?:-{2,}\s*(?:original message|ursprüngliche nachricht|forwarded message|message d'origine)"
    r"|on .{5,120} wrote:\s*$|am .{5,120} schrieb .{0,80}:\s*$|le .{5,120} a écrit\s*:\s*$|_{10,}\s*$)",
    re.IGNORECASE,
)
_MAIL_HEADER = re.compile(r"\s*(?:from|to|cc|bcc|sent|date|von|an|gesendet|reply-to)\s*:\s", re.IGNORECASE)
_SUBJECT = re.compile(
    r"\s*(?:subject|betreff|objet|asunto)\s*:\s*(?:(?:re|fwd?|aw|wg)\s*:\s*)*", re.IGNORECASE
)
_GREETING = re.compile(
    r"\s*(?:(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|greetings|hallo|guten (?:tag|morgen)|"
    r"sehr geehrte[rs]?|liebe[rs]?|bonjour|hola|ciao)\b)[^,.!?:\n]{0,40}(?:[,!:.]+|$)\s*",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"\s*(?:--\s*$|(?:(?:many |best |kind |warm )?regards|best(?: wishes)?|cheers|sincerely|yours\b.{0,20}|"
    r"(?:many )?thanks(?: a lot| so much| in advance| again)?|thank you(?: (?:so|very) much| in advance)?|"
    r"thx|mit freundlichen grüßen|viele grüße|beste grüße|liebe grüße|danke|cordialement|merci|saludos|"
    r"gracias|sent from my .{2,30})\s*[,!.]*\s*$)",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"\s*(?:(?:many )?thanks\b|thank you\b|thx\b|please help|any help\b|help (?:is|would be) |"
    r"sorry (?:for|to) |i hope (?:you|this)|hope you|have a (?:nice|good|great)|looking forward|"
    r"danke\b|vielen dank)",
    re.IGNORECASE,
)
_SIGNATURE_LINES = 8  # after a closing as many short lines are a signature
_SIGNATURE_LINE = 60

_FRAME = re.compile(
    r"\s*(?:File \"[^\"\n]*\", line \d+|at [\w$.<>/@\[\] -]+\([^)\n]*\)?|at (?:async )?\S+:\d+:\d+|"
    r"\.{3} \d+ (?:more|common frames)|from \S+:\d+:in |goroutine \d+|#\d+\s+0x|"
    r"\S+\.(?:go|rs|c|cpp):\d+(?::\d+)?\s*$|"
    r"traceback \(most recent call last\)|during handling of the above|the above exception was|\^+[~^]*\s*$|"
    r"stack trace:?\s*$|caused by:\s*$)",
    re.IGNORECASE,
)
_PYTHON_FRAME = re.compile(r"\s*File \"[^\"\n]*\", line \d+")
_ERROR = re.compile(
    r"(?:^|\s)[\w.$]*(?:Error|Exception|Failure|Fault|Warning|Panic)\b\s*:|\b(?:error|fatal|panic|failed)\b\s*:|errno",
    re.IGNORECASE,
)
# The class before an error's message, with its package or its number: an entry has neither.
_ERROR_CLASS = re.compile(
    r"(?:(?:caused by|uncaught|unhandled exception)\b[.: ]*)?(?:[\w$]+(?:\.|::|\\))+\w*(?:error|exception)\w*"
    r"(?: ?\(\w+\))?:\s+(?=\S)",
    re.IGNORECASE,
)
_LOG_PREFIX = re.compile(
    r"\s*\[?\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?\]?\s*(?:\[?[A-Z]{4,8}\]?\s*)?"
    r"(?:\[[^\]\n]{1,60}\]\s*)?(?:[-:|]\s*)?"
)
_BULLET = re.compile(r"[-*•–]\s+(?=\S)")
_NUMBER = re.compile(
    r"(?:(?<=\s)|^)(?:(?:\(|(?:[QqFf]|[Qq]uestion|[Ff]rage) ?)?(?P<digits>\d{1,2})[.):]"
    r"|(?P<letter>[a-h])\))\s+(?=\S)"
)
# After a closing quote or "??" a small letter goes on with the sentence: see 'x'. while y; FHV_20?? data.
_SENTENCE = re.compile(r"(?<=[.!?…])(?<!\?\?)\s+(?=\S)|(?<=[.!?…])[\"'”)]*\s+(?=[^\sa-z])|(?<=[。！？؟।])\s*")
_SECOND_QUESTION = re.compile(
    r"(?:,?\s+(?:and|or|also|und|y|et)(?:\s+also)?|;)\s+(?=(?:how|what|when|where|which|who|why|can|do|does|is|are|will|"
    r"wie|was|wann|wo|warum|cómo|qué|comment)\s)",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"\s*(?:how|what|what's|when|where|which|who|whom|whose|why|can|could|do|does|did|is|are|was|will|would|should|"
    r"may|am|has|have|wie|was|wann|wo|welche[rs]?|wer|warum|wieso|kann|darf|muss|gibt|cómo|qué|cuándo|dónde|"
    r"puedo|comment|quand|où|pourquoi|puis-je)\b",
    re.IGNORECASE,
)
_ASKED = re.compile(r"[?？؟]\s*[\"'”)]*\s*$")
# Words of content that say nothing of a subject: "Can you help me?", "Any idea what is wrong?"
_GENERAL = """
help idea ideas wrong happening happened happens happen solution solutions fix solve work works working
problem problems issue issues reason cause causes mean means possible advice suggestion suggestions thoughts
experience experienced knows know tell explain say anyone anybody someone somebody something anything
everything come now else next instead yet really ok okay right true correct thing things way ways many much
long often hilfe helfen idee ideen lösung grund weiß falsch möglich jemand etwas ayuda problema aide idée
"""
_GENERAL_WORDS = STOP_WORDS | frozenset(_GENERAL.split())
_LEAST_WORDS = 2  # with content, of a sentence that asks nothing; a question can do with one
_POINTS_BACK = re.compile(r"\b(?:it|this|that|they|them|these|those|he|she|another|ones?)\b", re.IGNORECASE)


def read(text: str) -> Reading:
    """What to search for in a question as it came, at most `MOST_PARTS` texts."""
    lines = list(_telling(text.splitlines()))
    whole = " ".join(" ".join(lines).split())
    if not whole:  # nothing but what is set aside elsewhere: then that is the question
        whole = " ".join(text.split())
        lines = [whole]
    segments = [segment for line in lines for segment in _segments(line)]
    segments = list(dict.fromkeys(segment for segment in segments if words(segment)))
    questions = _questions(segments)
    if len(segments) <= 1 and len(whole) <= _WHOLE_CHARACTERS:
        # One thing is asked: as it came, unless something around it was set aside.
        untouched = not segments or len(words(segments[0])) == len(words(text))
        return Reading([text.strip() if untouched else segments[0]])
    if not segments:
        return Reading([whole[:_PART_CHARACTERS]])
    if len(whole) > _WHOLE_CHARACTERS:
        return Reading(_bounded([], segments), questions if len(questions) > 1 else ())
    alone = [segment for segment in segments if not _leans(segment)]
    return Reading(_bounded([whole], alone), questions if len(questions) > 1 else ())


def _telling(lines: Sequence[str]) -> Iterable[str]:
    """The lines that say something, without what mail and logs put around it."""
    in_frame = False
    for number, raw in enumerate(lines):
        line = _RUN.sub(" ", raw)
        if _QUOTE_BEGINS.match(line):
            return
        if _CLOSING.match(line) and _is_signature(lines[number + 1 :]):
            return
        if not line.strip() or _QUOTED_LINE.match(line) or _MAIL_HEADER.match(line) or _CLOSING.match(line):
            continue
        if _FRAME.match(line):
            in_frame = _PYTHON_FRAME.match(line) is not None
            continue
        if in_frame and line[:1].isspace():  # the source line that a Python frame shows
            continue
        in_frame = False
        subject = _SUBJECT.match(line)
        told = line[subject.end() :] if subject else _LOG_PREFIX.sub("", line, count=1)
        greeting = _GREETING.match(told)
        told = told[greeting.end() :] if greeting else told
        if words(told):
            yield told.strip()


def _is_signature(following: Sequence[str]) -> bool:
    left = [line.strip() for line in following if line.strip()]
    short = all(len(line) <= _SIGNATURE_LINE and not _ASKED.search(line) for line in left)
    return (len(left) <= _SIGNATURE_LINES and short) or any(map(_QUOTE_BEGINS.match, left[:_SIGNATURE_LINES]))


def _segments(line: str) -> Iterable[str]:
    """Numbered items, sentences, and questions joined by "and how …"."""
    for item in _items(line):
        for sentence in _SENTENCE.split(item):
            if _COURTESY.match(sentence):
                continue
            for piece in _SECOND_QUESTION.split(sentence) if _asks(sentence) else [sentence]:
                yield from _cut(piece.strip())
                if named := _ERROR_CLASS.match(piece):
                    yield from _cut(piece[named.end() :].strip())


def _items(line: str) -> Iterable[str]:
    """A line without its bullet, parted where it counts: a lone "(6)" or " * " in it parts nothing."""
    bullet = _BULLET.match(line)
    line = line[bullet.end() :] if bullet else line
    marks = list(_NUMBER.finditer(line))
    counts = [int(mark["digits"] or ord(mark["letter"]) - ord("a") + 1) for mark in marks]
    in_order = all(after == before + 1 for before, after in pairwise(counts))
    if not in_order or len(marks) < 2:
        marks = [mark for mark in marks[:1] if mark.start() == 0]
    edges = [0, *(edge for mark in marks for edge in mark.span()), len(line)]
    return [line[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _cut(text: str) -> Iterable[str]:
    while len(text) > _PART_CHARACTERS:
        end = text.rfind(" ", 1, _PART_CHARACTERS)
        end = end if end > 0 else _PART_CHARACTERS
        yield text[:end].strip()
        text = text[end:].strip()
    if text:
        yield text


def _questions(segments: Sequence[str]) -> Sequence[str]:
    """Those that can be asked on their own: what points back to one before is no further question."""
    found: list[str] = []
    for segment in segments:
        if _asks(segment) and not (found and _leans(segment)):
            found.append(segment)
    return found


def _leans(text: str) -> bool:
    """Whether a sentence says little without the one before it: "What does that mean?"."""
    telling = sum(word not in _GENERAL_WORDS for word in words(text))
    return _POINTS_BACK.search(text) is not None or telling < (1 if _asks(text) else _LEAST_WORDS)


def _asks(text: str) -> bool:
    return _ASKED.search(text) is not None or (_ASKING.match(text) is not None and len(words(text)) > 2)


def _bounded(kept: Sequence[str], segments: Sequence[str]) -> Sequence[str]:
    """As many as may be searched: first what asks, then what reports an error, then the rest as it came."""
    last = len(segments) - 1
    ordered = sorted(
        range(len(segments)),
        key=lambda at: (not _asks(segments[at]), not _ERROR.search(segments[at]), at not in (0, last), at),
    )
    left = _MOST_CHARACTERS - sum(map(len, kept))
    taken: list[int] = []
    for at in ordered:
        if len(kept) + len(taken) >= MOST_PARTS:
            break
        if len(segments[at]) <= left and segments[at] not in kept:
            taken.append(at)
            left -= len(segments[at])
    return [*kept, *(segments[at] for at in sorted(taken))]
