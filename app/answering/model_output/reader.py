"""The one reader of what a model writes: what of it is the answer, and what supports each sentence. Pure.

Thoughts and wrappers are taken off, marks are read, courtesy is left out, a repeated sentence ends the
answer, and every finished sentence is judged. Text is passed on as it comes, but for what may still turn out
not to be part of the answer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.answering.checks.verification import Verdict, Verifier, unsupported
from app.answering.checks.yes_no import leading_yes_no, without_yes_no
from app.answering.model_output.courtesy import says_nothing
from app.answering.model_output.marks import MarkReader
from app.answering.model_output.refusals import declines, may_be_token, refuses, without_token
from app.answering.model_output.wrappers import ThoughtFilter, Unwrapper, unwrapped
from app.answering.sentences import first_end
from app.domain import Support
from app.ranking.plain_text import content, folded, plain

_SHORT = 160  # characters: a longer reply without a word of the entries is no refusal
_LOOP = re.compile(r"(\S.{4,160}?)(?:\s*\1){3,}\s*\Z", re.DOTALL)
_LEAST_LOOP = 5  # characters of what _LOOP finds repeated
# What small models go on with after the answer: a list of sources, a question of their own.
_AFTERWARDS = (
    *("sources", "source", "references", "reference", "citations", "quellen", "fuentes"),
    *("question", "frage", "user", "human"),
)
_AFTER = re.compile(rf"\W*(?:{'|'.join(_AFTERWARDS)})\W*:", re.IGNORECASE)
# As entries stand in the prompt: "Q: How do I join?", then "A: Register first."
_QUESTION_LABEL = re.compile(r"\W*Q\W*:")
_ANSWER_LABEL = re.compile(r"\s*\**A\**:\**[ \t]*")
_LOOP_WORDS = 3  # of a sentence whose repetition ends the answer
_THOUGHTFUL = re.compile(
    r"\b(?:user|question|asks?|asking|faq|entry|entries|let me|let's|"
    r"i need|i should|we need|okay|ok|hmm|alright|first)\b",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\w+")
_ITEM = re.compile(r"^\s*\(?\d{1,3}[.)](?:\s+|\Z)")


@dataclass
class OutputReader:
    """Feed it the pieces of a reply, then `finish`; both return what can be passed on."""

    verifier: Verifier
    labels: Mapping[int, int]  # number in the prompt -> position among the sources
    verdicts: list[Verdict] = field(default_factory=list)
    looped: bool = False  # the model repeats itself, or goes on to something else: it need not go on
    refused: bool = False  # it said that the entries hold no answer
    retracted: bool = False  # what was passed on was the model's reasoning: `text` takes its place
    cited: set[int] = field(default_factory=set)  # positions of the sources that the answer rests on
    text: str = ""  # the answer so far

    def __post_init__(self) -> None:
        entries = list(self.verifier.entries.values())
        said = "\n".join(plain(f"{entry.question}\n{entry.answer}") for entry in entries)
        self._entries = folded(said).casefold()
        self._content = content(self._entries)
        self._beyond = self._content - content(folded(self.verifier.asked).casefold())
        self._marks = MarkReader(self.labels, self._entries, self.verifier.attribute)
        self._thoughts, self._wrapper = ThoughtFilter(said), Unwrapper()
        self._start()

    def _start(self) -> None:
        self.verdicts.clear()
        self.cited.clear()
        self.text, self._waiting, self._tail = "", "", ""
        self._given = 0  # how much of the unfinished sentence is in the text already
        self._seen: list[str] = []
        self._gap = ""  # white space between sentences, which goes out with the next one
        self._marked = False  # the last sentence carries a mark
        self._opened = False  # something of the entries was said, and given on
        self._answers = False  # something was said that the question does not say already: no refusal
        self._spoke = False  # the reply had words of any kind
        self._repeated = ""  # a question of the prompt that it began with

    @property
    def unmatched(self) -> bool:
        return any(verdict.sentence.support is Support.UNMATCHED for verdict in self.verdicts)

    @property
    def judged(self) -> int:
        """Characters of the text that are of finished sentences."""
        return max(len(self.text) - self._given, 0)

    @property
    def may_be_thinking(self) -> bool:
        """Whether what nothing supports may be thoughts whose opening tag stood in the prompt."""
        first = self.verdicts[0].sentence.text if self.verdicts else ""
        return len(self.verdicts) == 1 and not self.retracted and bool(_THOUGHTFUL.search(first))

    @property
    def undecided(self) -> bool:
        """Whether what nothing supports may be thoughts, or the first sentence of a refusal."""
        said = self.text or self._waiting
        return self.may_be_thinking or (self._spoke and not self._answers and len(said) <= _SHORT)

    def feed(self, piece: str) -> str:
        return self._read(self._thoughts.feed(piece))

    def finish(self) -> str:
        out = self._read(self._thoughts.finish())
        if not (self.looped or self.refused):
            self._tail += self._wrapper.finish()
            out += self._advance(final=True)
        said = (self.text or self._waiting).strip()
        if self._repeated and not self.verdicts:
            self.verdicts.append(unsupported(self._repeated))
        elif self._spoke and not self._answers and declines(said):
            self.refused = True
        elif self._waiting:
            out += self._open()
        own = [each for each in self.verdicts if each.sentence.support is not Support.QUOTED]
        if own and len(own) == len(self.verdicts) and all(each.sentence.text.endswith("?") for each in own):
            self.verdicts[-1] = unsupported(self.verdicts[-1].sentence.text)  # it only asked again
        self.text = self.text.rstrip()
        return "" if self.retracted else out

    def _read(self, piece: str) -> str:
        if self._thoughts.retracted:
            self._thoughts.retracted, self.retracted = 0, True
            self.refused = self.looped = False
            self._wrapper.reset()
            self._start()
        if self.looped or self.refused:
            return ""
        self._tail += self._wrapper.feed(piece)
        out = self._advance(final=False)
        return "" if self.retracted else out

    def _advance(self, *, final: bool) -> str:
        out = ""
        while not (self.looped or self.refused):
            label = None if self._given else _ANSWER_LABEL.match(self._tail)
            if label and not self._has_label(label.group()):
                self._tail = self._tail[label.end() :]
            if not (end := first_end(self._tail, final=final)):
                break
            raw, self._tail = self._tail[:end], self._tail[end:]
            out += self._finished(raw)
        if self.looped or self.refused:
            return out
        if _may_loop(self._tail) and _LOOP.search(self._tail) and not self._is_said(self._tail):
            self.looped = True
            return out + self._finished(_LOOP.sub(r"\1", self._tail))
        return out + ("" if final else self._growing())

    def _finished(self, raw: str) -> str:
        read = self._marks.read(raw, final=True)
        said, shown = read.clean.strip(), read.text
        given, self._given = self._given, 0
        self._spoke = self._spoke or bool(said)
        # "**[2]**", "---"
        wordless = not _WORDS.search(said) and not given and (bool(read.hints) or not self._is_said(said))
        if not said or wordless:
            return self._late_mark() if read.hints else ""
        if self._goes_on_to_something_else(said):
            self.looped = True
            return self._late_mark()
        if self._is_labelled_question(said):
            self._repeated = said
            return ""
        if not given and said[0] in '`{["' and not self._is_said(said) and (told := unwrapped(said)) != said:
            said = shown = told  # JSON behind "Here is the answer:"
        if (rest := without_token(said)) is not None:
            if not content(rest) or says_nothing(rest):
                self.refused = not self.verdicts
                return ""
            said, shown = rest, without_token(shown) or rest
        verdict = self.verifier.judge(said, read.hints)
        quoted = verdict.sentence.support is Support.QUOTED  # "You don't need it." may be all an entry says
        if says_nothing(said) and not given and not quoted:
            self.refused = not self.verdicts and refuses(said)
            return ""
        key = _key(said)
        if self._repeats(key):
            self.looped = True
            return ""
        self._seen.append(key)
        matched = verdict.sentence.support is not Support.UNMATCHED
        if not quoted and not self.verdicts and refuses(said) and not (matched and content(said)):
            self.refused = True
            return ""
        self.verdicts.append(verdict)
        self.cited |= read.shown | ({verdict.sentence.source} if verdict.sentence.source else set())
        self._marked = bool(read.hints)
        words = content(folded(said).casefold())
        self._answers = self._answers or matched or bool(leading_yes_no(said) or words & self._beyond)
        opens = matched or bool(leading_yes_no(said) or words & self._content)
        body = shown.rstrip()
        gap = shown[len(body) :]
        return self._give((self._gap if not given else "") + body[given:], opens, gap)

    def _growing(self) -> str:
        """What of the unfinished sentence cannot change any more."""
        read = self._marks.read(self._tail, final=False)
        said = read.clean.strip()
        if len(read.text) <= self._given or not said:
            return ""
        # Looked up only where it decides: this runs for every token, over the whole sentence so far.
        decided = self._given and self._opened
        opens = bool(decided or _answers_yes_no(said) or content(folded(said).casefold()) & self._content)
        if not self._given and (
            said.startswith("```") or not _WORDS.search(said) or self._may_be_none(said, opens)
        ):
            return ""
        body = read.text.rstrip()
        piece = (self._gap if not self._given else "") + body[self._given :]
        self._given = len(body)
        return self._give(piece, opens, "")

    def _may_be_none(self, said: str, opens: bool) -> bool:
        """Whether a sentence that begins so may turn out to be courtesy, a refusal or a repetition."""
        key, whole_words = _key(said), said.rpartition(" ")[0] if said[-1].isalnum() else said
        if any(each.startswith(key) for each in self._seen) or says_nothing(said):
            return True
        if self.verdicts and any(word.startswith(key) for word in _AFTERWARDS):
            return True
        if self._goes_on_to_something_else(said) or self._is_labelled_question(said):
            return True
        if not self.verdicts and _answers_yes_no(said):
            return False
        if not whole_words and not opens:  # a word that may go on: "Sor"
            return True
        return (
            says_nothing(whole_words)
            or may_be_token(said)
            or (not self.verdicts and (not opens or refuses(said)))
        )

    def _give(self, piece: str, opens: bool, gap: str) -> str:
        self._gap = gap
        if not self._opened and not opens and len(self._waiting) + len(piece) <= _SHORT:
            self._waiting += piece
            return ""
        self._waiting += piece
        return self._open()

    def _open(self) -> str:
        self._opened = True
        out, self._waiting = self._waiting, ""
        if not self.text:
            out = out.lstrip()
        self.text += out
        return out

    def _goes_on_to_something_else(self, said: str) -> bool:
        after = _AFTER.match(said) or _QUESTION_LABEL.match(said) if self.verdicts else None
        return after is not None and not self._has_label(after.group())

    def _is_labelled_question(self, said: str) -> bool:
        label = _QUESTION_LABEL.match(said)
        return label is not None and not self._has_label(label.group())

    def _is_said(self, text: str) -> bool:
        """Whether it stands just so in an entry."""
        return folded(text).casefold() in self._entries

    def _has_label(self, label: str) -> bool:
        """Whether an entry has the label, too; "FAQ: …" is not the label "Q: …"."""
        said = re.escape(folded(label).casefold())
        return re.search(rf"(?<!\w){said}", self._entries) is not None

    def _late_mark(self) -> str:
        """A mark on a line of its own, or in a list of sources, belongs to the sentence before it."""
        if self._marked or not self.verdicts or self.verdicts[-1].sentence.source is None:
            return ""
        self._marked = True
        return self._give(f" [{self.verdicts[-1].sentence.source}]", opens=True, gap=self._gap)

    def _repeats(self, key: str) -> bool:
        if len(key.split()) < _LOOP_WORDS and len(key) < 12:
            return False
        words = " ".join(_WORDS.findall(self._entries))
        return self._seen.count(key) >= max(1, words.count(key))


def _may_loop(text: str) -> bool:
    """Whether its end stands in it three times: without that `_LOOP`, which takes long, need not look."""
    return text.count(text.rstrip()[-_LEAST_LOOP:]) >= 3


def _key(sentence: str) -> str:
    """Equal for a sentence said again, also as the next item of a list."""
    return " ".join(_WORDS.findall(without_yes_no(folded(_ITEM.sub("", sentence))).casefold()))


def _answers_yes_no(beginning: str) -> bool:
    """Whether an unfinished sentence has begun with a Yes or No: "No" alone may become "No lo sé"."""
    return leading_yes_no(beginning) is not None and bool(re.match(r"\W*\w+[.,!:;]", beginning))
