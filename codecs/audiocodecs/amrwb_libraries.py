"""The encoder and the decoder of AMR-WB, frame by frame: vo-amrwbenc and opencore-amrwb."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from audiocodecs import operator_library, wheel_libraries
from audiocodecs.base import CodecError
from audiocodecs.operator_library import OperatorLibrary

SETTING = "AMRWB_ENCODER_LIBRARY"
"""Environment variable: the path of a libvo-amrwbenc in place of the system's."""

FRAME = 320
"""Samples of a frame, 20 ms at 16 kHz."""

_LONGEST = 64
_POINTER = ctypes.c_void_p
_PCM = ctypes.POINTER(ctypes.c_int16)
_ENCODER = OperatorLibrary(
    "vo-amrwbenc",
    SETTING,
    "libvo-amrwbenc0",
    {
        "E_IF_init": (_POINTER, ()),
        "E_IF_encode": (ctypes.c_int, (_POINTER, ctypes.c_int, _PCM, ctypes.c_char_p, ctypes.c_int)),
        "E_IF_exit": (None, (_POINTER,)),
    },
)
_DECODER: operator_library.Functions = {
    "D_IF_init": (_POINTER, ()),
    "D_IF_decode": (None, (_POINTER, ctypes.c_char_p, _PCM, ctypes.c_int)),
    "D_IF_exit": (None, (_POINTER,)),
}


def _decoder() -> ctypes.CDLL:
    return operator_library.declare(wheel_libraries.load("opencore-amrwb"), _DECODER)


def require() -> None:
    """Raise CodecUnavailable if one of the two is not there."""
    _ENCODER.load()
    _decoder()


def version() -> str:
    """The sha256 of both libraries, which state no version."""
    encoder, decoder = (operator_library.digest(one) for one in (_ENCODER.load().E_IF_init, _decoder().D_IF_init))
    return f"vo-amrwbenc {encoder}, opencore-amrwb {decoder}"


class Encoder:
    """Encodes one stream, without discontinuous transmission.

    Parameters
    ----------
    mode : int
        0 (6.6 kbit/s) to 8 (23.85 kbit/s).
    """

    def __init__(self, mode: int) -> None:
        self._library = _ENCODER.load()
        self._state = self._library.E_IF_init()
        self._mode = mode
        self._buffer = ctypes.create_string_buffer(_LONGEST)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.E_IF_exit(self._state)

    def encode(self, samples: NDArray[np.int16]) -> bytes:
        """A frame of `FRAME` samples in the storage format: the table-of-contents byte and the bits."""
        size = self._library.E_IF_encode(self._state, self._mode, samples.ctypes.data_as(_PCM), self._buffer, 0)
        if not 0 < size <= _LONGEST:
            raise CodecError(f"vo-amrwbenc failed with {size}.")
        return self._buffer.raw[:size]


class Decoder:
    """Decodes one stream."""

    def __init__(self) -> None:
        self._library = _decoder()
        self._state = self._library.D_IF_init()

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.D_IF_exit(self._state)

    def decode(self, frame: bytes, samples: NDArray[np.int16]) -> None:
        """Decode a frame in the storage format into `samples`, which has the length `FRAME`."""
        padded = frame.ljust(_LONGEST, b"\0")  # so that the library cannot read past the end
        self._library.D_IF_decode(self._state, padded, samples.ctypes.data_as(_PCM), 0)
