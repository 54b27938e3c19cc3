"""Figures in words, the same on the page and on the terminal."""

from app.evaluation.comparison.figures import MORE_IS_BETTER, RANKED_FROM, Difference, Share, Times
from app.evaluation.metrics import Estimate

UNKNOWN = "–"
NOT_RANKED = (
    f"Fewer than {RANKED_FROM} questions: an order of the rows would be chance, so none is given and no "
    "difference is judged."
)
# What the columns of shares mean, and where they stand in `Figures`.
SHARES = (
    ("right entry cited", "right"),
    ("passed the checks", "passed"),
    ("taken back", "taken_back"),
    ("don't know, entry there", "unknown"),
    ("answers, entry removed", "answered_removed"),
)


def share(of: Share) -> str:
    return f"{of.value:.0%}" if of.of else UNKNOWN


def interval(of: Share) -> str:
    return f"{of.low:.0%}–{of.high:.0%}" if of.of else ""


def seconds(ms: float) -> str:
    """To two digits, and whole from 10 on."""
    return f"{ms / 1000:.2g}" if ms < 9_950 else f"{ms / 1000:.0f}"


def both_seconds(of: Times | None) -> str:
    return f"{seconds(of.p50.value)} / {seconds(of.p95.value)}" if of else UNKNOWN


def seconds_interval(of: Estimate) -> str:
    return f"{seconds(of.low)}–{seconds(of.high)}"


def rate(tokens: float | None) -> str:
    return UNKNOWN if tokens is None else f"{tokens:.0f}"


def size(count: int | None) -> str:
    if count is None:
        return UNKNOWN
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def energy(watt_hours: float | None) -> str:
    return UNKNOWN if watt_hours is None else f"{watt_hours * 1000:.1f} mWh"


def verdict(of: Difference) -> str:
    if not of.shown:
        return "no difference shown"
    more = of.difference.value > 0
    return "better" if more == (of.measure in MORE_IS_BETTER) else "worse"


def signed(value: float) -> str:
    return f"{value:+.2f}"


def signed_interval(of: Estimate) -> str:
    return f"{signed(of.low)} to {signed(of.high)}"
