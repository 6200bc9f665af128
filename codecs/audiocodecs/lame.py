"""What LAME chooses for a bitrate, asked of the library itself.

The program `lame` codes at a lower sample rate where the bitrate is too low for the clip's own, and turns
the level down a little, so that fewer decoded peaks clip. FFmpeg passes neither on.

>>> from audiocodecs.lame import choose
>>> choose(48000, 2, 64).rate, round(choose(48000, 2, 64).gain, 2)
(24000, 0.95)
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache

from audiocodecs import wheel_libraries
from audiocodecs.base import CodecError

_MONO = 3
_MPEG2_MOST_KBPS = 160
_LOWEST_MPEG1_RATE, _LOWEST_MPEG2_RATE = 32000, 16000


@dataclass(frozen=True)
class Choice:
    """LAME's settings.

    Attributes
    ----------
    rate : int
        Sample rate inside the file, Hz.
    gain : float
        Factor on the samples before they are coded.
    """

    rate: int
    gain: float


def version() -> str:
    """Version of the library."""
    get = wheel_libraries.load("mp3lame").get_lame_version
    get.restype = ctypes.c_char_p
    return f"LAME {get().decode()}"


@cache
def choose(rate: int, channels: int, kbps: int) -> Choice:
    """LAME's settings for a clip at a constant bitrate.

    Parameters
    ----------
    rate : int
        Of the clip, Hz. MP3 has no rate below 16 kHz, or 32 kHz above 160 kbit/s: a lower one counts as that.
    channels : int
        1 or 2.
    kbps : int

    Raises
    ------
    CodecError
        If LAME refuses the bitrate.
    """
    lame = wheel_libraries.load("mp3lame")
    lame.lame_init.restype = ctypes.c_void_p
    lame.lame_get_scale.restype = ctypes.c_float
    handle = ctypes.c_void_p(lame.lame_init())
    try:
        lowest = _LOWEST_MPEG1_RATE if kbps > _MPEG2_MOST_KBPS else _LOWEST_MPEG2_RATE
        lame.lame_set_in_samplerate(handle, max(rate, lowest))
        lame.lame_set_num_channels(handle, channels)
        if channels == 1:
            lame.lame_set_mode(handle, _MONO)
        lame.lame_set_brate(handle, kbps)
        if lame.lame_init_params(handle) < 0:
            raise CodecError(f"LAME refused {kbps} kbit/s at {rate} Hz.")
        return Choice(lame.lame_get_out_samplerate(handle), lame.lame_get_scale(handle))
    finally:
        lame.lame_close(handle)
