import subprocess
import sys
import types
from pathlib import Path

import pytest

from app.evaluation.comparison.resources import CpuMeter, energy_meters, peak_memory, reset_peak_memory

MEGABYTE = 1 << 20


def package(powercap: Path, zone: str, microjoules: int, name: str = "package-0") -> Path:
    folder = powercap / zone
    folder.mkdir()
    (folder / "name").write_text(f"{name}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text("1000000000\n")
    return folder


def test_energy_is_that_of_the_packages_since_the_meter_began(tmp_path: Path) -> None:
    first, second = package(tmp_path, "intel-rapl:0", 5_000_000), package(tmp_path, "intel-rapl:1", 10)
    parts = package(tmp_path, "intel-rapl:0:0", 77, "core"), package(tmp_path, "intel-rapl:2", 77, "psys")
    (meter,) = energy_meters(tmp_path)
    assert meter.joules() == 0
    for counted_already in parts:
        (counted_already / "energy_uj").write_text("900000\n")
    (first / "energy_uj").write_text("7500000\n")
    (second / "energy_uj").write_text("500010\n")
    assert meter.joules() == pytest.approx(3.0)
    assert meter.joules() == pytest.approx(3.0)


def test_a_counter_that_begins_anew_loses_nothing(tmp_path: Path) -> None:
    counter = package(tmp_path, "intel-rapl:0", 999_000_000)
    meter = CpuMeter([counter])
    (counter / "energy_uj").write_text("2000000\n")
    assert meter.joules() == pytest.approx(3.0)


def test_where_nothing_tells_there_is_no_meter(tmp_path: Path) -> None:
    assert energy_meters(tmp_path) == []
    (tmp_path / "intel-rapl:0").mkdir()  # as for users other than root: it cannot be read
    assert energy_meters(tmp_path) == []


def test_gpus_are_read_by_nvidias_package_if_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = {0: 1_000, 1: 500}  # millijoules
    nvml = types.ModuleType("pynvml")
    vars(nvml).update(
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda at: at,
        nvmlDeviceGetTotalEnergyConsumption=used.__getitem__,
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    (meter,) = energy_meters(tmp_path)
    before = meter.joules()
    used[1] += 2_500
    assert (meter.name, meter.joules() - before) == ("NVML", 2.5)
    del used[0], used[1]  # an old GPU that does not tell
    assert energy_meters(tmp_path) == []


def test_the_peak_is_that_of_this_process_and_its_children() -> None:
    reset_peak_memory()
    before = peak_memory() or 0
    assert before > 10 * MEGABYTE
    taken = bytearray(b"x" * (60 * MEGABYTE))
    del taken
    own = peak_memory() or 0
    assert own - before > 50 * MEGABYTE  # though it is free again
    hold = "import sys; x = b'x' * (80 << 20); print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=-1, stdout=-1) as child:
        assert child.stdout
        assert child.stdin
        child.stdout.readline()
        assert (peak_memory() or 0) - own > 75 * MEGABYTE
        child.stdin.close()
