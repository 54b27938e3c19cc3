"""The memory of this machine."""

import shutil
import subprocess
from pathlib import Path

from app.models.fit.verdict import Machine

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_MEMINFO = Path("/proc/meminfo")


def this_machine() -> Machine:
    """The control group's limit counts where it is less than what is free."""
    return Machine("this machine", ram=min([_available(), *_limits()]), gpu=_gpu())


def _available() -> int:
    for line in _MEMINFO.read_text().splitlines() if _MEMINFO.exists() else []:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 8_000_000_000  # where no system tells


def _limits() -> list[int]:
    found = []
    for path in _LIMITS:
        try:
            found.append(int(path.read_text()))
        except (OSError, ValueError):  # none, or "max"
            continue
    return found


def _gpu() -> int:
    """Of the largest NVIDIA GPU; 0 where there is none."""
    if not (program := shutil.which("nvidia-smi")):
        return 0
    command = [program, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    return max((int(line) << 20 for line in done.stdout.split() if line.isdecimal()), default=0)
