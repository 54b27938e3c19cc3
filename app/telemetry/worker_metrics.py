"""Metrics of several workers: each writes its own to files in one folder, and whoever is asked adds them up.

The files are those of prometheus_client's multiprocess mode, which it chooses when it is imported: the folder
has to be in the environment of a worker from its start.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory, gettempdir
from typing import Literal

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from app.errors import BadSettings

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

Across = Literal["sum", "min", "max"]  # the workers: how one gauge is made of those of all
_OF_THE_LIVING: Mapping[Across, Literal["livesum", "livemin", "livemax"]] = {
    "sum": "livesum",
    "min": "livemin",
    "max": "livemax",
}


@contextmanager
def shared_metrics() -> Iterator[str]:
    """The folder, for the workers that start inside of this block. Raises BadSettings."""
    try:
        place = gettempdir()
    except FileNotFoundError as error:
        raise BadSettings(
            "ASKD_WORKERS: several workers share their metrics in a temporary folder; make /tmp writable"
        ) from error
    with TemporaryDirectory(prefix="askd-metrics-", dir=place) as folder:
        os.environ[_FOLDER] = folder
        try:
            yield folder
        finally:
            del os.environ[_FOLDER]


def forget_worker(pid: int | None, folder: str) -> None:
    """Its gauges; what it has counted stays counted."""
    mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]


class WorkerGauges:
    """The gauges of one worker. Others read them from its files, so `refresh` has to be called regularly."""

    def __init__(self) -> None:
        self._readings: list[Callable[[], None]] = []
        self._process = ProcessCollector(registry=None)
        self._process_gauges = {
            metric.samples[0].name: self._gauge(
                metric.samples[0].name, metric.documentation, _of_processes(metric.name)
            )
            for metric in self._process.collect()
        }

    def add(self, name: str, help_text: str, read: Callable[[], float], across: Across) -> None:
        gauge = self._gauge(name, help_text, across)
        self._readings.append(lambda: gauge.set(read()))

    def add_labelled(
        self, name: str, help_text: str, label: str, read: Callable[[], Mapping[str, float]], across: Across
    ) -> None:
        gauge = self._gauge(name, help_text, across, label)

        def set_all() -> None:
            for value, reading in read().items():
                gauge.labels(value).set(reading)

        self._readings.append(set_all)

    def refresh(self) -> None:
        for reading in self._readings:
            reading()
        for metric in self._process.collect():
            sample = metric.samples[0]
            self._process_gauges[sample.name].set(sample.value)

    def _gauge(self, name: str, help_text: str, across: Across, *labels: str) -> Gauge:
        # They are collected from the files, not from a registry.
        return Gauge(name, help_text, labels, registry=None, multiprocess_mode=_OF_THE_LIVING[across])


def register_workers(registry: CollectorRegistry) -> None:
    """What all workers have written, collected whenever Prometheus asks."""
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]


def is_one_of_several() -> bool:
    return _FOLDER in os.environ


def _of_processes(name: str) -> Across:
    """Start time and the limit of open files are no sums."""
    return "min" if name in ("process_start_time_seconds", "process_max_fds") else "sum"
