"""What 100 million entries and 10,000 questions a second take, in nodes, memory and cost.

python -m tools.bench.scale.capacity      prints docs/scale.md's two tables

Plain arithmetic on assumptions, which are listed with their sources, and with what doubling each one does.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

_HOURS = 730  # a month
_DIMENSIONS, _LINKS = 384, 16


@dataclass(frozen=True)
class Assumed:
    """Defaults are per entry, question or core; `_SOURCES` says where each comes from."""

    entries: float = 100e6
    questions: float = 10_000  # a second, at the busiest hour
    searched: float = 1e6  # entries in the collection that a question is about
    search_ms: float = 3.5  # of CPU, words, for each 100,000 entries searched
    graph_ms: float = 3.0  # of CPU, meaning, whatever the size
    index_bytes: float = 3_250  # on disk, for each entry and copy
    copies: float = 2
    askd_ms: float = 40.0  # of CPU: embedding and judging the question, HTTP
    cached: float = 0.3  # of the questions: answered before, neither searched nor written
    written: float = 0.5  # of the rest: by a model; others are suggested, declined, or an entry's own words
    answer_tokens: float = 100
    gpu_tokens: float = 12_500  # a second, of a small model with full batches
    busy: float = 0.6  # of cores and GPUs at most, so that queues stay short
    core_cost: float = 0.05  # dollars an hour, with 4 to 8 GB of memory
    gpu_cost: float = 3.0  # dollars an hour


_SOURCES: Mapping[str, str] = {
    "entries": "given",
    "questions": "given",
    "searched": "assumed: one customer's or product's FAQ; without routing it is all entries",
    "search_ms": "measured, embedded index at 100,000 entries",
    "graph_ms": "from the measurement at 100,000; grows with the logarithm of the entries",
    "index_bytes": "measured, embedded index at 100,000 entries, without the graph",
    "copies": "assumed: one node may die",
    "askd_ms": "assumed: embedding 7 ms (measured), judging at most 30 ms (its bound)",
    "cached": "assumed; `askd_answers_total` of `/metrics` counts yours",
    "written": "assumed; a FAQ of good questions needs less",
    "answer_tokens": "assumed",
    "gpu_tokens": "published: Llama 3.1 8B, one H100, vLLM (morphllm.com/vllm-benchmarks, 2026)",
    "busy": "assumed; see the queue above",
    "core_cost": "assumed list price; yours differs",
    "gpu_cost": "assumed list price; yours differs",
}


def needs(given: Assumed) -> Mapping[str, float]:
    asked = given.questions * (1 - given.cached)
    search_seconds = (given.search_ms * given.searched / 100_000 + given.graph_ms) / 1000
    search_cores = asked * search_seconds / given.busy
    askd_cores = given.questions * given.askd_ms / 1000 / given.busy  # a cached answer takes less
    gpus = math.ceil(asked * given.written * given.answer_tokens / given.gpu_tokens / given.busy)
    # Elastic's formula for int8_hnsw: what must be in memory for a graph to be fast.
    graph_bytes = given.entries * given.copies * (_DIMENSIONS + 4 + 4 * _LINKS)
    dollars = _HOURS * ((search_cores + askd_cores) * given.core_cost + gpus * given.gpu_cost)
    return {
        "search cores": math.ceil(search_cores),
        "search nodes of 32 cores": math.ceil(search_cores / 32),
        "graph memory, GB": graph_bytes / 1e9,
        "disk, GB": given.entries * given.copies * given.index_bytes / 1e9,
        "askd cores": math.ceil(askd_cores),
        "GPUs": gpus,
        "dollars a month": round(dollars, -3),
    }


def tables() -> str:
    cases = {
        "each question about one collection of 1 M": Assumed(),
        "of 100 k": Assumed(searched=1e5),
        "about all 100 M": Assumed(searched=100e6),
    }
    figures = {name: needs(given) for name, given in cases.items()}
    rows = [[what, *[f"{figure[what]:,.0f}" for figure in figures.values()]] for what in needs(Assumed())]
    cost = needs(Assumed())["dollars a month"]
    effects = []
    for each in fields(Assumed):
        value = getattr(Assumed(), each.name)
        changed = min(2 * value, 1.0) if each.name in ("cached", "written", "busy") else 2 * value
        effect = needs(replace(Assumed(), **{each.name: changed}))["dollars a month"] / cost
        to = f"{changed:g}" if changed < 1000 else f"{changed:,.0f}"
        effects.append([f"`{each.name}`", f"{value:,g}", _SOURCES[each.name], f"{to}: {effect:.2f} times"])
    return _table(["", *cases], rows) + "\n" + _table(["assumption", "value", "source", "cost if"], effects)


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    print(tables())  # noqa: T201
