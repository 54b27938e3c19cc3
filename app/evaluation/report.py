"""Retrieval and abstention as a page each."""

from collections.abc import Mapping
from html import escape
from typing import Any

from app.evaluation.abstention import ANSWERABLE, REMOVED, UNANSWERABLE, WRONG_COLLECTION, Abstention
from app.evaluation.metrics import MEASURES, Estimate, Quality
from app.evaluation.page import about_table, line, number_cell, page, plot, table, text_cell

# A kind of question has one colour in all plots.
_COLOURS = {ANSWERABLE: "#2ca02c", UNANSWERABLE: "#d62728", WRONG_COLLECTION: "#ff7f0e", REMOVED: "#9467bd"}


def retrieval_page(about: Mapping[str, object], configurations: Mapping[str, Quality]) -> str:
    parts = [
        about_table(about),
        "<h2>Measures</h2>",
        _measures(configurations),
        _measures_plot(configurations),
    ]
    parts += ["<h2>Latency</h2>", _latency(configurations), _latency_plot(configurations)]
    parts += ["<h2>By collection</h2>", _collections(configurations)]
    for name, quality in configurations.items():
        parts += [f"<h2>The worst questions: {escape(name)}</h2>", _worst(quality)]
    return page("Retrieval", parts)


def abstention_page(about: Mapping[str, object], result: Abstention) -> str:
    rows = [
        [text_cell(kind), number_cell(result.questions[kind]), _estimate(refused)]
        for kind, refused in result.refused.items()
    ]
    parts = [about_table(about), "<h2>Declined</h2>", table(["kind", "questions", "declined"], rows)]
    parts += ["<h2>The trade</h2>", _trade_plot(result), "<h2>By threshold</h2>", _threshold_plot(result)]
    parts.append("<small>Questions of very few words are answered below the threshold, too.</small>")
    return page("Abstention", parts)


# --- tables ------------------------------------------------------------------------------------


def _measures(configurations: Mapping[str, Quality]) -> str:
    rows = [
        [text_cell(name), *(_estimate(quality.measures[measure]) for measure in MEASURES)]
        for name, quality in configurations.items()
    ]
    return table(["configuration", *MEASURES], rows) + "<small>Below each mean its 95 % interval.</small>"


def _latency(configurations: Mapping[str, Quality]) -> str:
    rows = [
        [text_cell(name), *(number_cell(ms, 1) for ms in quality.latency_ms.values())]
        for name, quality in configurations.items()
    ]
    names = next(iter(configurations.values())).latency_ms
    return table(["configuration", *(f"{name}, ms" for name in names)], rows)


def _collections(configurations: Mapping[str, Quality]) -> str:
    rows = [
        [
            text_cell(name),
            text_cell(collection),
            number_cell(int(of["questions"])),
            *(number_cell(of[m]) for m in MEASURES),
        ]
        for name, quality in configurations.items()
        for collection, of in quality.collections.items()
    ]
    return table(["configuration", "collection", "questions", *MEASURES], rows)


def _worst(quality: Quality) -> str:
    rows = [
        [
            text_cell(miss.question),
            text_cell(miss.collection),
            text_cell(miss.wanted),
            text_cell(miss.rank or "not found"),
            "<td>" + "<br>".join(map(escape, miss.instead)) + "</td>",
        ]
        for miss in quality.worst
    ]
    return table(["question", "collection", "wanted", "came at", "came first"], rows)


def _estimate(of: Estimate) -> str:
    return f'<td class="n">{of.value:.3f}<br><small>{of.low:.3f}–{of.high:.3f}</small></td>'


# --- plots -------------------------------------------------------------------------------------


def _measures_plot(configurations: Mapping[str, Quality]) -> str:
    traces = []
    for name, quality in configurations.items():
        of = [quality.measures[measure] for measure in MEASURES]
        interval = {
            "array": [each.high - each.value for each in of],
            "arrayminus": [each.value - each.low for each in of],
        }
        traces.append(
            {
                "type": "bar",
                "name": name,
                "x": MEASURES,
                "y": [each.value for each in of],
                "error_y": interval,
            }
        )
    return plot("measures", traces, y="mean, 95 % interval", y_range=[0, 1])


def _latency_plot(configurations: Mapping[str, Quality]) -> str:
    traces = [
        line(name, quality.latency_curve_ms, range(1, len(quality.latency_curve_ms) + 1))
        for name, quality in configurations.items()
    ]
    return plot("latency", traces, x="milliseconds", y="% of the questions took at most", y_range=[0, 100])


def _trade_plot(result: Abstention) -> str:
    traces: list[dict[str, Any]] = []
    wrongly = result.curve.refused[ANSWERABLE]
    for kind, refused in result.curve.refused.items():
        if kind != ANSWERABLE:
            traces.append(line(kind, wrongly, refused, _COLOURS[kind]))
    others = [refused for kind, refused in result.refused.items() if kind != ANSWERABLE]
    now = {"x": [result.refused[ANSWERABLE].value] * len(others), "y": [each.value for each in others]}
    marker = {"size": 11, "symbol": "x", "color": "#222"}
    traces.append({"type": "scatter", "mode": "markers", "name": "in force", "marker": marker, **now})
    return plot(
        "trade", traces, x="answerable questions declined", y="declined", x_range=[0, 0.3], y_range=[0, 1.02]
    )


def _threshold_plot(result: Abstention) -> str:
    traces = [
        line(kind, result.curve.thresholds, refused, _COLOURS[kind])
        for kind, refused in result.curve.refused.items()
    ]
    return plot("thresholds", traces, x="threshold of the confidence", y="declined", y_range=[0, 1.02])
