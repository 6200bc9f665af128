"""LC3, the codec of Bluetooth LE Audio, by liblc3.

Frames of 10 ms at a constant bitrate; stereo is two channels with half the bitrate each, as in LE Audio.
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
_FRAME_BYTES = (20, 400)
_LEAST_KBPS = {8000: 0, 16000: 32, 24000: 48, 32000: 64, 48000: 80}


class Lc3(Codec):
    """LC3 at a constant bitrate."""

    name = "lc3"
    title = "LC3"
    values = (16, 24, 32, 48, 64, 96)
    any_from_to = (16, 320)
    options = {}

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
        framing, size = _framing(bitrate, channels, rate), _block_bytes(bitrate, channels)
        encoder = lc3.Encoder(_FRAME_US, framing.rate, channels)
        payload = b"".join(encoder.encode(part, size, bit_depth=16) for part in framing.cut(checked, rate))
        file = FramesFile(self.name, bitrate, channels, rate, n, payload)
        return Encoded(payload, frames_file.write(file), rate, channels, n)

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode; the delay and the padding of the last frame are taken off."""
        file = self._file(encoded.container)
        framing, size = _framing(file.bitrate, file.channels, file.rate), _block_bytes(file.bitrate, file.channels)
        decoder = lc3.Decoder(_FRAME_US, framing.rate, file.channels)
        pcm = np.empty((framing.count(file.samples, file.rate), framing.frame, file.channels), np.int16)
        for index, part in enumerate(pcm):
            block = file.payload[index * size : (index + 1) * size]
            part[:] = np.frombuffer(decoder.decode(block, bit_depth=16), np.int16).reshape(part.shape)
        return framing.join(pcm, file.samples, file.rate), file.rate

    def read(self, container: bytes) -> Encoded:
        """Read a file of LC3 frames."""
        file = self._file(container)
        return Encoded(file.payload, container, file.rate, file.channels, file.samples)

    def _file(self, container: bytes) -> FramesFile:
        file = frames_file.read(container, self.name, self.title)
        if file.channels not in self.channels or not self.takes(file.bitrate / 1000):
            raise CodecError("The file of LC3 frames is damaged: its header makes no sense.")
        frames = _framing(file.bitrate, file.channels, file.rate).count(file.samples, file.rate)
        if len(file.payload) != frames * _block_bytes(file.bitrate, file.channels):
            raise CodecError("The LC3 frames do not fit the length that is stated.")
        return file


def _block_bytes(bitrate: int, channels: int) -> int:
    """Bytes of 10 ms of all channels; liblc3 gives the first channel the odd byte."""
    size = bitrate // (8 * _FRAMES_PER_SECOND)
    if size < channels * _FRAME_BYTES[0]:
        least = channels * _FRAME_BYTES[0] * 8 * _FRAMES_PER_SECOND // 1000
        raise CodecError(f"LC3 has no stereo at {bitrate / 1000:g} kbps: its least is {least} kbps.")
    return size


def _framing(bitrate: int, channels: int, rate: int) -> Framing:
    kbps = bitrate / channels / 1000
    most = max(one for one, least in _LEAST_KBPS.items() if kbps >= least)
    coded = next((one for one in _LEAST_KBPS if rate <= one <= most), most)
    return Framing(coded, coded // _FRAMES_PER_SECOND, coded // 400)
