"""The figures as bars, as a page that needs no network."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

# title -> scenario, then the path to the figure within a service's own
_BARS = {
    "one caller: added first token p50, ms": ("one", "added_first_token", "p50"),
    "64 streams: added first token p50, ms": ("streams64", "added_first_token", "p50"),
    "64 streams: whole p50, ms": ("streams64", "whole", "p50"),
    "256 streams: whole p50, ms": ("streams256", "whole", "p50"),
    "256 streams: whole p99, ms": ("streams256", "whole", "p99"),
    "200 at once, one slot: answered": ("burst", "answered"),
    "200 at once, one slot: timed out": ("burst", "timed_out"),
    "200 at once, one slot: generated for nobody": ("burst", "finished_for_nobody"),
    "instant model, one caller: added p50, ms": ("instant_one", "p50"),
    "instant model, 32 callers: answers/s": ("instant_many", "answers_per_second"),
}
_SERVICES = ("tutorial", "askd")


def plotted(measured: Mapping[str, Any]) -> str:
    bars = {title: path for title, path in _BARS.items() if path[0] in measured}
    figure = make_subplots(rows=max(len(bars), 1), cols=1, subplot_titles=list(bars))
    for row, (scenario, *path) in enumerate(bars.values(), start=1):
        values = [_at(measured[scenario][service], path) for service in _SERVICES]
        figure.add_bar(x=values, y=list(_SERVICES), orientation="h", showlegend=False, row=row, col=1)
    figure.update_layout(height=140 * len(bars) + 120, title="askd beside the tutorial service")
    page: str = go.Figure.to_html(figure, include_plotlyjs=True, full_html=True)
    return page


def _at(figures: Any, path: list[str]) -> float:
    for name in path:
        figures = figures[name]
    return float(figures)
