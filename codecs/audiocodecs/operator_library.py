"""C libraries that the operator supplies: those of the system, or ones that the environment names.

>>> library = OperatorLibrary("gone", "GONE_LIBRARY", "libgone0", {})
>>> library.load()
Traceback (most recent call last):
audiocodecs.spec.CodecUnavailable: The library libgone is not there. Install it (Debian: apt install libgone0) \
or set GONE_LIBRARY to its path.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from audiocodecs.base import CodecUnavailable

Functions = Mapping[str, tuple[Any, Sequence[Any]]]
"""Name of a C function -> type of its result and types of its arguments."""


@dataclass(frozen=True)
class OperatorLibrary:
    """A library that may be there.

    Attributes
    ----------
    name : str
        Without `lib` and suffix: "speex".
    setting : str
        Environment variable with the path of one to use in place of the system's.
    package : str
        Debian's package of it.
    functions : mapping
        The functions that are called.
    """

    name: str
    setting: str
    package: str
    functions: Functions

    def load(self) -> ctypes.CDLL:
        """The library with its functions declared; raises CodecUnavailable if it is not there."""
        named = os.environ.get(self.setting, "")
        path = named or _system(self.name)
        remedy = f"Install it (Debian: apt install {self.package}) or set {self.setting} to its path."
        if path is None:
            raise CodecUnavailable(f"The library lib{self.name} is not there.", remedy)
        try:
            return declare(_open(path), self.functions)
        except (OSError, AttributeError) as error:
            where = f"{self.setting} names" if named else f"{path} is"
            raise CodecUnavailable(f"{where} no lib{self.name} that can be loaded: {error}.", remedy) from error


def declare(library: ctypes.CDLL, functions: Functions) -> ctypes.CDLL:
    """Declare C functions; AttributeError if one is missing."""
    for name, (result, arguments) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, list(arguments)
    return library


def digest(function: Any) -> str:
    """First digits of the sha256 of the library file that a C function comes from."""
    found = _Origin()
    address = ctypes.cast(function, ctypes.c_void_p)
    if not ctypes.CDLL(None).dladdr(address, ctypes.byref(found)):
        raise CodecUnavailable(f"The file of the C function {function.__name__} is not known.")
    return _digest_of(os.fsdecode(found.file))


class _Origin(ctypes.Structure):
    """`Dl_info` of dladdr(3)."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


@cache
def _system(name: str) -> str | None:
    return ctypes.util.find_library(name)


@cache
def _open(path: str) -> ctypes.CDLL:
    return ctypes.CDLL(path)


@cache
def _digest_of(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]
