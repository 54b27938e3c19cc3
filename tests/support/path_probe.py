"""Which way a request takes through app/: the modules it enters, and the generators each token passes."""

import asyncio
import inspect
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

_APP = str(Path("app").resolve())
_UNCOUNTED = ("domain", "errors", "settings", "telemetry")


@dataclass
class Way:
    """What was seen while the probe was on, in this thread."""

    modules: set[str] = field(default_factory=set)
    generators: dict[object, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def counted(self) -> list[str]:
        """The modules entered, without vocabulary, settings and telemetry."""
        return sorted(
            name for name in self.modules if name.split("/")[0].removesuffix(".py") not in _UNCOUNTED
        )

    @property
    def nested(self) -> list[str]:
        """The async generators of ours that a token passes, in all tasks together, innermost last."""
        return [name for names in self.generators.values() for name in names]

    def see(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call" or not frame.f_code.co_filename.startswith(_APP):
            return
        if frame.f_code.co_name == "<module>":  # an import
            return
        self.modules.add(frame.f_code.co_filename.removeprefix(f"{_APP}/"))
        nested = list(_generators(frame))
        task = _task()
        if len(nested) > len(self.generators[task]):
            self.generators[task] = nested[::-1]


def _task() -> object:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _generators(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        code, caller = frame.f_code, frame.f_back
        # An async context manager is written as a generator, but no token passes it.
        managed = caller is not None and caller.f_code.co_filename.endswith("contextlib.py")
        if code.co_flags & inspect.CO_ASYNC_GENERATOR and code.co_filename.startswith(_APP) and not managed:
            yield code.co_qualname
        frame = caller


@contextmanager
def probed() -> Iterator[Way]:
    path = Way()
    sys.setprofile(path.see)
    try:
        yield path
    finally:
        sys.setprofile(None)
