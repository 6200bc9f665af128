"""Speex wideband, by the system's libspeex or the one that `SPEEX_LIBRARY` names.

Speex works in mono at 16 kHz, at the constant bitrate of one of its qualities 0 to 10, with complexity 10 and no
voice activity detection. Frames follow each other without padding bits, as in RFC 5574. Encoder and decoder of
libspeex 1.2.1 together delay by 222 samples at 16 kHz, as measured; the library itself states 143 and 80.
"""

from __future__ import annotations

import numpy as np
import soxr

from audiocodecs import frames_file, libspeex
from audiocodecs.base import Codec, CodecError, Encoded, Samples, Spec, check_samples
from audiocodecs.frames_file import FramesFile
from audiocodecs.framing import Framing

_BITRATES = (3950, 5750, 7750, 9800, 12800, 16800, 20600, 23800, 27800, 34200, 42200)
"""bit/s of the qualities 0 to 10 of wideband."""
_FRAMES_PER_SECOND = 50
_FRAMING = Framing(rate=16000, frame=libspeex.FRAME, delay=222)


class Speex(Codec):
    """Speex wideband at a constant bitrate."""

    name = "speex"
    title = "Speex"
    values = tuple(bitrate / 1000 for bitrate in _BITRATES)
    channels = frozenset({1})
    options = {}
    concealment = "libspeex"

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Look for libspeex."""
        libspeex.require()

    @property
    def version(self) -> str:
        """The libraries."""
        return f"{libspeex.version()}, wideband, complexity 10; soxr {soxr.__version__}"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode at 16 kHz; the payload is the frames."""
        checked = check_samples(samples, self)
        assert self.spec.value is not None
        bitrate = round(self.spec.value * 1000)
        encoder = libspeex.Encoder(_BITRATES.index(bitrate))
        if encoder.bitrate != bitrate:
            raise CodecError(f"{libspeex.version()} codes at {encoder.bitrate} bit/s where {bitrate} were due.")
        bits = bitrate // _FRAMES_PER_SECOND
        pcm = _FRAMING.cut(checked, rate)
        frames = np.empty((len(pcm), -(-bits // 8)), np.uint8)
        for part, frame in zip(pcm, frames, strict=True):
            frame[:] = np.frombuffer(encoder.encode(part), np.uint8)
        payload = frames_file.pack(frames, bits)
        file = FramesFile(self.name, bitrate, 1, rate, checked.shape[1], payload)
        return Encoded(payload, frames_file.write(file), rate, 1, checked.shape[1])

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode; the delay and the padding of the last frame are taken off."""
        file = self._file(encoded.container)
        count = _FRAMING.count(file.samples, file.rate)
        decoder = libspeex.Decoder()
        pcm = np.empty((count, _FRAMING.frame, 1), np.int16)
        frames = frames_file.unpack(file.payload, count, file.bitrate // _FRAMES_PER_SECOND)
        for lost, frame, part in zip(self.lost(count), frames, pcm, strict=True):
            if lost:
                decoder.conceal(part)
            else:
                decoder.decode(frame.tobytes(), part)
        return _FRAMING.join(pcm, file.samples, file.rate), file.rate

    def read(self, container: bytes) -> Encoded:
        """Read a file of Speex frames."""
        file = self._file(container)
        return Encoded(file.payload, container, file.rate, 1, file.samples)

    def _file(self, container: bytes) -> FramesFile:
        file = frames_file.read(container, self.name, self.title)
        if file.channels != 1 or file.bitrate not in _BITRATES:
            raise CodecError("The file of Speex frames is damaged: its header makes no sense.")
        count = _FRAMING.count(file.samples, file.rate)
        if len(file.payload) != frames_file.packed_bytes(count, file.bitrate // _FRAMES_PER_SECOND):
            raise CodecError("The Speex frames do not fit the length that is stated.")
        return file
