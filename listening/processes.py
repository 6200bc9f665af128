"""The processes of one machine: web server, worker, beat; started together, ended together."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType, TracebackType

PR_SET_PDEATHSIG = 1
GRACE = 20.0


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C, a hang-up or SIGTERM."""


class Processes:
    """Children that end with this process, however it ends.

    Parameters
    ----------
    logs : Path
        Folder for one log file a child.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Processes:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave children behind
        self._end()
        return kind is Stopped

    def start(self, name: str, *command: str, **environment: str) -> None:
        """Start a child in a session of its own, its output in `logs/NAME.log`."""
        with (self._logs / f"{name}.log").open("ab") as log:
            self._children[name] = subprocess.Popen(
                [sys.executable, "-m", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **environment},
                preexec_fn=_end_with_parent,
            )

    def check(self) -> None:
        """Raise RuntimeError if a child has ended by itself."""
        for name, child in self._children.items():
            if (code := child.poll()) is not None:
                log = self._logs / f"{name}.log"
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
                raise RuntimeError(f"The {name} ended with code {code}. The end of {log}:\n{tail}")

    def wait(self) -> None:
        """Watch the children until somebody asks for the end."""
        while True:
            self.check()
            time.sleep(0.5)

    def _end(self) -> None:
        for child in self._children.values():
            _signal_group(child, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for child in self._children.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal_group(child, signal.SIGKILL)
                child.wait()


def start_worker(processes: Processes, workers: int | None = None) -> None:
    """Start a Celery worker of `workers` processes (the number of cores, unless said) and the beat of its sweep."""
    workers = workers or os.cpu_count() or 1
    celery = ("celery", "-A", "evalapp")
    processes.start(
        *("worker", *celery, "worker", "--pool", "prefork", "--concurrency", str(workers)),
        *("--loglevel", "info", "--without-gossip", "--without-mingle"),
        WORKER_PROCESSES=str(workers),
    )
    processes.start("beat", *celery, "beat", "--loglevel", "warning", "--pidfile", "")


def start_web(processes: Processes, address: str, port: int, threads: int = 8) -> None:
    """Start the web server and wait until it takes connections.

    Raises
    ------
    RuntimeError
        If the port is taken or the server does not come up within a minute.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise RuntimeError(f"Port {port} is taken ({error.strerror}). Choose another: PORT={port + 1}.") from error
    processes.start(
        *("web", "gunicorn", "evalapp.wsgi:application", "--preload", "--bind", f"{address}:{port}"),
        *("--worker-class", "gthread", "--workers", "2", "--threads", str(threads), "--timeout", "120"),
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        processes.check()
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((address, port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("The web server did not come up within a minute. See its log.")


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(signal.Signals(number).name)


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if child.poll() is None:
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            child.poll()


def _end_with_parent() -> None:
    """Ask Linux for SIGTERM when the parent dies: `kill -9` of this process must not leave orphans."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
