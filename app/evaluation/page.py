"""A page of an evaluation: tables and plots, nothing to load."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

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


def page(title: str, parts: Iterable[str], *, scripted: bool = True) -> str:
    """`scripted`: with the script of `plot`, which takes five megabytes."""
    script = ""
    if scripted:
        from plotly.offline import get_plotlyjs  # of the extra `eval`

        script = get_plotlyjs()
    return _PAGE.format(title=f"askd: {title.lower()}", script=script, body="\n".join(parts))


def about_table(about: Mapping[str, object]) -> str:
    return table([], [[text_cell(name), text_cell(value)] for name, value in about.items()])


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def text_cell(value: object) -> str:
    return f"<td>{escape(str(value))}</td>"


def number_cell(value: float, digits: int = 3) -> str:
    return f'<td class="n">{value if isinstance(value, int) else format(value, f".{digits}f")}</td>'


def line(name: str, x: Sequence[float], y: Sequence[float], colour: str | None = None) -> dict[str, Any]:
    line = {"color": colour} if colour else {}
    return {"type": "scatter", "mode": "lines", "name": name, "x": [*x], "y": [*y], "line": line}


def plot(
    name: str,
    traces: Sequence[Mapping[str, Any]],
    *,
    x: str = "",
    y: str,
    x_range: Sequence[float] | None = None,
    y_range: Sequence[float],
    stacked: bool = False,
) -> str:
    from plotly.graph_objects import Figure  # of the extra `eval`

    figure = Figure(data=[*traces])
    figure.update_layout(template="plotly_white", height=420, margin={"t": 30})
    if stacked:
        figure.update_layout(barmode="stack")
    figure.update_xaxes(title=x, range=x_range)
    figure.update_yaxes(title=y, range=y_range)
    html: str = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=name,
        config={"displaylogo": False, "responsive": True},
    )
    return html
