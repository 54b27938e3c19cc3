"""Takes from the environment that runs this what a server never uses, and compiles what it does.

The Dockerfile calls it. What askd imports is compiled, since the image works read-only and would compile it
at every start; without time stamps, so that two builds give the same bytes.
"""

import importlib
import pkgutil
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

import app

PREFIX = Path(sys.prefix)
UNUSED = [
    "onnxruntime/capi/libonnxruntime.so*",  # for programs in C; the Python module has all of it once more
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "html_to_markdown/bin",  # its command line
    "selectolax/*.c",
    "selectolax/*.pyx",
    "selectolax/*.pxd",
    "**/tests",
    "**/*.pyi",
]


def main() -> None:
    if sys.argv[1:] == ["compile"]:
        compile_all(sys.stdin.read().splitlines())
        return
    remove()
    # A fresh process: what is written depends on what is in memory.
    again = [sys.executable, __file__, "compile"]
    subprocess.run(again, input="\n".join(used()), text=True, check=True)


def remove() -> None:
    (packages,) = PREFIX.glob("lib/python*/site-packages")
    for pattern in UNUSED:
        found = list(packages.glob(pattern))
        if not found:
            raise SystemExit(f"nothing fits {pattern} any more: see what became of it")
        for path in found:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)  # it may have been in a folder of the list
    for program in (PREFIX / "bin").iterdir():
        if program.name != "askd" and not program.name.startswith("python"):
            program.unlink()


def used() -> list[str]:
    """The source files of all modules that the installed askd imports."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if (error.name or "app").startswith("app"):
                raise  # else the embedded model, or what only `askd eval` needs
    files = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    return sorted(file for file in files if file.endswith(".py") and Path(file).is_relative_to(PREFIX))


def compile_all(files: list[str]) -> None:
    for file in files:
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(file, doraise=True, invalidation_mode=mode)


if __name__ == "__main__":
    main()
