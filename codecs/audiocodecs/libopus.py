"""libopus itself, packet by packet: the library that PyAV encodes with, or one that the operator names.

>>> from audiocodecs.libopus import Decoder
>>> Decoder(channels=1).conceal(960).shape
(1, 960)
"""

from __future__ import annotations

import ctypes
import os
from functools import cache

import numpy as np

from audiocodecs import wheel_libraries
from audiocodecs.base import CodecError, CodecUnavailable, Samples
from audiocodecs.ogg import OPUS_RATE

SETTING = "OPUS_LIBRARY"
"""Environment variable: the path of a libopus that was built with OSCE."""

LONGEST = 5760
"""Samples of the longest packet, 120 ms."""

_SET_COMPLEXITY = 4010
_FLOATS = ctypes.POINTER(ctypes.c_float)


@cache
def library(path: str | None = None) -> ctypes.CDLL:
    """libopus with its functions declared; raises CodecUnavailable if `path` names none."""
    try:
        found = wheel_libraries.load("opus") if path is None else ctypes.CDLL(path)
        found.opus_get_version_string.restype = ctypes.c_char_p
        found.opus_strerror.restype = ctypes.c_char_p
        found.opus_decoder_create.restype = ctypes.c_void_p
        found.opus_decoder_destroy.argtypes = [ctypes.c_void_p]
        found.opus_decode_float.argtypes = [
            *(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, _FLOATS, ctypes.c_int, ctypes.c_int)
        ]
    except (OSError, AttributeError) as error:
        raise CodecUnavailable(
            f"{SETTING} names no libopus that can be loaded: {error}.", f"Set {SETTING} to the path of libopus.so."
        ) from error
    return found


def version(path: str | None = None) -> str:
    """As the library gives it: "libopus 1.6.1"."""
    return str(library(path).opus_get_version_string().decode())


class Decoder:
    """Decodes one stream at 48 kHz.

    Parameters
    ----------
    channels : int
        1 or 2.
    path : str or None
        A library in place of PyAV's.
    complexity : int or None
        From 5 a libopus that was built for it conceals losses by a network, at 6 it enhances speech below
        about 20 kbit/s by LACE, from 7 by NoLACE. None leaves the library's default, 0.
    """

    def __init__(self, channels: int, path: str | None = None, complexity: int | None = None) -> None:
        self.channels = channels
        self._library = library(path)
        status = ctypes.c_int()
        made = self._library.opus_decoder_create(OPUS_RATE, channels, ctypes.byref(status))
        self._state = ctypes.c_void_p(made)
        self._check(status.value)
        self._buffer = np.empty((LONGEST, channels), np.float32)
        if complexity is not None:
            self._check(self._library.opus_decoder_ctl(self._state, _SET_COMPLEXITY, ctypes.c_int(complexity)))

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.opus_decoder_destroy(self._state)

    def decode(self, packet: bytes) -> Samples:
        """Samples of a packet, shape (channels, n)."""
        return self._decode(packet, LONGEST, redundancy=False)

    def recover(self, packet: bytes, samples: int) -> Samples:
        """The `samples` that were lost before `packet`, from the redundancy in it where it has any."""
        return self._decode(packet, samples, redundancy=True)

    def conceal(self, samples: int) -> Samples:
        """What the decoder makes up for a lost packet of `samples`."""
        return self._decode(None, samples, redundancy=False)

    def _decode(self, packet: bytes | None, samples: int, *, redundancy: bool) -> Samples:
        n = self._library.opus_decode_float(
            self._state, packet, len(packet or b""), self._buffer.ctypes.data_as(_FLOATS), samples, int(redundancy)
        )
        self._check(n)
        return np.array(self._buffer[:n].T)

    def _check(self, status: int) -> None:
        if status < 0:
            raise CodecError(f"libopus cannot decode this: {self._library.opus_strerror(status).decode()}.")


def operators_library() -> str:
    """Path of the operator's libopus; raises CodecUnavailable where none is set."""
    path = os.environ.get(SETTING, "")
    if not path:
        raise CodecUnavailable(
            f"NoLACE needs a libopus that was built with OSCE, and {SETTING} is not set.",
            f"Build libopus 1.5 or later with --enable-osce, and set {SETTING} to the path of its libopus.so.",
        )
    return path
