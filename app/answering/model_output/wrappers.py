"""What a model puts around its answer: thoughts, JSON, a code fence, quotes. Pure.

Servers that know a model's template take thoughts out; old templates and GGUF files leave them in the
text, some of them without the opening tag, which stood in the prompt.
"""

import re
from ast import literal_eval
from dataclasses import dataclass
from json import JSONDecoder

from pydantic_core import from_json

from app.answering.model_output.courtesy import says_nothing

_THOUGHTS = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|seed:think|internal"
_OPENING = re.compile(
    rf"<\|?(?:{_THOUGHTS})\|?>|◁think▷|\[THINK\]|<\|begin_of_thought\|>|<\|channel\|>(?:analysis|commentary)",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    rf"<\|?/(?:{_THOUGHTS})\|?>|◁/think▷|\[/THINK\]|<\|end_of_thought\|>|<\|channel\|>final", re.IGNORECASE
)
# Ends and beginnings of turns, which a server with another template in mind lets through.
_TURNS = (
    *("<|im_end|>", "<|end|>", "<|eot_id|>", "<|endoftext|>", "<|return|>", "<|message|>"),
    *("<end_of_turn>", "</s>", "[/inst]", "<|im_start|>", "<start_of_turn>"),
)
_TURN = re.compile("|".join(map(re.escape, _TURNS)), re.IGNORECASE)
# What follows them, once something was said, is of another turn.
_ENDING = frozenset(_TURNS) - {"<|message|>"}
_THOUGHT_TAGS = [
    *(
        f"<{bar}{slash}{name}{bar}>"
        for name in _THOUGHTS.split("|")
        for slash in ("", "/")
        for bar in ("", "|")
    ),
    *("◁think▷", "◁/think▷", "[think]", "[/think]", "<|begin_of_thought|>", "<|end_of_thought|>"),
    *("<|channel|>analysis", "<|channel|>commentary", "<|channel|>final", *_TURNS),
]
_LONGEST_TAG = max(map(len, _THOUGHT_TAGS))
_FIRST = frozenset(tag[0] for tag in _THOUGHT_TAGS)


@dataclass
class ThoughtFilter:
    """Feed it pieces; what it gives back is no thought.

    `retracted` counts the closing tags without an opening one: what was given back before was thought.
    """

    quoted: str = ""  # text of the entries: a tag that stands there is text, but for the first thing said
    retracted: int = 0
    _held: str = ""
    _thinking: bool = False
    _said: bool = False
    _ended: bool = False  # with the turn

    def feed(self, piece: str) -> str:
        self._held += piece
        return self._taken(final=False)

    def finish(self) -> str:
        return self._taken(final=True)

    def _taken(self, *, final: bool) -> str:
        out = ""
        while self._held and not self._ended:
            if self._thinking:
                closing = _CLOSING.search(self._held)
                if not closing:
                    self._held = "" if final else self._held[-_LONGEST_TAG:]
                    return out
                self._held, self._thinking = self._held[closing.end() :].lstrip(), False
                continue
            found = [pattern.search(self._held) for pattern in (_OPENING, _CLOSING, _TURN)]
            tag = min((each for each in found if each), key=lambda each: each.start(), default=None)
            if tag is None:
                keep = 0 if final else _begun_tag(self._held)
                out += self._held[: len(self._held) - keep]
                self._held = self._held[len(self._held) - keep :]
                break
            before, self._held = self._held[: tag.start()], self._held[tag.end() :]
            if ((out + before).strip() or self._said) and tag.group() in self.quoted:
                out += before + tag.group()
                continue
            if tag is found[2]:
                out += before
                self._ended = tag.group().casefold() in _ENDING and (self._said or bool(out.strip()))
            elif tag is found[1]:
                self.retracted += 1
                out, self._said = "", False
                self._held = self._held.lstrip()
            else:
                out, self._thinking = out + before, True
        self._said = self._said or bool(out.strip())
        return out


def _begun_tag(text: str) -> int:
    """How many characters at the end may become a tag."""
    low = text[-_LONGEST_TAG:].casefold()
    begin = max(map(low.rfind, _FIRST))  # no tag has one of these but at its beginning
    return len(low) - begin if begin >= 0 and any(tag.startswith(low[begin:]) for tag in _THOUGHT_TAGS) else 0


