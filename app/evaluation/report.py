"""An evaluation as one HTML page: tables and plots, nothing to load."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from app.evaluation.abstention import ANSWERABLE, REMOVED, UNANSWERABLE, WRONG_COLLECTION, Abstention
from app.evaluation.metrics import MEASURES, Estimate, Quality

# The policy makes the browser itself refuse whatever a page might load.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222 }}
body {{ max-width: 70rem; margin: 2rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.6rem }} h2 {{ font-size: 1.15rem; margin-top: 2.2rem }}
table {{ border-collapse: collapse; display: block; overflow-x: auto }}
th, td {{ border-bottom: 1px solid #ddd; padding: .3rem .7rem; text-align: left; vertical-align: top }}
td.n {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }} small {{ color: #666 }}
</style>
<script>{script}</script>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
# A kind of question has one colour in all plots.
_COLOURS = {ANSWERABLE: "#2ca02c", UNANSWERABLE: "#d62728", WRONG_COLLECTION: "#ff7f0e", REMOVED: "#9467bd"}


def retrieval_page(about: Mapping[str, object], configurations: Mapping[str, Quality]) -> str:
    parts = [_about(about), "<h2>Measures</h2>", _measures(configurations), _measures_plot(configurations)]
    parts += ["<h2>Latency</h2>", _latency(configurations), _latency_plot(configurations)]
    parts += ["<h2>By collection</h2>", _collections(configurations)]
    for name, quality in configurations.items():
        parts += [f"<h2>The worst questions: {escape(name)}</h2>", _worst(quality)]
    return _page("Retrieval", parts)


def abstention_page(about: Mapping[str, object], result: Abstention) -> str:
    rows = [
        [_text(kind), _number(result.questions[kind]), _estimate(refused)]
        for kind, refused in result.refused.items()
    ]
    parts = [_about(about), "<h2>Declined</h2>", _table(["kind", "questions", "declined"], rows)]
    parts += ["<h2>The trade</h2>", _trade_plot(result), "<h2>By threshold</h2>", _threshold_plot(result)]
    parts.append("<small>Questions of very few words are answered below the threshold, too.</small>")
    return _page("Abstention", parts)


def _page(title: str, parts: Iterable[str]) -> str:
    from plotly.offline import get_plotlyjs  # of the extra `eval`

    return _PAGE.format(title=f"askd: {title.lower()}", script=get_plotlyjs(), body="\n".join(parts))


# --- tables ------------------------------------------------------------------------------------


def _about(about: Mapping[str, object]) -> str:
    return _table([], [[_text(name), _text(value)] for name, value in about.items()])


def _measures(configurations: Mapping[str, Quality]) -> str:
    rows = [
        [_text(name), *(_estimate(quality.measures[measure]) for measure in MEASURES)]
        for name, quality in configurations.items()
    ]
    return _table(["configuration", *MEASURES], rows) + "<small>Below each mean its 95 % interval.</small>"


def _latency(configurations: Mapping[str, Quality]) -> str:
    rows = [
        [_text(name), *(_number(ms, 1) for ms in quality.latency_ms.values())]
        for name, quality in configurations.items()
    ]
    names = next(iter(configurations.values())).latency_ms
    return _table(["configuration", *(f"{name}, ms" for name in names)], rows)


def _collections(configurations: Mapping[str, Quality]) -> str:
    rows = [
        [_text(name), _text(collection), _number(int(of["questions"])), *(_number(of[m]) for m in MEASURES)]
        for name, quality in configurations.items()
        for collection, of in quality.collections.items()
    ]
    return _table(["configuration", "collection", "questions", *MEASURES], rows)


def _worst(quality: Quality) -> str:
    rows = [
        [
            _text(miss.question),
            _text(miss.collection),
            _text(miss.wanted),
            _text(miss.rank or "not found"),
            "<td>" + "<br>".join(map(escape, miss.instead)) + "</td>",
        ]
        for miss in quality.worst
    ]
    return _table(["question", "collection", "wanted", "came at", "came first"], rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _text(value: object) -> str:
    return f"<td>{escape(str(value))}</td>"


def _number(value: float, digits: int = 3) -> str:
    return f'<td class="n">{value if isinstance(value, int) else format(value, f".{digits}f")}</td>'


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
    return _plot("measures", traces, y="mean, 95 % interval", y_range=[0, 1])


def _latency_plot(configurations: Mapping[str, Quality]) -> str:
    traces = [
        _line(name, quality.latency_curve_ms, range(1, len(quality.latency_curve_ms) + 1))
        for name, quality in configurations.items()
    ]
    return _plot("latency", traces, x="milliseconds", y="% of the questions took at most", y_range=[0, 100])


def _trade_plot(result: Abstention) -> str:
    traces: list[dict[str, Any]] = []
    wrongly = result.curve.refused[ANSWERABLE]
    for kind, refused in result.curve.refused.items():
        if kind != ANSWERABLE:
            traces.append(_line(kind, wrongly, refused))
    others = [refused for kind, refused in result.refused.items() if kind != ANSWERABLE]
    now = {"x": [result.refused[ANSWERABLE].value] * len(others), "y": [each.value for each in others]}
    marker = {"size": 11, "symbol": "x", "color": "#222"}
    traces.append({"type": "scatter", "mode": "markers", "name": "in force", "marker": marker, **now})
    return _plot(
        "trade", traces, x="answerable questions declined", y="declined", x_range=[0, 0.3], y_range=[0, 1.02]
    )


def _threshold_plot(result: Abstention) -> str:
    traces = [_line(kind, result.curve.thresholds, refused) for kind, refused in result.curve.refused.items()]
    return _plot("thresholds", traces, x="threshold of the confidence", y="declined", y_range=[0, 1.02])


def _line(name: str, x: Sequence[float], y: Sequence[float]) -> dict[str, Any]:
    line = {"color": _COLOURS[name]} if name in _COLOURS else {}
    return {"type": "scatter", "mode": "lines", "name": name, "x": [*x], "y": [*y], "line": line}


def _plot(
    name: str,
    traces: Sequence[Mapping[str, Any]],
    *,
    x: str = "",
    y: str,
    x_range: Sequence[float] | None = None,
    y_range: Sequence[float],
) -> str:
    from plotly.graph_objects import Figure  # of the extra `eval`

    figure = Figure(data=[*traces])
    figure.update_layout(template="plotly_white", height=420, margin={"t": 30})
    figure.update_xaxes(title=x, range=x_range)
    figure.update_yaxes(title=y, range=y_range)
    html: str = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=name,
        config={"displaylogo": False, "responsive": True},
    )
    return html
