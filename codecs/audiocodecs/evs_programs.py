"""Running the EVS programs that the operator supplies.

`EVS_cod` and `EVS_dec` read and write files, print much even with `-q`, and say what
was wrong only there: what they print is kept, and its end is part of the error.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from audiocodecs.base import CodecError, CodecUnavailable
from audiocodecs.confined import last_lines

ENCODER, DECODER = "EVS_ENCODER", "EVS_DECODER"

_REMEDY = (
    f"Build EVS_cod and EVS_dec from the C source of 3GPP TS 26.443 (floating point), 26.442 or 26.452 (fixed point), "
    f"which 3gpp.org offers for download under its own terms, and set {ENCODER} and {DECODER} to the two programs."
)


def find(setting: str) -> str:
    """Path of the program that the environment variable `setting` names; raises CodecUnavailable."""
    named = os.environ.get(setting, "")
    if not named:
        raise CodecUnavailable(
            f"{setting} is not set: EVS runs only with programs that the operator supplies.", _REMEDY
        )
    found = shutil.which(named)
    if found is None:
        raise CodecUnavailable(f"{setting} is set to {named!r}, which is no program that can be run.", _REMEDY)
    return str(Path(found).absolute())


def digest(setting: str) -> str:
    """First digits of the program's sha256."""
    program = find(setting)
    state = Path(program).stat()
    return _digest_of(program, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _digest_of(program: str, mtime_ns: int, size: int) -> str:
    return hashlib.sha256(Path(program).read_bytes()).hexdigest()[:12]


def run(setting: str, arguments: list[str], data: bytes, patience: float) -> bytes:
    """Run a program with `-q -mime` on a file, in a folder of its own.

    Parameters
    ----------
    setting : str
        `EVS_ENCODER` or `EVS_DECODER`.
    arguments : list of str
        What comes between `-q -mime` and the two file names.
    data : bytes
        Contents of the input file.
    patience : float
        Seconds after which the program and all it started are ended.

    Returns
    -------
    bytes
        Contents of the output file.

    Raises
    ------
    CodecUnavailable
        If the setting names no program.
    CodecError
        If it cannot be started, fails, hangs or writes nothing; with the last lines it printed.
    """
    program = find(setting)
    with tempfile.TemporaryDirectory(prefix="evs-") as name:
        folder = Path(name)
        source, target, log = folder / "in", folder / "out", folder / "log"
        source.write_bytes(data)
        command = [program, "-q", "-mime", *arguments, str(source), str(target)]
        with log.open("wb") as said:
            try:
                # A session of its own, so that what the program may have started ends with it.
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=folder, start_new_session=True
                )
            except OSError as error:
                raise CodecError(f"{setting} ({program}) cannot be started: {error.strerror}.") from error
            try:
                code = process.wait(patience)
            except subprocess.TimeoutExpired as error:
                raise CodecError(f"{setting} did not end within {patience:.0f} s.{last_lines(log)}") from error
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        if code != 0:
            raise CodecError(f"{setting} ended with {code}.{last_lines(log)}")
        if not target.is_file():
            raise CodecError(f"{setting} wrote no file.{last_lines(log)}")
        return target.read_bytes()
