"""A comparison as a page: it loads nothing and runs no script."""

from collections.abc import Mapping
from html import escape

from app.evaluation.comparison import words
from app.evaluation.comparison.figures import MEASURES, Figures
from app.evaluation.comparison.found import FoundComparison, Sample
from app.evaluation.comparison.plot import Point, pareto_plot
from app.evaluation.comparison.records import Record
from app.evaluation.page import about_table, page, table, text_cell

_READ_IT = (
    "“Passed the checks” says that every number, name, command and link stands in an entry and most words "
    "do; not that an answer is true, nor how well it is put: read the answers below. Where the entry was "
    "removed, another one may answer all the same: not every such answer is a fault."
)


def comparison_page(about: Mapping[str, object], of: FoundComparison) -> str:
    parts = [about_table(about), "<h2>Quality against time</h2>", quality_plot(of)]
    parts.append(_note("The area of a disc is the memory. " + _front_in_words(of)))
    parts += ["<h2>Answers</h2>", _quality(of), _note(f"Below each share its 95 % interval. {_READ_IT}")]
    parts += ["<h2>Time and means</h2>", _means(of), _note(_means_in_words(of))]
    parts += ["<h2>Models</h2>", _models(of)]
    parts += ["<h2>Differences, question by question</h2>", _differences(of)]
    parts.append(_note("The first less the second, with the 95 % interval of the mean difference."))
    parts += [f"<h2>Answers side by side: {len(of.samples)} questions</h2>", *map(_sample, of.samples)]
    return page("Models compared", parts, scripted=False)


def quality_plot(of: FoundComparison) -> str:
    points = [
        Point(
            row.name,
            figures.whole_ms.p50.value / 1000,
            figures.passed.value,
            figures.passed.low,
            figures.passed.high,
            figures.memory,
            reference=row.facts is None,
            front=row in of.front,
        )
        for row, figures in of.rows.items()
    ]
    return pareto_plot(points, x="whole answer, median", y="answers that passed the checks")


def _front_in_words(of: FoundComparison) -> str:
    if not of.ranked:
        return words.NOT_RANKED
    return (
        "The dashed line joins the models that no other model beats (discs with an edge); extract asks no "
        "model, and stands there for comparison."
    )


def _quality(of: FoundComparison) -> str:
    rows = []
    for row, figures in of.rows.items():
        cells = [text_cell(row.name), _number(str(figures.questions))]
        cells += [_share(figures, name) for _, name in words.SHARES]
        cells.append(_share(figures, "verbatim"))
        rows.append(cells)
    named = [meaning for meaning, _ in words.SHARES]
    return table(["", "questions", *named, "of the passed: the FAQ's own words"], rows)


def _means(of: FoundComparison) -> str:
    rows = [
        [
            text_cell(row.name),
            _number(words.share(figures.asked_model)),
            *(
                _number(words.seconds(each.value), words.seconds_interval(each))
                if each
                else _number(words.UNKNOWN)
                for times in (figures.first_text_ms, figures.whole_ms)
                for each in ((times.p50, times.p95) if times else (None, None))
            ),
            _number(words.rate(figures.prefill)),
            _number(words.rate(figures.decode)),
            _number(words.size(figures.memory)),
            _number(words.energy(figures.watt_hours)),
        ]
        for row, figures in of.rows.items()
    ]
    times = [f"{what}, s, {which}" for what in ("first text", "whole answer") for which in ("p50", "p95")]
    means = ["prompt tokens/s", "written tokens/s", "peak memory", "energy an answer"]
    return table(["", "asks the model", *times, *means], rows)


def _means_in_words(of: FoundComparison) -> str:
    served = [row.name for row in of.rows if row.facts and row.facts.served]
    memory = "Memory is that of askd with its search, and of the model where it runs in askd"
    if served:
        memory += f"; of {', '.join(served)} it is what the model's server says of its runner alone"
    return (
        f"{memory}. Prompt tokens/s: by the time to the first text, without those that were cached, where "
        "the model's server tells them. Times include the search."
    )


def _models(of: FoundComparison) -> str:
    rows = []
    for row in of.rows:
        facts = row.facts
        size = f"{facts.parameters / 1e6:.0f} M" if facts and facts.parameters else words.UNKNOWN
        rows.append(
            [
                text_cell(row.name),
                text_cell(row.manner),
                _number(size),
                _number(words.size(facts.disk if facts else None)),
                text_cell((facts and facts.licence) or words.UNKNOWN),
                text_cell(facts.digest.removeprefix("sha256:")[:12] if facts else words.UNKNOWN),
            ]
        )
    return table(["", "writes", "parameters", "disk", "licence", "digest"], rows)


def _differences(of: FoundComparison) -> str:
    pairs: dict[tuple[str, str], list[str]] = {}
    for each in of.differences:
        verdict = words.verdict(each) if of.ranked else ""
        cell = _number(words.signed(each.difference.value), words.signed_interval(each.difference), verdict)
        pairs.setdefault((each.row, each.other), []).append(cell)
    rows = [[text_cell(row), text_cell(other), *cells] for (row, other), cells in pairs.items()]
    return table(["", "against", *MEASURES], rows)


def _sample(sample: Sample) -> str:
    told = [[text_cell("the FAQ"), _answer(sample.entry), "<td></td>"]]
    told += [[text_cell(name), _answer(of.text), _ending(of)] for name, of in sample.answers.items()]
    return f"<h3>{escape(sample.question)}</h3>{table([], told)}"


def _ending(of: Record) -> str:
    if of.status is None:
        said = "failed"
    elif of.origin is None:
        said = of.status.replace("_", " ")
    else:
        said = of.origin if of.passed else f"taken back, {of.origin}"
    return f"<td><small>{escape(said)}<br>{of.whole / 1000:.2f} s</small></td>"


def _answer(text: str) -> str:
    return f'<td style="white-space: pre-wrap; max-width: 46rem">{escape(text)}</td>'


def _share(figures: Figures, name: str) -> str:
    of = getattr(figures, name)
    return _number(words.share(of), words.interval(of))


def _number(text: str, *below: str) -> str:
    small = "".join(f"<br><small>{escape(line)}</small>" for line in below if line)
    return f'<td class="n">{escape(text)}{small}</td>'


def _note(text: str) -> str:
    return f"<p><small>{escape(text)}</small></p>"
