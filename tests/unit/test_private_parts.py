"""No module of app/ uses a private part of another one, or of a library."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULES = sorted(Path("app").rglob("*.py"))
_DOCUMENTED = {"os._exit"}  # public in spite of their names
_GETTERS = {"getattr", "setattr", "hasattr", "delattr"}


def is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def names_of(tree: ast.Module) -> set[str]:
    """What the module itself defines at its top level: classes, functions, values."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def private_parts(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    own = {"self", "cls"} | names_of(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if is_private(name) and owner in own:
                continue
            case ast.Attribute(attr=name) if is_private(name) and ast.unparse(node) not in _DOCUMENTED:
                yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.Call(func=ast.Name(id=getter), args=[_, ast.Constant(value=str(name)), *_]) if (
                getter in _GETTERS and is_private(name)
            ):
                yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.ImportFrom(module=module, names=imported):
                parts = [*(module or "").split("."), *(alias.name for alias in imported)]
                yield from (f"line {node.lineno}: imports {part}" for part in parts if is_private(part))
            case ast.Import(names=imported):
                for alias in imported:
                    yield from (
                        f"line {node.lineno}: imports {alias.name}"
                        for part in alias.name.split(".")
                        if is_private(part)
                    )


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_private_part_of_anything_else_is_used(path: Path) -> None:
    assert list(private_parts(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "client._headers",
        "self.client._headers",
        "(lambda: client)()._headers",
        "getattr(client, '_headers')",
        "from package._module import name",
        "from package import _name",
        "import package._module",
        "self._client._headers",
    ],
)
def test_private_parts_are_recognised(source: str) -> None:
    assert len(list(private_parts(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "self._headers",
        "cls._of",
        "class Client: ...\nClient._of",
        "client.__class__",
        "from __future__ import x",
    ],
)
def test_what_a_module_owns_is_not_taken_for_one(source: str) -> None:
    assert list(private_parts(source)) == []
