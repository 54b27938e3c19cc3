"""The growth curves as a page that needs no network."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

_CURVES = {
    "search_p50_ms": "search p50, ms",
    "search_p99_ms": "search p99, ms",
    "entries_per_second": "ingest, entries/s",
    "size_bytes": "on disk, bytes",
    "resident_bytes": "resident memory, bytes",
}
_COLOURS = {"embedded": "#1f77b4", "elasticsearch": "#ff7f0e"}


def plotted(rows: Sequence[Mapping[str, Any]]) -> str:
    """A curve for each figure and engine over the number of entries, on logarithmic axes."""
    figure = make_subplots(rows=len(_CURVES), cols=1, subplot_titles=list(_CURVES.values()))
    for place, measure in enumerate(_CURVES, start=1):
        for engine in dict.fromkeys(row["engine"] for row in rows):
            of_engine = [row for row in rows if row["engine"] == engine]
            figure.add_scatter(
                x=[row["entries"] for row in of_engine],
                y=[row[measure] for row in of_engine],
                name=engine,
                legendgroup=engine,
                showlegend=place == 1,
                line={"color": _COLOURS[engine]},
                row=place,
                col=1,
            )
    figure.update_xaxes(type="log", title="entries")
    figure.update_yaxes(type="log")
    figure.update_layout(height=320 * len(_CURVES), title="askd: an index as it grows")
    page: str = go.Figure.to_html(figure, include_plotlyjs=True, full_html=True)
    return page
