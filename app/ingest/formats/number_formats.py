"""Numbers as a workbook shows them: 0.15 in a cell of the format `0%` is 15%."""

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"\"(?P<quoted>[^\"]*)\"|\\(?P<escaped>.)|\[\$(?P<currency>[^\]-]*)(?:-[^\]]*)?\]|\[[^\]]*\]"
    r"|_.|\*.|(?P<digits>[0#?,.]+)|(?P<plain>.)",
    re.DOTALL,
)
_NO_NUMBER = re.compile(r"[a-zA-Z/@]")  # dates, fractions, exponents
_CONDITION = re.compile(r"\[[<>=]")
_DIGITS = re.compile(r"(?P<whole>[0#?,]*)(?:\.(?P<decimals>[0#?]*))?")
BUILT_IN = {"2": "0.00", "3": "#,##0", "4": "#,##0.00", "9": "0%", "10": "0.00%"}
_LONGEST = 200


class NumberFormat(NamedTuple):
    before: str
    after: str
    whole: int  # least digits before the point
    least: int  # decimals
    most: int
    thousands: bool
    percent: bool

    def shown(self, value: float) -> str:
        number = abs(value) * 100 if self.percent else abs(value)
        text = f"{number:{',' if self.thousands else ''}.{self.most}f}"
        whole, _, decimals = text.partition(".")
        while len(decimals) > self.least and decimals.endswith("0"):
            decimals = decimals[:-1]
        sign = "-" if value < 0 and float(text.replace(",", "")) else ""
        return f"{self.before}{sign}{whole.zfill(self.whole)}{'.' if decimals else ''}{decimals}{self.after}"


def number_format(code: str) -> NumberFormat | None:
    """None for the general one, for what is no number (dates, fractions, texts), and for what is shown
    otherwise than by its digits: in thousands (`0,"k"`), or by a condition (`[>=1000]`)."""
    if _CONDITION.search(code[:_LONGEST]):
        return None
    parts = ["", "", ""]  # before the digits, the digits, after them
    here = 0
    for token in _TOKEN.finditer(code[:_LONGEST].partition(";")[0]):
        literal = token["quoted"] or token["escaped"] or token["currency"] or ""
        if token["digits"]:
            if here == 2:
                return None
            here = 1
            parts[1] += token["digits"]
            continue
        if token["plain"] and _NO_NUMBER.match(token["plain"]):
            return None
        here = 2 if here == 1 and (literal or token["plain"]) else here
        parts[here if here != 1 else 2] += literal or token["plain"] or ""
    digits = _DIGITS.fullmatch(parts[1])
    if not digits or not parts[1] or digits["whole"].endswith(","):
        return None
    whole, decimals = digits["whole"], digits["decimals"] or ""
    found = NumberFormat(
        parts[0],
        parts[2],
        whole.count("0"),
        decimals.count("0"),
        len(decimals),
        "," in whole,
        "%" in parts[0] + parts[2],
    )
    return (
        None if found == NumberFormat("", "", found.whole, 0, 0, False, False) and found.whole < 2 else found
    )
