"""How questions end, and what the check of answers catches, as a page."""

from collections.abc import Mapping
from html import escape

from app.evaluation.answer_check import PARAPHRASED, VERBATIM, Checked
from app.evaluation.answers import Curve, Endings
from app.evaluation.page import about_table, line, number_cell, page, plot, table, text_cell

_ENDS = (
    ("right", "answered right", "#2ca02c"),
    ("wrong", "answered wrong", "#d62728"),
    ("suggested_right", "suggested, the right entry listed", "#1f77b4"),
    ("suggested_other", "suggested, not listed", "#ff7f0e"),
    ("declined", "declined", "#7f7f7f"),
)


def answers_page(
    about: Mapping[str, object],
    found: Mapping[str, Endings],
    curve: Curve,
    checked: Mapping[str, Checked],
) -> str:
    parts = [about_table(about), "<h2>How questions end</h2>", _endings(found), _endings_plot(found)]
    parts += ["<h2>At other thresholds of the confidence</h2>", _curve_plot(curve)]
    if checked:
        parts += [
            "<h2>Changed sentences, as answers of a model</h2>",
            _checked(checked),
            _checked_plot(checked),
        ]
    return page("Answers", parts)


def _endings(found: Mapping[str, Endings]) -> str:
    rows = [
        [
            text_cell(kind),
            number_cell(of.questions),
            *(number_cell(getattr(of, name)) for name, _, _ in _ENDS),
        ]
        for kind, of in found.items()
    ]
    return table(["class", "questions", *(meaning for _, meaning, _ in _ENDS)], rows)


def _endings_plot(found: Mapping[str, Endings]) -> str:
    traces = [
        {
            "type": "bar",
            "name": meaning,
            "x": [*found],
            "y": [getattr(of, name) for of in found.values()],
            "marker": {"color": colour},
        }
        for name, meaning, colour in _ENDS
    ]
    return plot("endings", traces, y="share of the questions", y_range=[0, 1], stacked=True)


def _curve_plot(curve: Curve) -> str:
    traces = [line(f"{kind}: right", curve.thresholds, of) for kind, of in curve.right.items() if any(of)]
    traces += [line(f"{kind}: wrong", curve.thresholds, of) for kind, of in curve.wrong.items()]
    return plot("curve", traces, x="threshold of the confidence", y="answered", y_range=[0, 1.02])


def _checked(checked: Mapping[str, Checked]) -> str:
    rows = [
        [text_cell(escape(kind)), number_cell(of.sentences), number_cell(of.share)]
        for kind, of in checked.items()
    ]
    said = f"<small>Of “{VERBATIM}” and “{PARAPHRASED}” none should be caught, of the others all.</small>"
    return table(["kind", "sentences", "caught"], rows) + said


def _checked_plot(checked: Mapping[str, Checked]) -> str:
    bars = {"type": "bar", "name": "caught", "x": [*checked], "y": [of.share for of in checked.values()]}
    return plot("checked", [bars], y="caught", y_range=[0, 1.02])
