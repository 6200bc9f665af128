"""LC3, the codec of Bluetooth LE Audio, by liblc3 in the wheel of lc3py.

Frames of 10 ms at a constant bitrate; LC3 codes the two channels of stereo apart, each at half the bitrate. The
sample rate inside follows the settings 16_2, 24_2, 32_2 and 48_2 of the Basic Audio Profile 1.0 (Bluetooth SIG,
table 5.2): 16, 24, 32 and 48 kHz at 32, 48, 64 and 80 kbps a channel. Below 32 kbps the profile has 8 kHz only,
where PESQ prefers 16 kHz: on three clips of speech 3.2 to 2.9 at 16 kbps, and 4.0 to 3.6 at 24. A clip of a lower
rate is coded at the lowest that carries it. The delay of liblc3 1.1.3 is 2.5 ms, as the library states and as
measured: 40 samples at 16 kHz.

>>> from audiocodecs.registry import get_codec
>>> import numpy as np
>>> codec = get_codec("lc3@32")
>>> encoded = codec.encode(np.zeros((1, 47000), np.float32), 48000)
>>> len(encoded.payload), codec.decode(encoded)[0].shape
(3960, (1, 47000))
"""

from __future__ import annotations

from importlib.metadata import version as package_version

import lc3
import numpy as np
import soxr

from audiocodecs import frames_file
from audiocodecs.base import Codec, CodecError, Encoded, Samples, Spec, check_samples
from audiocodecs.frames_file import FramesFile
from audiocodecs.framing import Framing

_FRAME_US = 10000
_FRAMES_PER_SECOND = 100
_DELAYS_PER_SECOND = 400
_LEAST = 16000
"""bit/s of a channel: 20 bytes in 10 ms."""
_NO_FRAME = b"\xff"
"""Bytes that no frame consists of: liblc3 conceals it as one that was lost."""
_LEAST_KBPS = {8000: 0, 16000: 0, 24000: 48, 32000: 64, 48000: 80}
"""Sample rate inside in Hz -> lowest bitrate of a channel that it is used for."""


class Lc3(Codec):
    """LC3 at a constant bitrate: mono from 16 kbps, stereo from 32."""

    name = "lc3"
    title = "LC3"
    values = (16, 24, 32, 48, 64, 96)
    any_from_to = (16, 320)
    options = {}
    concealment = "liblc3"

    @classmethod
    def channels_of(cls, spec: Spec) -> frozenset[int]:
        """Two channels need twice the lowest bitrate of one."""
        return frozenset({1, 2}) if spec.value is None or 1000 * spec.value >= 2 * _LEAST else frozenset({1})

    @property
    def version(self) -> str:
        """The libraries."""
        return f"liblc3 {package_version('lc3py')}, 10 ms; soxr {soxr.__version__}"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode; the payload is the frames, of all channels in turn."""
        checked = check_samples(samples, self)
        assert self.spec.value is not None
        channels, n = checked.shape
        bitrate = round(self.spec.value * 1000)
        framing, size = _framing(bitrate, channels, rate), _block_bytes(bitrate)
        encoder = lc3.Encoder(_FRAME_US, framing.rate, channels)
        payload = b"".join(encoder.encode(part, size, bit_depth=16) for part in framing.cut(checked, rate))
        file = FramesFile(self.name, bitrate, channels, rate, n, payload)
        return Encoded(payload, frames_file.write(file), rate, channels, n)

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode; the delay and the padding of the last frame are taken off."""
        file = self._file(encoded.container)
        framing, size = _framing(file.bitrate, file.channels, file.rate), _block_bytes(file.bitrate)
        decoder = lc3.Decoder(_FRAME_US, framing.rate, file.channels)
        pcm = np.empty((framing.count(file.samples, file.rate), framing.frame, file.channels), np.int16)
        lost = self.lost(len(pcm))
        for index, part in enumerate(pcm):
            block = _NO_FRAME * size if lost[index] else file.payload[index * size : (index + 1) * size]
            part[:] = np.frombuffer(decoder.decode(block, bit_depth=16), np.int16).reshape(part.shape)
        return framing.join(pcm, file.samples, file.rate), file.rate

    def read(self, container: bytes) -> Encoded:
        """Read a file of LC3 frames."""
        file = self._file(container)
        return Encoded(file.payload, container, file.rate, file.channels, file.samples)

    def _file(self, container: bytes) -> FramesFile:
        file = frames_file.read(container, self.name, self.title)
        known = file.channels in self.channels and self.takes(Spec(self.name, file.bitrate / 1000))
        if not known or file.bitrate < file.channels * _LEAST:
            raise CodecError("The file of LC3 frames is damaged: its header makes no sense.")
        frames = _framing(file.bitrate, file.channels, file.rate).count(file.samples, file.rate)
        if len(file.payload) != frames * _block_bytes(file.bitrate):
            raise CodecError("The LC3 frames do not fit the length that is stated.")
        return file


def _block_bytes(bitrate: int) -> int:
    """Bytes of 10 ms of all channels; liblc3 gives the first channel the odd byte."""
    return bitrate // (8 * _FRAMES_PER_SECOND)


def _framing(bitrate: int, channels: int, rate: int) -> Framing:
    kbps = bitrate / channels / 1000
    most = max(one for one, least in _LEAST_KBPS.items() if kbps >= least)
    coded = next((one for one in _LEAST_KBPS if rate <= one <= most), most)
    return Framing(coded, coded // _FRAMES_PER_SECOND, coded // _DELAYS_PER_SECOND)
