"""The processes of one machine: web server, worker, beat; started together, kept alive, ended together."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
GRACE = 5.0
"""Seconds that a child may take to end after SIGTERM; what a worker leaves is rendered again."""
FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
"""Seconds until a child that ended is started again: doubled each time."""
STEADY = 60.0
"""A child that lived for so many seconds starts again after the first delay."""


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C, a hang-up or SIGTERM."""


@dataclass
class _Child:
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = field(default_factory=time.monotonic)
    due: float = 0.0
    delay: float = FIRST_DELAY

    def end_of_log(self) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])
        except OSError as error:
            return f"(not readable: {error.strerror})"


class Processes:
    """Children that are started again when they end, and that end with this process, however it ends.

    Parameters
    ----------
    logs : Path
        Folder for one log file a child.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: dict[str, _Child] = {}

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
        """Start `python -m COMMAND` as the leader of a process group, its output in `logs/NAME.log`."""
        child = self._children[name] = _Child(command, environment, self._logs / f"{name}.log")
        self._spawn(name, child)

    def pid(self, name: str) -> int | None:
        """The process id of a child, or None while it waits for its next start."""
        process = self._children[name].process
        return process.pid if process else None

    def look_after(self) -> None:
        """Start again what has ended, each time after a longer delay."""
        for name, child in self._children.items():
            if child.process is None:
                if time.monotonic() >= child.due:
                    self._spawn(name, child)
            elif (code := child.process.poll()) is not None:
                self._plan_start(name, child, f"ended with code {code}")

    def wait(self) -> None:
        """Look after the children until somebody asks for the end."""
        while True:
            self.look_after()
            time.sleep(0.5)

    def wait_for(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until a child is ready.

        Raises
        ------
        RuntimeError
            If it ends, or is not ready in time.
        """
        child = self._children[name]
        deadline = time.monotonic() + seconds
        while not ready():
            process = child.process
            code = process.poll() if process else "none"
            if code is not None:
                raise RuntimeError(
                    f"The {name} process ended with code {code}. The end of {child.log}:\n{child.end_of_log()}"
                )
            if time.monotonic() > deadline:
                raise RuntimeError(f"The {name} process was not ready within {seconds:g} s. See {child.log}.")
            self.look_after()
            time.sleep(0.1)

    def _spawn(self, name: str, child: _Child) -> None:
        child.started = time.monotonic()
        output = self._open(child.log)
        try:
            child.process = subprocess.Popen(
                [sys.executable, "-m", *child.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **child.environment},
                preexec_fn=partial(die_with, os.getpid()),
            )
        except OSError as error:  # no memory or no process left
            self._plan_start(name, child, f"could not be started ({error.strerror})")
        finally:
            if output is not None:
                os.close(output)

    def _open(self, path: Path) -> int | None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:  # a full disk must not keep a child from starting: it writes where we write
            log.error("%s cannot be written (%s).", path, error.strerror)
            return None

    def _plan_start(self, name: str, child: _Child, what: str) -> None:
        if time.monotonic() - child.started >= STEADY:
            child.delay = FIRST_DELAY
        child.process, child.due = None, time.monotonic() + child.delay
        log.error(
            "The %s process %s. It starts again in %g s. The end of %s:\n%s",
            *(name, what, child.delay, child.log, child.end_of_log()),
        )
        child.delay = min(2 * child.delay, LONGEST_DELAY)

    def _end(self) -> None:
        running = [child.process for child in self._children.values() if child.process]
        for process in running:
            process.terminate()  # the leader alone: it ends its own processes, after what they are doing
        deadline = time.monotonic() + GRACE
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _kill_group(process)
                process.wait()


def start_worker(processes: Processes, workers: int | None = None) -> None:
    """Start a Celery worker of `workers` processes (the number of cores, unless said) and the beat of its sweep."""
    workers = workers or os.cpu_count() or 1
    celery = ("celery", "--quiet", "-A", "evalapp")
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
        *("--no-control-socket", "--config", "python:evalapp.web_server"),
    )
    processes.wait_for("web", lambda: _listens(address, port), 60)


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(signal.Signals(number).name)


def _kill_group(leader: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGKILL)


def die_with(parent: int) -> None:
    """Have Linux kill this process when its parent dies, also by `kill -9`. Celery does so for its own children."""
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before that
        os._exit(1)
