"""One thread for numpy's matrix products, where they are so small that several threads only wait for one another.

On two cores with other work, decoding took three times as long with two threads. Results do not depend on it.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np


class _Library(Protocol):
    def get(self) -> int: ...
    def set(self, threads: int) -> None: ...


class _OpenBlas:
    def __init__(self, library: ctypes.CDLL, suffix: str) -> None:
        self._get = getattr(library, f"scipy_openblas_get_num_threads{suffix}")
        self._set = getattr(library, f"scipy_openblas_set_num_threads{suffix}")

    def get(self) -> int:
        return int(self._get())

    def set(self, threads: int) -> None:
        self._set(ctypes.c_int(threads))


@cache
def _library() -> _Library | None:
    """OpenBLAS as numpy's wheels carry it; None where numpy has another library."""
    for path in (Path(np.__file__).parents[1] / "numpy.libs").glob("libscipy_openblas*"):
        for suffix in ("64_", ""):
            try:
                return _OpenBlas(ctypes.CDLL(str(path)), suffix)
            except (OSError, AttributeError):
                continue
    return None


_lock = threading.Lock()
_inside = 0
_before = 1


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """While inside, numpy's matrix products use one thread, if numpy has its own OpenBLAS."""
    global _inside, _before
    library = _library()
    with _lock:
        _inside += 1
        if library and _inside == 1:
            _before = library.get()
            library.set(1)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if library and _inside == 0:
                library.set(_before)
