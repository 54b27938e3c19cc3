"""What mail programs, logs and stack traces put around what somebody asks. Pure."""

import re
from collections.abc import Iterable, Sequence

from app.ranking.text import words

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
_TOLD = r"(?:instruction|prompt|rule|direction|guideline|command|message)s?|context"
# Said to a model, not asked of a FAQ: what follows is judged on its own.
_COMMAND = re.compile(
    r"\s*(?:please\s+|now\s+)?(?:(?:ignore|disregard|forget|override|bypass)\s+"
    r"(?:(?:all|any|every|the|of|your|my|those|these|that)\s+)*"
    r"(?:(?:previous|prior|above|earlier|preceding|foregoing|existing|other|system|safety)\s+(?:and\s+)?)*"
    rf"(?:{_TOLD}|everything|above)(?:\s+and\s+(?:{_TOLD}))?"
    r"(?:\s+(?:above|before|given|so\s+far|you\s+(?:were|have\s+been)\s+(?:given|told)))*"
    r"|(?:ignorier\w*|vergiss)\s+(?:(?:alle|die|deine)\s+)*(?:\w+en\s+)?(?:anweisungen|regeln)"
    r"|(?:ignor[ae]\w*|olvida)\s+(?:(?:todas|las|tus)\s+)*(?:instrucciones|reglas)(?:\s+(?:anteriores|previas))?"
    r"|(?:ignore[zr]?|oublie[zr]?)\s+(?:(?:toutes|les|tes|vos)\s+)*(?:instructions|consignes)"
    r"(?:\s+(?:précédentes|antérieures))?)"
    r"\s*(?:[.,;:!–—-]+\s*|\b(?:and|then|und|y|et)\b\s*)+",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"\s*(?:--\s*$|(?:(?:many |best |kind |warm )?regards|best(?: wishes)?|cheers|sincerely|yours\b.{0,20}|"
    r"(?:many )?thanks(?: a lot| so much| in advance| again)?|thank you(?: (?:so|very) much| in advance)?|"
    r"thx|mit freundlichen grüßen|viele grüße|beste grüße|liebe grüße|danke|cordialement|merci|saludos|"
    r"gracias|sent from my .{2,30})\s*[,!.]*\s*$)",
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
_CHAT_PREFIX = re.compile(r"\s*\[?\d{1,2}:\d\d(?::\d\d)?\]?\s*<?[^\W\d_][\w .-]{0,30}>?:\s+(?=\S)")
_LOG_PREFIX = re.compile(
    r"\s*\[?\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?\]?\s*(?:\[?[A-Z]{4,8}\]?\s*)?"
    r"(?:\[[^\]\n]{1,60}\]\s*)?(?:[-:|]\s*)?"
)
ASKED = re.compile(r"[?？؟]\s*[\"'”)]*\s*$")


def telling_lines(lines: Sequence[str]) -> Iterable[str]:
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
        told = _CHAT_PREFIX.sub("", told, count=1)
        greeting = _GREETING.match(told)
        told = told[greeting.end() :] if greeting else told
        command = _COMMAND.match(told)
        told = told[command.end() :] if command and words(told[command.end() :]) else told
        if words(told):
            yield told.strip()


def _is_signature(following: Sequence[str]) -> bool:
    left = [line.strip() for line in following if line.strip()]
    short = all(len(line) <= _SIGNATURE_LINE and not ASKED.search(line) for line in left)
    return (len(left) <= _SIGNATURE_LINES and short) or any(map(_QUOTE_BEGINS.match, left[:_SIGNATURE_LINES]))
