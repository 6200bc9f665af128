"""Programs of others, run with little trust: a folder of their own, limits, no environment, no network where possible.

What holds everywhere: an argument list and no shell, an empty environment, a folder that is deleted afterwards; limits
on processor time, memory, size of a file and number of processes (the last one does not hold for root); and an end of
the whole group of processes after so many seconds. Where the system lets a user make namespaces (`unshare` of
util-linux), there is no network either, and no process can outlive the run. The program can read what the worker's user
can read: name no files to it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from audiocodecs.base import CodecError

_LAUNCHER = Path(__file__).with_name("confine.py")
_NAMESPACES = (
    ("unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"),
    ("unshare", "--map-root-user", "--net", "--"),
)


@dataclass(frozen=True)
class Limits:
    """What a program may use.

    Attributes
    ----------
    seconds : float
        By the clock, after which it and all that it started are ended.
    cpu_seconds : int
        Of each process.
    memory, file_size : int
        Bytes: addresses of each process, and the largest file.
    processes : int
        That it may have at once, itself included.
    """

    seconds: float = 60.0
    cpu_seconds: int = 120
    memory: int = 8_000_000_000
    file_size: int = 500_000_000
    processes: int = 64


@lru_cache(maxsize=1)
def namespaces() -> tuple[str, ...]:
    """What stands before a command to take the network from it; empty where this system can't."""
    for command in _NAMESPACES:
        if shutil.which(command[0]) is None:
            continue
        tried = subprocess.run([*command, "/bin/true"], capture_output=True, check=False)
        if tried.returncode == 0:
            return command
    return ()


def without_network() -> bool:
    """Whether programs run without a network here."""
    return bool(namespaces())


def run(title: str, command: list[str], folder: Path, limits: Limits) -> None:
    """Run a program in a folder.

    Parameters
    ----------
    title : str
        What a message calls it.
    command : list of str
        Absolute path of the program, then its arguments.
    folder : Path
        Its working folder, and its HOME and TMPDIR.
    limits : Limits

    Raises
    ------
    CodecError
        If it can't be started, fails, or runs over a limit; with the last lines that it printed.
    """
    processes = limits.processes if namespaces() else _of_this_user() + limits.processes
    numbers = map(str, (limits.cpu_seconds, limits.memory, limits.file_size, processes))
    confined = [*namespaces(), sys.executable, "-I", "-S", str(_LAUNCHER), *numbers, "--", *command]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}
    log = folder / ".said"
    with log.open("wb") as said:
        try:
            process = subprocess.Popen(
                confined,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise CodecError(f"{title} cannot be started: {error.strerror}.") from error
        try:
            code = process.wait(limits.seconds)
        except subprocess.TimeoutExpired as error:
            raise CodecError(f"{title} did not end within {limits.seconds:.0f} s.{last_lines(log)}") from error
        finally:
            # Whatever it started in its own session goes too, also after it ended by itself.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if code != 0:
        raise CodecError(f"{title} {_ending(code, limits)}.{last_lines(log)}")


def last_lines(log: Path, most: int = 5) -> str:
    """The end of what a program printed, as a sentence."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 2000))
        lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return " It said: " + " / ".join(lines[-most:]) if lines else " It said nothing."


def _ending(code: int, limits: Limits) -> str:
    number = -code if code < 0 else code - 128
    if number == signal.SIGXCPU:
        return f"was ended: it may use {limits.cpu_seconds} s of the processor"
    if number == signal.SIGXFSZ:
        return f"was ended: a file may have {limits.file_size / 1e6:.0f} MB"
    return f"was ended by {signal.Signals(number).name}" if number in set(signal.Signals) else f"ended with {code}"


def _of_this_user() -> int:
    """Tasks of this user now, which a limit on processes counts too where there are no namespaces."""
    found, uid = 0, os.getuid()
    for entry in Path("/proc").iterdir() if Path("/proc").is_dir() else ():
        if not entry.name.isdigit():
            continue
        try:
            found += len(list((entry / "task").iterdir())) if entry.stat().st_uid == uid else 0
        except OSError:
            continue  # it has ended meanwhile
    return found
