"""When FAQ files change."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from app.errors import BadFaqFile

_DEBOUNCE = 300  # milliseconds: an editor writes, renames and touches in one go
_STEP = 50


async def changes(paths: Sequence[Path]) -> AsyncGenerator[None]:
    """Yields once at the start, and then after each burst of changes to the files.

    The folders of the files are watched, since editors replace a file rather than write to it.
    Raises BadFaqFile where there is nothing to watch.
    """
    from watchfiles import awatch

    named = {path.absolute() for path in paths}
    watched = {path if path.is_dir() else path.parent for path in named}
    if missing := [path for path in watched if not path.is_dir()]:
        raise BadFaqFile(f"{missing[0]}: no such folder to watch")
    folders = [path for path in named if path.is_dir()]
    globs = any(set("*?[") & set(str(path)) for path in named)
    # Begin to watch before the first ingest, so that no change falls between them.
    watcher = awatch(*watched, debounce=_DEBOUNCE, step=_STEP, yield_on_timeout=True, rust_timeout=100)
    started = False
    async for changed in watcher:
        if not started:
            started = True
            yield
            continue
        if any(
            globs or Path(name) in named or any(Path(name).is_relative_to(folder) for folder in folders)
            for _, name in changed
        ):
            yield
