"""Several workers behind one socket. This process only starts them, and starts another where one dies."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from app.main import create_app
from app.server.http import Server, config_of
from app.settings import Settings
from app.telemetry.logs import configure
from app.telemetry.worker_metrics import forget_worker, shared_metrics
from app.traffic.shutdown import GracefulShutdown

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LONGEST_PAUSE = 30.0  # seconds between two tries to start a worker
_STOPS_WITHIN = 15.0  # seconds; running answers get 9, and sending traces takes 2
# A fork of this process would take over its locks and event loops in whatever state they are.
_processes = get_context("spawn")


@dataclass(frozen=True)
class Worker:
    process: SpawnProcess
    says: Connection  # True, once it serves

    def has_served(self) -> bool:
        """Of one that has ended."""
        try:
            return bool(self.says.recv())
        except EOFError:
            return False


class Workers:
    """All accept connections from `listener`: whichever is free does. `settings` are those of one worker."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._running: list[Worker] = []
        self._served = False  # one of those that have ended had

    def run(self) -> None:
        """Returns when SIGTERM has ended all of them.

        Raises KeyboardInterrupt after SIGINT, and SystemExit where a worker cannot start and none has
        served: its log says why, and starting it again would not help.
        """
        with _signals_received() as signals, shared_metrics() as metrics:
            while len(self._running) < self._settings.workers:
                self._start()
            try:
                number = self._watch(signals, metrics)
            finally:
                self._stop(signals)
        if number == signal.SIGINT:
            raise KeyboardInterrupt

    def _watch(self, signals: socket.socket, metrics: str) -> int:
        """The signal that says to stop."""
        pause, start_at = 0.0, 0.0
        while True:
            missing = len(self._running) < self._settings.workers
            if missing and time.monotonic() >= start_at:
                self._start()
                continue
            sentinels = [worker.process.sentinel for worker in self._running]
            seconds = max(start_at - time.monotonic(), 0.0) if missing else None
            ready = wait([signals, *sentinels], seconds)
            if signals in ready:
                return signals.recv(1)[0]
            for worker in [each for each in self._running if each.process.sentinel in ready]:
                self._running.remove(worker)
                worker.process.join()
                forget_worker(worker.process.pid, metrics)
                about = {"pid": worker.process.pid, "exit_status": worker.process.exitcode}
                if worker.has_served():
                    self._served, pause = True, 0.0
                    log.error("a worker has died; another one starts", extra=about)
                elif self._served or any(each.says.poll() for each in self._running):
                    pause = min(max(2 * pause, 1.0), _LONGEST_PAUSE)
                    log.error("a worker could not start; it is tried again", extra=about | {"seconds": pause})
                else:
                    log.error("a worker could not start; askd ends", extra=about)
                    raise SystemExit(1)
                start_at = time.monotonic() + pause

    def _start(self) -> None:
        says, saying = _processes.Pipe(duplex=False)
        process = _processes.Process(target=work, args=(self._settings, self._listener, saying))
        # Ctrl-C reaches every process of the terminal: a worker that still starts would end with a traceback.
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            process.start()
        finally:
            signal.signal(signal.SIGINT, handler)
        saying.close()
        self._running.append(Worker(process, says))

    def _stop(self, signals: socket.socket) -> None:
        """A second signal ends those at once that have not ended yet, as does too long a wait."""
        self._listener.close()
        for worker in self._running:
            worker.process.terminate()
        latest = time.monotonic() + _STOPS_WITHIN
        while alive := [worker.process for worker in self._running if worker.process.is_alive()]:
            ready = wait(
                [signals, *(process.sentinel for process in alive)], max(latest - time.monotonic(), 0.0)
            )
            if not ready or signals in ready:
                log.error("workers that do not end are killed", extra={"number": len(alive)})
                for process in alive:
                    process.kill()
                break
        for worker in self._running:
            worker.process.join()


def work(settings: Settings, listener: socket.socket, saying: Connection) -> None:
    """One worker, in a process of its own."""
    configure(settings.log_level)
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    shutdown = GracefulShutdown()
    app = create_app(settings, shutdown)
    Server(config_of(app), shutdown, on_started=lambda: saying.send(True)).run(sockets=[listener])


def _stop_with_parent() -> None:
    """Even `kill -9` of the parent leaves no worker behind."""
    if parent := parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _signals_received() -> Iterator[socket.socket]:
    """The numbers of the signals can be read from it, as bytes."""
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    with reading, writing:
        before = signal.set_wakeup_fd(writing.fileno())
        handlers = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
