"""The growth curves, as drawings for the docs: made by plotly in a browser, which writes the SVG."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import plotly.graph_objects as go
from playwright.sync_api import sync_playwright
from plotly.offline import get_plotlyjs

_COLOURS = {"embedded": "#1f77b4", "elasticsearch": "#ff7f0e"}
_WIDTH, _HEIGHT = 640, 360
_CHROMIUM = "/usr/bin/chromium"

Rows = Sequence[Mapping[str, Any]]


def growth(rows: Rows) -> Mapping[str, go.Figure]:
    """Over the number of entries, on logarithmic axes."""
    return {
        "search": _figure("search, one caller, p50", "ms", rows, lambda row: row["search"]["1"]["p50_ms"]),
        "size": _figure("on disk", "GB", rows, lambda row: row["size_bytes"] / 1e9),
    }


def _figure(title: str, unit: str, rows: Rows, value: Any) -> go.Figure:
    figure = go.Figure()
    for engine in dict.fromkeys(row["engine"] for row in rows):
        points = [(row["entries"], value(row)) for row in rows if row["engine"] == engine and "search" in row]
        figure.add_scatter(
            x=[entries for entries, _ in points],
            y=[measured for _, measured in points],
            text=[f"{measured:.3g}" for _, measured in points],
            mode="lines+markers+text",
            textposition="top center",
            name=engine,
            line={"color": _COLOURS[engine]},
        )
    figure.update_xaxes(type="log", title="entries")
    figure.update_yaxes(type="log", title=unit)
    return figure.update_layout(title=title, template="plotly_white")


def as_svg(figure: go.Figure) -> str:
    data = figure.to_json()
    with sync_playwright() as playwright:
        path = _CHROMIUM if Path(_CHROMIUM).exists() else None
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            page = browser.new_page()
            page.set_content("<div></div>")
            page.add_script_tag(content=get_plotlyjs())
            options = {"format": "svg", "width": _WIDTH, "height": _HEIGHT}
            drawn = page.evaluate("([it, how]) => Plotly.toImage(JSON.parse(it), how)", [data, options])
        finally:
            browser.close()
    return unquote(str(drawn).partition(",")[2])
