"""Memory and energy of this machine, where it tells them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

_PROC = Path("/proc")
_POWERCAP = Path("/sys/class/powercap")


def reset_peak_memory() -> None:
    """Peaks of this process count from now on, where the system can do that."""
    with suppress(OSError):
        (_PROC / "self" / "clear_refs").write_text("5")


def peak_memory() -> int | None:
    """Bytes: the most that this process and its children had in RAM. None where the system does not tell."""
    peaks = [_peak(process) for process in _family(os.getpid())]
    return sum(peak for peak in peaks if peak) or None


def _family(process: int) -> Iterator[int]:
    yield process
    for children in (_PROC / str(process) / "task").glob("*/children"):
        with suppress(OSError):  # it has ended
            for child in children.read_text().split():
                yield from _family(int(child))


def _peak(process: int) -> int:
    with suppress(OSError):
        for line in (_PROC / str(process) / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


class EnergyMeter(Protocol):
    name: str

    def joules(self) -> float:
        """Used up so far, from some moment on."""
        ...


class CpuMeter:
    """The CPU packages by RAPL: all that runs on them, idling included."""

    name = "RAPL, whole CPU"

    def __init__(self, packages: Sequence[Path]) -> None:
        self._packages = packages
        self._last = [_microjoules(package) for package in packages]
        self._total = 0

    def joules(self) -> float:
        for at, package in enumerate(self._packages):
            now = _microjoules(package)
            gone = now - self._last[at]
            if gone < 0:  # the counter began anew
                gone += int((package / "max_energy_range_uj").read_text())
            self._total += gone
            self._last[at] = now
        return self._total / 1e6


def _is_package(zone: Path) -> bool:
    """Others are counted in one (core, dram) or count all of them (psys)."""
    return (zone / "name").read_text().startswith("package")


def _microjoules(package: Path) -> int:
    return int((package / "energy_uj").read_text())


class GpuMeter:
    """All NVIDIA GPUs, by NVML."""

    name = "NVML"

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        nvml.nvmlInit()
        self._gpus = [nvml.nvmlDeviceGetHandleByIndex(at) for at in range(nvml.nvmlDeviceGetCount())]
        self.joules()

    def joules(self) -> float:
        used = [int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(gpu)) for gpu in self._gpus]
        return sum(used) / 1e3


def energy_meters(powercap: Path = _POWERCAP) -> Sequence[EnergyMeter]:
    """Those that can be read here: RAPL is often for root alone, NVML needs the package nvidia-ml-py."""
    meters: list[EnergyMeter] = []
    with suppress(OSError, ValueError):
        if packages := [zone for zone in sorted(powercap.glob("intel-rapl:*")) if _is_package(zone)]:
            meters.append(CpuMeter(packages))
    with suppress(Exception):  # no package, no driver, no GPU: the package has an error for each
        import pynvml  # not a requirement of askd

        meters.append(GpuMeter(pynvml))
    return meters
