"""Estimates how many tokens a text has. Pure."""

import math
import string

_CAPITALS = string.ascii_uppercase.encode()
_LETTERS = string.ascii_letters.encode() + b" "
_LETTERS_A_TOKEN = 3  # English has 4 to 5 in the usual vocabularies
_MARGIN = 1.1
_FALL = 0.1  # how far each prompt moves the factor down towards what it measured
_LEAST, _MOST = 0.8, 4.0  # just under 4 letters a token; more than a token a byte, which no text has
_TELLING = 100  # in shorter prompts the chat template outweighs the text


class TokenEstimate:
    """How many tokens a text has: a server has no tokenizer to ask, so an estimate on the safe side.

    Counts too many rather than too few, and comes closer with every prompt the model counted.

    A small letter is a third of a token, a capital two (they stand in names and codes, which take more);
    digits, punctuation and line breaks are one each; anything else is one per byte, the worst case.
    """

    def __init__(self) -> None:
        self.factor = 1.0

    def count(self, text: str) -> int:
        return math.ceil(_uncorrected(text) * self.factor)

    def learn(self, text: str, actual: int) -> None:
        """The model counted `actual` tokens in a prompt made of `text`.

        A count that was too low corrects at once; one that was too high only gradually, and never to
        less than a tenth above what was counted.
        """
        guess = _uncorrected(text)
        if guess < _TELLING:
            return
        needed = min(max(_MARGIN * actual / guess, _LEAST), _MOST)
        step = 1.0 if needed > self.factor else _FALL
        self.factor += step * (needed - self.factor)


def _uncorrected(text: str) -> int:
    written = text.encode("utf-8", "surrogatepass")
    others = len(written.translate(None, _LETTERS))
    thirds = len(written) - others + len(written) - len(written.translate(None, _CAPITALS))
    return math.ceil(thirds / _LETTERS_A_TOKEN) + others