_FENCE = re.compile(r"(```|~~~)[ \t]*([\w+-]*)[ \t]*\n(.*?)(?:\n?\1\s*|\Z)", re.DOTALL)
_FENCES = ("```", "~~~")
_TEXT_FENCES = {"", "text", "txt", "plaintext", "markdown", "md", "json", "yaml", "answer"}
_KEYS = (
    "answer",
    "final_answer",
    "response",
    "reply",
    "text",
    "content",
    "output",
    "result",
    "message",
    "antwort",
    "respuesta",
)
_LABEL = re.compile(
    r"\s*(?:#+[ \t]*(?:final answer|answer|response|antwort)[ \t]*:?[ \t]*\n\s*|(?:\*\*)?"
    r"(?:final answer|answer|response|assistant|ai|bot|a|antwort|respuesta|réponse)"
    r"(?:\*\*)?[ \t]*:(?:\*\*)?[ \t]*)",
    re.IGNORECASE,
)
# Thoughts with a label of their own, as prompts for reasoning step by step have them.
_REASONED = re.compile(
    r"\A\s*(?:\*\*)?(?:thoughts?|thinking|reasoning|analysis)(?:\*\*)?[ \t]*:(?:\*\*)?.*?"
    r"\n[ \t]*(?:\*\*)?(?:final )?(?:answer|response)(?:\*\*)?[ \t]*:(?:\*\*)?[ \t]*",
    re.IGNORECASE | re.DOTALL,
)
_REASONS = (
    "thought:",
    "thoughts:",
    "thinking:",
    "reasoning:",
    "analysis:",
    "**thought:",
    "**thoughts:",
    "**thinking:",
    "**reasoning:",
    "**analysis:",
)
_LABELS = (
    "### answer\n",
    "## answer\n",
    "# answer\n",
    "assistant:",
    "ai:",
    "bot:",
    "a:",
    "final answer:",
    "answer:",
    "response:",
    "antwort:",
    "respuesta:",
    "réponse:",
    "**answer:**",
    "**final answer:**",
)
_ANSWER_TAG = re.compile(r"</?(?:answer|response|final)>\s*", re.IGNORECASE)
_ANNOUNCED = re.compile(r"([^\n:{}\[\]`\"<>]{1,80})(?::|\Z)\**\s*")  # "Here is the answer:"
_ANNOUNCING = ("here's", "here is", "sure", "certainly", "of course", "okay", "the answer", "below")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_JSON = JSONDecoder(strict=False)  # models write line breaks in strings
_WRAPPER = re.compile(r"[{\[`\"]")


@dataclass
class Unwrapper:
    """Feed it pieces; text that begins like a wrapper waits until the end tells whether it is one."""

    _held: str = ""
    _open: bool = False  # no wrapper: the text passes

    def feed(self, piece: str) -> str:
        if self._open:
            return piece
        self._held += piece
        text = _behind_announcement(self._held.lstrip())
        if not text or self._waits(text):
            return ""
        self._open = True
        return _ANSWER_TAG.sub(
            "", _LABEL.sub("", self._held, count=1) if _LABEL.match(self._held) else self._held
        )

    def finish(self) -> str:
        rest, self._held = self._held, ""
        return "" if self._open else unwrapped(rest)

    def reset(self) -> None:
        self._held, self._open = "", False

    def _waits(self, text: str) -> bool:
        low = text.casefold()
        if any(label.startswith(low) for label in (*_LABELS, *_REASONS)) or low.startswith(_REASONS):
            return True
        if text.startswith(_FENCES) or any(fence.startswith(text) for fence in _FENCES):
            fence = _FENCE.match(text)
            return not (fence and fence.end() < len(text) and text[: fence.end()].rstrip().endswith(fence[1]))
        if text.startswith("["):
            return text == "[" or text[1:].lstrip().startswith(("{", '"'))
        return text.startswith(("{", '"')) or "<answer>".startswith(low) or low.startswith("<answer>")


def _behind_announcement(text: str) -> str:
    """What follows courtesy and a colon if that may be wrapped, "" while it is open; else the whole text."""
    announced = _ANNOUNCED.match(text)
    if announced is None:
        return text
    rest, complete = text[announced.end() :], ":" in announced.group()
    said = announced[1] if complete else announced[1].rpartition(" ")[0]
    begins = not said and any(each.startswith(text.casefold().rstrip(" ,!")) for each in _ANNOUNCING)
    if not (begins or says_nothing(said)):
        return text
    return rest if not rest or _WRAPPER.match(rest) else text


def unwrapped(text: str) -> str:
    """A whole reply without what is wrapped around it."""
    behind = _behind_announcement(text.strip())
    if behind and behind != text.strip():
        bare = unwrapped(behind)
        return text if bare == behind else bare
    bare = _REASONED.sub("", _ANSWER_TAG.sub("", text), count=1).strip()
    bare = _LABEL.sub("", bare, count=1) if _LABEL.match(bare) else bare
    fence = _FENCE.fullmatch(bare)
    if fence and fence[2].casefold() in _TEXT_FENCES:
        return unwrapped(fence[3])
    if bare.startswith(("{", "[", '"')) and (told := _told(bare)) is not None:
        return told
    return text if bare == text.strip() else bare


def _told(text: str) -> str | None:
    """The answer in a JSON value, which may be cut off; None where there is none."""
    try:
        value, end = _JSON.raw_decode(text)
    except (ValueError, RecursionError):
        return _answer_in(_partial(text))
    if not isinstance(value, dict) and _LETTER_OR_DIGIT.search(text, end):
        return None  # `"make up" starts it.` only begins with a quote
    return _answer_in(value)


def _partial(text: str) -> object:
    """A JSON value that is cut off, or a value as Python writes it; None where it is neither."""
    try:
        return from_json(text, allow_partial="trailing-strings")
    except ValueError:
        try:
            return literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None


def _answer_in(value: object) -> str | None:
    if isinstance(value, list) and len(value) == 1:
        return _answer_in(value[0])
    if not isinstance(value, dict):
        return value if isinstance(value, str) else None
    keys = {str(key).casefold(): each for key, each in value.items()}
    told = next((keys[key] for key in _KEYS if isinstance(keys.get(key), str)), None)
    return told or next(
        (found for each in keys.values() if isinstance(each, dict) and (found := _answer_in(each))), None
    )
