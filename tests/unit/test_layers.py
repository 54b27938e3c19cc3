"""Imports point one way, and every error has a status."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.api.problems import STATUS, status_of
from app.errors import AskdError

APP = Path("app")
# The rooms, lowest first: a room imports from those before it, never from those after it.
LAYERS = [
    {"errors", "domain"},
    {"ranking"},
    {"settings"},
    {"telemetry", "traffic", "downloads"},
    {"shared"},
    {"embedders"},
    {"models", "indexes"},
    {"ingest", "answering", "feedback"},
    {"wiring"},
    {"evaluation"},
    {"api"},
    {"main"},
    {"server"},
    {"cli"},
]
VENDORS = {
    "elasticsearch",
    "elastic_transport",
    "ollama",
    "tantivy",
    "xllamacpp",
    "ctranslate2",
    "aiohttp",
    "httpx",
    "valkey",
}
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def modules() -> list[Path]:
    return [path for path in APP.rglob("*.py") if path != APP / "__init__.py"]


def place(path: Path) -> str:
    return path.relative_to(APP).with_suffix("").parts[0]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                [f"app.{alias.name}" for alias in node.names] if node.module == "app" else [node.module]
            )
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=str)
def test_imports_point_one_way(path: Path) -> None:
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("app.")}
    assert not {name for name in ours if RANK[name] > RANK[place(path)]}


@pytest.mark.parametrize("path", modules(), ids=str)
def test_only_backends_know_a_vendor(path: Path) -> None:
    if place(path) not in ("models", "indexes", "evaluation", "feedback", "shared"):
        assert not {name.split(".")[0] for name in imported(path)} & VENDORS


def test_only_one_module_knows_how_spans_are_sent() -> None:
    senders = ("opentelemetry.sdk", "opentelemetry.exporter")
    assert [path for path in modules() if any(name.startswith(senders) for name in imported(path))] == [
        APP / "telemetry" / "otlp.py"
    ]


BACKENDS = (
    "elasticsearch",
    "embedded",
    "memory",
    "ollama",
    "openai",
    "seq2seq",
    "llamacpp",
    "scripted",
    "onnx",
)


@pytest.mark.parametrize("path", modules(), ids=str)
def test_only_the_wiring_knows_the_backends(path: Path) -> None:
    # Feedback is kept beside the index, with the client of its engine.
    if place(path) not in ("models", "indexes", "embedders", "wiring") and path.parts[:2] != (
        "app",
        "feedback",
    ):
        rooms = ("app.models.", "app.indexes.", "app.embedders.")
        assert not [
            name for name in imported(path) if name.startswith(rooms) and name.split(".")[2] in BACKENDS
        ]


def every_error(kind: type[AskdError] = AskdError) -> Iterator[type[AskdError]]:
    for child in kind.__subclasses__():
        yield child
        yield from every_error(child)


def test_every_error_that_can_be_raised_has_a_status() -> None:
    leaves = [kind for kind in every_error() if not kind.__subclasses__()]
    assert len(leaves) > 10
    for kind in leaves:
        assert 400 <= status_of(kind) < 600
    assert set(STATUS) <= set(every_error())


def test_the_top_of_app_is_short() -> None:
    assert len([path for path in APP.glob("*.py") if path.name != "__init__.py"]) <= 6


@pytest.mark.parametrize("path", modules(), ids=str)
def test_no_file_is_too_long_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_no_two_test_files_of_one_run_share_a_name() -> None:
    """pytest takes them for the same module. `scripts/check` runs two folders, `scripts/test` the rest."""
    for checked in (True, False):
        names = [
            file.name
            for file in Path("tests").glob("*/test_*.py")
            if (file.parent.name in ("unit", "api")) == checked and not file.with_name("__init__.py").exists()
        ]
        assert len(set(names)) == len(names)
