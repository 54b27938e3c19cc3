"""Question + entries + token budget -> prompt. Pure.

The part that never changes comes first and the entries follow in id order, so that a model's prefix cache
hits; the question comes last. Entries go in whole or not at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from app.domain import FaqEntry, Hit
from app.models.base import Message, Prompt, PromptStyle
from app.models.control_tokens import broken_up
from app.ranking.plain_text import plain

PROMPT_VERSION = 2  # counts up when the wording changes: answers written with another one are not the same

INSTRUCTIONS = (
    "You answer questions from the FAQ entries below and from nothing else. "
    "Answer in one to three sentences, in the words of the entry that fits best, and put its number, "
    "like [1], at the end. If no entry answers the question, write only NOT_IN_FAQ."
)
CHOOSING = (
    "You are shown one FAQ entry whose answer is split into numbered parts. Say how many of the parts, "
    "from the first on, it takes to answer the question. Write one number only."
)
_SHORT = "Answer the question from the FAQ entry."
_FAQ = "FAQ entries:\n\n"
_CHOSEN_FROM = "FAQ entry:\n\nQ:"
_FIRST = "[1] Q:"
# What a chat template puts around the messages, and what tokens may add where two texts meet.
_TEMPLATE_TOKENS = 24
_SEAM_TOKENS = 2
_CHOICE_TOKENS = 4


# Of the score, 0-1: an entry further behind the first is the right one once in 150 questions, and reading
# it makes all others wait (docs/decisions.md).
_CLOSE = 0.1


def contenders(hits: Sequence[Hit]) -> Sequence[Hit]:
    """Those that may be what is asked for, best first: often one."""
    return [hit for hit in hits if hits[0].score - hit.score <= _CLOSE]


@dataclass(frozen=True, slots=True)
class Costs:
    """Tokens of each part of a prompt, as the model's tokenizer (or an estimate) counts them."""

    fixed: int
    question: int
    entries: Sequence[int]

    @property
    def without_entries(self) -> int:
        return self.fixed + self.question + _TEMPLATE_TOKENS


def parts(question: str, entries: Sequence[FaqEntry], control_tokens: tuple[str, ...] = ()) -> list[str]:
    """The texts whose tokens `costs` wants counted, in its order."""
    blocks = (_block(99, entry, control_tokens) for entry in entries)
    return [INSTRUCTIONS + _FAQ, _asked(question, control_tokens), *blocks]


def costs(counts: Sequence[int]) -> Costs:
    return Costs(counts[0], counts[1], [count + _SEAM_TOKENS for count in counts[2:]])


def fitting(spent: Costs, budget: int) -> list[int]:
    """Which entries (positions, best first) fit the budget whole; the others are dropped."""
    left = budget - spent.without_entries
    kept = []
    for position, cost in enumerate(spent.entries):
        if cost <= left:
            kept.append(position)
            left -= cost
    return kept


def labels(entries: Mapping[int, FaqEntry]) -> dict[int, int]:
    """The number each entry gets in the prompt -> its position, given entries by position."""
    ordered = sorted(entries, key=lambda position: entries[position].key)
    return dict(enumerate(ordered, start=1))


def build_prompt(
    question: str,
    entries: Mapping[int, FaqEntry],
    style: PromptStyle,
    max_answer_tokens: int,
    *,
    control_tokens: tuple[str, ...] = (),
) -> Prompt:
    """`entries` by position among the sources; `labels` tells which number each one got.

    No caller and no entry may end the user's turn and begin another: `control_tokens` (those of
    ModelProfile) are broken up.
    """
    if style is PromptStyle.SEQ2SEQ:  # taught short instructions; marks are set by what supports a sentence
        (entry,) = entries.values()
        body = f"{_block(1, entry, control_tokens)}{_asked(question, control_tokens)}".removeprefix("[1] ")
        return Prompt(style, _messages(style, _SHORT, body, "Answer:"), max_answer_tokens)
    blocks = (_block(label, entries[position], control_tokens) for label, position in labels(entries).items())
    body = f"{_FAQ}{''.join(blocks)}{_asked(question, control_tokens)}"
    return Prompt(
        style, _messages(style, INSTRUCTIONS, body, "Answer:"), max_answer_tokens, stop=_stop(style)
    )


def choice_prompt(
    question: str,
    entry: FaqEntry,
    beginnings: Sequence[str],
    style: PromptStyle,
    control_tokens: tuple[str, ...] = (),
) -> Prompt:
    """Asks which of the `beginnings` of the entry's answer is enough: one token, its number from 1."""
    ends = [0, *(len(beginning) for beginning in beginnings)]
    parts = [beginnings[-1][start:end].strip() for start, end in pairwise(ends)]
    numbered = "\n".join(f"({at}) {_shown(part, control_tokens)}" for at, part in enumerate(parts, 1))
    numbers = [str(at) for at in range(1, len(parts) + 1)]
    body = (
        f"{_CHOSEN_FROM} {_shown(entry.question, control_tokens)}\n{numbered}\n\n"
        f"{_asked(question, control_tokens)}\nHow many parts answer it: {', '.join(numbers)}?"
    )
    return Prompt(style, _messages(style, CHOOSING, body, "Number:"), _CHOICE_TOKENS, choices=numbers)


def static_prefix(style: PromptStyle, *, choosing: bool) -> Prompt:
    """The beginning that all prompts share, those that choose or the others: after one reading it is cached.

    It stops before the first text that differs, since a token may span that border. The token that it asks
    for is not used.
    """
    instructions, body = (CHOOSING, _CHOSEN_FROM) if choosing else (INSTRUCTIONS, f"{_FAQ}{_FIRST}")
    if style is PromptStyle.SEQ2SEQ:
        instructions, body = _SHORT, "Q:"
    return Prompt(style, _messages(style, instructions, body, ""), max_answer_tokens=1)


def _messages(style: PromptStyle, instructions: str, body: str, cue: str) -> list[Message]:
    match style:
        case PromptStyle.CHAT:
            return [Message("system", instructions), Message("user", body)]
        case PromptStyle.CHAT_WITHOUT_SYSTEM:
            return [Message("user", f"{instructions}\n\n{body}")]
        case PromptStyle.COMPLETION | PromptStyle.SEQ2SEQ:
            return [Message("user", f"{instructions}\n\n{body}\n{cue}")]
        case PromptStyle.INSTRUCT:
            return [Message("user", f"Instruct: {instructions}\n\n{body}\nOutput:")]


def _stop(style: PromptStyle) -> Sequence[str]:
    """Where a model that continues text would go on with a question of its own."""
    match style:
        case PromptStyle.COMPLETION:
            return ("\n\n", "\nQuestion:")
        case PromptStyle.INSTRUCT:
            return ("\n\n", "\nInstruct:")
        case _:
            return ()


@lru_cache(maxsize=1_000)  # the same entries come again, mostly under few labels
def _block(label: int, entry: FaqEntry, control_tokens: tuple[str, ...]) -> str:
    question, answer = (_shown(text, control_tokens) for text in (entry.question, entry.answer))
    return f"[{label}] Q: {question}\nA: {answer}\n\n"


def _shown(text: str, control_tokens: tuple[str, ...]) -> str:
    return broken_up(plain(text), control_tokens)


def _asked(question: str, control_tokens: tuple[str, ...]) -> str:
    return f"Question: {broken_up(question, control_tokens)}"
