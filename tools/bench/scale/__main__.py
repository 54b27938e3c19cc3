"""How ingest, size, memory, search and recall grow with the number of entries, step by step.

python -m tools.bench.scale source FAQ QUESTIONS    takes word frequencies, lengths, vectors of a real FAQ
python -m tools.bench.scale ingest ENGINE ENTRIES   writes an index of so many synthetic entries, and keeps it
python -m tools.bench.scale search ENGINE ENTRIES   times searches with 1, 4, 16 and 64 callers
python -m tools.bench.scale recall ENGINE ENTRIES   compares the nearest ten with those of exhaustive search
python -m tools.bench.scale remove ENGINE ENTRIES   removes the index; the figures stay
python -m tools.bench.scale plot FIGURES FOLDER     draws the curves, as SVG

ENGINE is embedded or elasticsearch. Figures go into OUT/scale.json, a row for each engine and size. Nothing
is embedded but the source, so nothing of the figures is the embedding of a text.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import orjson
import typer

from tools.bench.scale import measuring
from tools.bench.scale.engines import Engine, Kind, open_engine
from tools.bench.scale.engines import remove as remove_from
from tools.bench.scale.measuring import Figures
from tools.bench.scale.plot import as_svg, growth
from tools.bench.scale.source import Source, read_source
from tools.bench.scale.synthetic import SyntheticFaq

app = typer.Typer(help=__doc__, no_args_is_help=True)

Which = Annotated[Kind, typer.Argument(help="embedded or elasticsearch", metavar="ENGINE")]
Size = Annotated[int, typer.Argument(min=1, help="entries", metavar="ENTRIES")]
Out = Annotated[Path, typer.Option(help="folder for source, indexes and figures")]
Url = Annotated[str, typer.Option(envvar="ASKD_ELASTICSEARCH_URL", help="several nodes with commas")]
_OUT = Path("reports/scale")


@app.command("source")
def make(
    faq: Annotated[Path, typer.Argument()] = Path("app/sample/faq.json"),
    questions: Annotated[Path, typer.Argument()] = Path("app/sample/questions.csv"),
    out: Out = _OUT,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    read_source(faq, questions).save(out / "source.npz")


@app.command()
def ingest(engine: Which, entries: Size, out: Out = _OUT, elasticsearch_url: Url = "") -> None:
    faq = SyntheticFaq(Source.load(out / "source.npz"), entries)
    _measure(engine, entries, out, elasticsearch_url, lambda opened: measuring.ingest(opened, faq))


@app.command()
def search(engine: Which, entries: Size, out: Out = _OUT, elasticsearch_url: Url = "") -> None:
    source = Source.load(out / "source.npz")
    _measure(engine, entries, out, elasticsearch_url, lambda opened: measuring.search(opened, source))


@app.command()
def recall(engine: Which, entries: Size, out: Out = _OUT, elasticsearch_url: Url = "") -> None:
    source = Source.load(out / "source.npz")
    faq = SyntheticFaq(source, entries)
    _measure(engine, entries, out, elasticsearch_url, lambda opened: measuring.recall(opened, faq, source))


@app.command()
def remove(engine: Which, entries: Size, out: Out = _OUT, elasticsearch_url: Url = "") -> None:
    async def removed() -> None:
        async with open_engine(engine, entries, out, elasticsearch_url.split(",")) as opened:
            if opened.client is not None:
                await remove_from(opened.client, entries)

    asyncio.run(removed())
    shutil.rmtree(out / f"{engine}-{entries}", ignore_errors=True)


@app.command()
def plot(
    figures: Annotated[Path, typer.Argument(help="scale.json")],
    folder: Annotated[Path, typer.Argument(help="where scale-*.svg go")],
) -> None:
    rows = orjson.loads(figures.read_bytes())
    for name, figure in growth(rows).items():
        (folder / f"scale-{name}.svg").write_text(as_svg(figure))


def _measure(
    kind: Kind, entries: int, out: Path, urls: str, measured: Callable[[Engine], Awaitable[Figures]]
) -> None:
    """Adds figures to the row of this engine and size."""

    async def measure() -> Figures:
        async with open_engine(kind, entries, out, urls.split(",")) as opened:
            return await measured(opened)

    figures = asyncio.run(measure())
    path = out / "scale.json"
    rows = (
        {(row["engine"], row["entries"]): row for row in orjson.loads(path.read_bytes())}
        if path.exists()
        else {}
    )
    row = rows.get((kind, entries), {"engine": kind, "entries": entries})
    rows[kind, entries] = row | figures
    ordered = [rows[key] for key in sorted(rows)]
    path.write_bytes(orjson.dumps(ordered, option=orjson.OPT_INDENT_2))
    typer.echo(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode())


if __name__ == "__main__":
    app()
