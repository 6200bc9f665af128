"""libspeex, frame by frame: the system's, or one that the operator names."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from audiocodecs.base import CodecError
from audiocodecs.operator_library import OperatorLibrary

SETTING = "SPEEX_LIBRARY"
"""Environment variable: the path of a libspeex in place of the system's."""

FRAME = 320
"""Samples of a wideband frame, 20 ms at 16 kHz."""

_WIDEBAND = 1
_SET_QUALITY, _SET_COMPLEXITY, _GET_BITRATE = 4, 16, 19
_GET_VERSION = 9
_MOST_COMPLEX = 10
_LONGEST = 256
_POINTER = ctypes.c_void_p
_PCM = ctypes.POINTER(ctypes.c_int16)


class _Bits(ctypes.Structure):
    """`SpeexBits` of speex_bits.h."""

    _fields_ = (
        ("chars", _POINTER),
        ("bits", ctypes.c_int),
        ("char_at", ctypes.c_int),
        ("bit_at", ctypes.c_int),
        ("owner", ctypes.c_int),
        ("overflow", ctypes.c_int),
        ("size", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("reserved_too", _POINTER),
    )


_BITS = ctypes.POINTER(_Bits)
_LIBRARY = OperatorLibrary(
    "speex",
    SETTING,
    "libspeex1",
    {
        "speex_lib_get_mode": (_POINTER, (ctypes.c_int,)),
        "speex_lib_ctl": (ctypes.c_int, (ctypes.c_int, _POINTER)),
        "speex_bits_init": (None, (_BITS,)),
        "speex_bits_destroy": (None, (_BITS,)),
        "speex_bits_reset": (None, (_BITS,)),
        "speex_bits_read_from": (None, (_BITS, ctypes.c_char_p, ctypes.c_int)),
        "speex_bits_write": (ctypes.c_int, (_BITS, ctypes.c_char_p, ctypes.c_int)),
        "speex_encoder_init": (_POINTER, (_POINTER,)),
        "speex_encoder_destroy": (None, (_POINTER,)),
        "speex_encoder_ctl": (ctypes.c_int, (_POINTER, ctypes.c_int, _POINTER)),
        "speex_encode_int": (ctypes.c_int, (_POINTER, _PCM, _BITS)),
        "speex_decoder_init": (_POINTER, (_POINTER,)),
        "speex_decoder_destroy": (None, (_POINTER,)),
        "speex_decode_int": (ctypes.c_int, (_POINTER, _BITS, _PCM)),
    },
)


def require() -> None:
    """Raise CodecUnavailable if there is no libspeex."""
    _LIBRARY.load()


def version() -> str:
    """As the library gives it: "libspeex 1.2.1"."""
    text = ctypes.c_char_p()
    _LIBRARY.load().speex_lib_ctl(_GET_VERSION, ctypes.byref(text))
    return f"libspeex {(text.value or b'').decode()}"


class Encoder:
    """Encodes one wideband stream at a constant bitrate.

    Parameters
    ----------
    quality : int
        0 to 10.

    Attributes
    ----------
    bitrate : int
        bit/s of this quality, as the library says.
    """

    def __init__(self, quality: int) -> None:
        self._library = _LIBRARY.load()
        self._bits = _Bits()
        self._library.speex_bits_init(self._bits)
        self._state = self._library.speex_encoder_init(self._library.speex_lib_get_mode(_WIDEBAND))
        self._control(_SET_QUALITY, quality)
        self._control(_SET_COMPLEXITY, _MOST_COMPLEX)
        self.bitrate = self._control(_GET_BITRATE, 0)
        self._buffer = ctypes.create_string_buffer(_LONGEST)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.speex_encoder_destroy(self._state)
            self._library.speex_bits_destroy(self._bits)

    def encode(self, samples: NDArray[np.int16]) -> bytes:
        """Bytes of a frame of `FRAME` samples, which the encoder overwrites."""
        self._library.speex_bits_reset(self._bits)
        self._library.speex_encode_int(self._state, samples.ctypes.data_as(_PCM), self._bits)
        size = self._library.speex_bits_write(self._bits, self._buffer, _LONGEST)
        return self._buffer.raw[:size]

    def _control(self, request: int, value: int) -> int:
        number = ctypes.c_int(value)
        if self._library.speex_encoder_ctl(self._state, request, ctypes.byref(number)):
            raise CodecError(f"libspeex does not know the request {request}.")
        return number.value


class Decoder:
    """Decodes one wideband stream, with the perceptual enhancement that libspeex applies by default."""

    def __init__(self) -> None:
        self._library = _LIBRARY.load()
        self._bits = _Bits()
        self._library.speex_bits_init(self._bits)
        self._state = self._library.speex_decoder_init(self._library.speex_lib_get_mode(_WIDEBAND))

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.speex_decoder_destroy(self._state)
            self._library.speex_bits_destroy(self._bits)

    def decode(self, frame: bytes, samples: NDArray[np.int16]) -> None:
        """Decode a frame into `samples`, which has the length `FRAME`."""
        self._library.speex_bits_read_from(self._bits, frame, len(frame))
        if self._library.speex_decode_int(self._state, self._bits, samples.ctypes.data_as(_PCM)):
            raise CodecError("libspeex cannot decode this: the frame is damaged.")

    def conceal(self, samples: NDArray[np.int16]) -> None:
        """Fill `samples`, which has the length `FRAME`, in place of a lost frame."""
        if self._library.speex_decode_int(self._state, None, samples.ctypes.data_as(_PCM)):
            raise CodecError("libspeex cannot conceal a lost frame.")
