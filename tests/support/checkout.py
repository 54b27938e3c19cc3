"""The files of this checkout."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def files() -> list[Path]:
    """Tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]
