"""What is asked in a text as people paste it: its parts, and the questions among them.

Pure. A plain question stays as it is.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from app.answering.pasted_text import ASKED, telling_lines
from app.ranking.stop_words import STOP_WORDS
from app.ranking.text import words

MOST_PARTS = 16  # that are embedded and searched for
_MOST_CHARACTERS = 1_600  # of all parts together: this bounds what embedding them costs
_PART_CHARACTERS = 300  # a longer run is cut at a word
_WHOLE_CHARACTERS = 600  # a text of at most this length is also searched as a whole


@dataclass(frozen=True, slots=True)
class Reading:
    """`parts` are to be searched, the whole text first where it is short enough.

    `questions` are several things asked, in order; empty where the text asks one thing. `before` has what
    stands before those among them that take their subject from there: "and how do I stop it?". It is empty
    for one of them where the text names no subject: then an earlier turn of the conversation may.
    """

    parts: Sequence[str]
    questions: Sequence[str] = ()
    before: Mapping[str, Sequence[str]] = field(default_factory=dict)
    behind: Mapping[str, str] = field(default_factory=dict)  # what names nothing itself: "If so, how?"

    def as_asked(self, part: str) -> str:
        """A part with what is asked about it behind it."""
        return f"{part} {self.behind[part]}" if part in self.behind else part


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
_COURTESY = re.compile(
    r"\s*(?:(?:many )?thanks\b|thank you\b|thx\b|please help|any help\b|help (?:is|would be) |"
    r"sorry (?:for|to) |i hope (?:you|this)|hope you|have a (?:nice|good|great)|looking forward|"
    r"danke\b|vielen dank)",
    re.IGNORECASE,
)
_BULLET = re.compile(r"[-*•–]\s+(?=\S)")
_NUMBER = re.compile(
    r"(?:(?<=\s)|^)(?:(?:\(|(?:[QqFf]|[Qq]uestion|[Ff]rage) ?)?(?P<digits>\d{1,2})[.):]"
    r"|(?P<letter>[a-h])\))\s+(?=\S)"
)
# After a closing quote or "??" a small letter goes on with the sentence: see 'x'. while y; FHV_20?? data.
_SENTENCE = re.compile(r"(?<=[.!?…])(?<!\?\?)\s+(?=\S)|(?<=[.!?…])[\"'”)]*\s+(?=[^\sa-z])|(?<=[。！？؟।])\s*")
_VERBS = (
    r"can|could|do|does|did|is|are|was|were|will|would|should|must|may|has|have|am|kann|darf|muss|gibt|"
    r"puedo|est-ce|puis-je|peut-on|faut-il"
)
_OTHER_VERBS = r"need|es|hay|puede|debo|tiene|funciona|necesito|soporta"  # they may also begin a statement
_INTERROGATIVES = (
    r"how|what|when|where|which|who|whom|whose|why|wie|wieviele?|was|wann|wo|woher|wohin|warum|wieso|wer|wen|"
    r"welche[rsnm]?|cómo|qué|cuándo|cuánt[oa]s?|dónde|quién|cuál(?:es)?|comment|combien|quand|où|pourquoi|quel(?:le)?s?"
)
_PERSONS = r"i|you|we|one|it|they|he|she|there|this|that|these|those|the|a|an|my|your|our|any|anyone"
# A German question turns subject and verb round: "und unterstützt es …", but "und wenn ich …".
_TURNED_ROUND = (
    r"(?!(?:wenn|falls|ob|dass|weil|da|als|obwohl|damit|bevor|nachdem)\s)"
    r"[^\W\d_]{2,20}\s+(?:ich|es|man|wir|ihr|er|sie|das)\s"
)
_SECOND_QUESTION = re.compile(
    rf"(?:,?\s+(?:and|or|also|und|oder|y|o|et|ou)(?:\s+(?:also|auch|también|aussi))?,?|;)\s+(?:then,?\s+)?"
    rf"(?=(?:(?:if|once|wenn|falls|si)\s[^,;?]{{1,80}},\s+)?"  # "and, if it is late, how …"
    rf"(?:{_INTERROGATIVES}|{_VERBS}|{_OTHER_VERBS})\s|{_TURNED_ROUND})",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(rf"\b(?:{_INTERROGATIVES})\s+(?:{_VERBS})$", re.IGNORECASE)  # "what is and what …"
# A comma parts many things: what follows it must be a question by its order of words.
_AFTER_COMMA = re.compile(
    rf",(?:\s+also)?\s+(?=(?:(?:how|what|why|when|where)\s+(?:much|many|long|often)?\s*(?:{_VERBS})"
    rf"|(?:{_VERBS})\s+(?:{_PERSONS}))\s)",
    re.IGNORECASE,
)
# "When it stops, what can I do?" is one question.
_CLAUSE = re.compile(
    rf"\s*(?:(?:when|while)\s+(?!(?:{_VERBS})\b)|(?:if|in|after|before|for|with|during|wenn|falls)\s)",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(
    r"[^:?]{0,60}\b(?:questions?|fragen?|preguntas?)\b[^:?]{0,20}:\s+(?=\S)", re.IGNORECASE
)
_ASKING = re.compile(rf"\s*¿?(?:{_INTERROGATIVES}|what's|{_VERBS})\b", re.IGNORECASE)
_JOINED = re.compile(
    r"\s*(?:(?:and|or|und|oder|y|et|but|aber|pero|mais)\b(?!-)[\s,]*(?:(?:also|auch|también|aussi|then|dann)\b[\s,:]*)?"
    r"|(?:also|secondly|additionally|furthermore|moreover|außerdem|zweitens|además)\b[\s,:]*)(?=\w)",
    re.IGNORECASE,
)
_ELLIPTICAL = re.compile(
    r"\s*(?:what about|how about|was ist mit|wie ist es mit|qué tal|qué pasa con)\b", re.IGNORECASE
)
# "To Sweden?", behind "Do you ship to Norway?": no question by itself, it has no verb.
_PREPOSITION = re.compile(
    r"\s*(?:to|from|in|on|at|by|for|with|without|within|via|after|before|during|"
    r"nach|von|aus|auf|bei|für|mit|ohne|in|im|a|al|de|desde|en|para|con|sin|à|au|aux|pour|avec|sans)\s",
    re.IGNORECASE,
)
_VERB = re.compile(rf"\b(?:{_INTERROGATIVES}|{_VERBS}|{_OTHER_VERBS})\b", re.IGNORECASE)
# Words of content that say nothing of a subject: "Can you help me?", "Any idea what is wrong?"
_GENERAL = """
help idea ideas wrong happening happened happens happen solution solutions fix solve work works working
problem problems issue issues reason cause causes mean means possible advice suggestion suggestions thoughts
resolve resolved fixed solved troubleshoot handle overcome
experience experienced knows know tell explain say anyone anybody someone somebody something anything
everything come now else next instead yet really ok okay right true correct thing things way ways many much
long often hilfe helfen idee ideen lösung grund weiß falsch möglich jemand etwas ayuda problema aide idée
"""
_GENERAL_WORDS = STOP_WORDS | frozenset(_GENERAL.split())
_ENOUGH = 4  # words with content that need nothing said before: "And in Module 1, how can I …"
_LEAST_WORDS = 2  # with content, of a sentence that asks nothing; a question can do with one
_POINTS_BACK = re.compile(
    r"\b(?:it(?!\s+(?:possible|safe|necessary|required|allowed|okay|ok|better|worth|enough|normal)\s+(?:to|that|if|for)\b)|"
    r"its|this|that(?!\s+(?:an?|the|my|your|our|i|you|we|it|they|there)\b)|they|them|their|these|those|"
    r"he|she|another|ones?|(?<!gibt )es|er|dies|dieses|dafür|damit|davon|dazu|dort|eso|esto|ello|cela|ça|"
    r"(?<!is )(?<!are )(?<!was )(?<!were )(?<!be )there(?! (?:is|are|was|were|will)\b|['’]s))\b",
    re.IGNORECASE,
)


def read(text: str) -> Reading:
    """What to search for in a question as it came, at most `MOST_PARTS` texts."""
    lines = list(telling_lines(text.splitlines()))
    whole = " ".join(" ".join(lines).split())
    if not whole:  # nothing but what is set aside elsewhere: then that is the question
        whole = " ".join(text.split())
        lines = [whole]
    segments = [segment for line in lines for segment in _segments(line)]
    segments = [segment for segment in segments if words(segment)]
    segments = _distinct([*segments[:1], *map(_unjoined, segments[1:])])
    if len(segments) <= 1 and len(whole) <= _WHOLE_CHARACTERS:
        # One thing is asked: as it came, unless something around it was set aside.
        untouched = not segments or len(words(segments[0])) == len(words(text))
        return Reading([text.strip() if untouched else segments[0]])
    if not segments:
        return Reading([whole[:_PART_CHARACTERS]])
    questions = [segment for segment in segments if _asks(segment) and _tells(segment, 1)]
    behind = _behind(segments, questions)
    if len(questions) < 2:
        questions = []
    if len(whole) > _WHOLE_CHARACTERS:
        parts = _bounded([], segments)
    else:
        parts = _bounded([whole], [each for each in segments if each in questions or not _leans(each)])
    questions = [each for each in questions if each in parts]
    before = {each: _subject(segments, each) for each in questions if _leans(each)}
    return Reading(parts, questions, before, behind)


def _distinct(segments: Iterable[str]) -> list[str]:
    """Each once: a repeated question may begin with a small letter, behind "and"."""
    found: dict[str, str] = {}
    for segment in segments:
        found.setdefault(segment[:1].casefold() + segment[1:], segment)
    return list(found.values())


def _segments(line: str) -> Iterable[str]:
    """Numbered items, sentences, and questions joined by "and how …"."""
    for item in _items(line):
        for sentence in _SENTENCE.split(item):
            if _COURTESY.match(sentence):
                continue
            for piece in _joined_questions(sentence):
                yield from _cut(piece)
                if named := _ERROR_CLASS.match(piece):
                    yield from _cut(piece[named.end() :].strip())


def _joined_questions(sentence: str) -> Sequence[str]:
    """The questions of one sentence, without the words that join them; else the sentence as it is."""
    bare = _ANNOUNCED.sub("", sentence, count=1)
    if not _asks(_unjoined(bare)):
        return [sentence.strip()]
    pieces = _split(bare)
    joined = _JOINED.match(bare)
    if not _CLAUSE.match(bare, joined.end() if joined else 0):
        pieces = [each for piece in pieces for each in _parted(piece)]
    *before, last = (piece.strip() for piece in pieces)
    mark = "?" if ASKED.search(bare) else ""
    return [*(f"{piece}{mark}" for piece in before), last]


def _split(sentence: str) -> Sequence[str]:
    """At what joins two questions, unless it joins two verbs of one."""
    pieces, start = [], 0
    for joint in _SECOND_QUESTION.finditer(sentence):
        if not _UNFINISHED.search(sentence[start : joint.start()]):
            pieces.append(sentence[start : joint.start()])
            start = joint.end()
    return [*pieces, sentence[start:]]


def _parted(piece: str) -> Sequence[str]:
    """At commas, where the first part asks something: "hi, can I join?" is one question."""
    parts = _AFTER_COMMA.split(piece)
    return parts if _ASKING.match(parts[0]) else [piece]


def _unjoined(question: str) -> str:
    """Without a word that joins it to the one before it: "And also: how do I join?"."""
    joined = _JOINED.match(question)
    return question[joined.end() :] if joined and _ASKING.match(question, joined.end()) else question


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


def _subject(segments: Sequence[str], question: str) -> Sequence[str]:
    """What tells what "it" is: the last sentence before the question that does not lean itself, if any."""
    before = segments[: segments.index(question)]
    return next(([each] for each in reversed(before) if not _leans(each)), [])


def _behind(segments: Sequence[str], questions: Sequence[str]) -> Mapping[str, str]:
    """Of questions what is asked right behind them and names nothing itself."""
    found: dict[str, str] = {}
    last = None
    for segment in segments:
        if segment in questions:
            last = segment
        elif last and _asks(segment):
            found[last] = f"{found[last]} {segment}" if last in found else segment
        else:
            last = None
    return found


def _leans(text: str) -> bool:
    """Whether a sentence says little without the one before it: "How do I stop it?", "And to Norway?"."""
    return (
        _POINTS_BACK.search(text) is not None
        or _ELLIPTICAL.match(text) is not None
        or (_asks(text) and _PREPOSITION.match(text) is not None and _VERB.search(text) is None)
        or (_JOINED.match(text) is not None and _unjoined(text) == text and not _tells(text, _ENOUGH))
        or not _tells(text, 1 if _asks(text) else _LEAST_WORDS)
    )


def _tells(text: str, least: int) -> bool:
    """Whether so many of its words say something of a subject."""
    return sum(word not in _GENERAL_WORDS for word in words(text)) >= least


def _asks(text: str) -> bool:
    return ASKED.search(text) is not None or (_ASKING.match(text) is not None and len(words(text)) > 2)


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
