"""AMR-WB."""

from __future__ import annotations

import numpy as np
import soxr

from audiocodecs import amrwb_libraries, frames_file
from audiocodecs.base import MOST_SECONDS, Codec, CodecError, Encoded, Samples, Spec, check_samples
from audiocodecs.framing import Framing

RATE = 16000
_MAGIC = b"#!AMR-WB\n"
_FRAME_BITS = {0: 132, 1: 177, 2: 253, 3: 285, 4: 317, 5: 365, 6: 397, 7: 461, 8: 477, 9: 40, 14: 0, 15: 0}
"""Bits by the frame type in a table-of-contents byte (RFC 4867, TS 26.201): modes, comfort noise, lost, none."""
_KBPS = (6.6, 8.85, 12.65, 14.25, 15.85, 18.25, 19.85, 23.05, 23.85)
_FRAMES_PER_SECOND = 50
_FRAMING = Framing(rate=RATE, frame=amrwb_libraries.FRAME, delay=0)


class AmrWb(Codec):
    """AMR-WB at one of its nine bitrates, without discontinuous transmission."""

    name = "amrwb"
    title = "AMR-WB"
    values = _KBPS
    channels = frozenset({1})
    options = {}

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Look for the encoder and the decoder."""
        amrwb_libraries.require()

    @property
    def version(self) -> str:
        """The libraries."""
        return f"{amrwb_libraries.version()}, soxr {soxr.__version__}"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode at 16 kHz; the payload is the bits of the frames, without tables of contents and padding."""
        checked = check_samples(samples, self)
        assert self.spec.value is not None
        encoder = amrwb_libraries.Encoder(_KBPS.index(self.spec.value))
        frames = [encoder.encode(part) for part in _FRAMING.cut(checked, rate)]
        container = _MAGIC + b"".join(frames)
        return Encoded(_payload(_frames(container)), container, rate, 1, checked.shape[1])

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode; the delay and the padding of the last frame are taken off."""
        frames = _frames(encoded.container)
        if len(frames) < _FRAMING.count(encoded.samples, encoded.rate):
            ...
        decoder = amrwb_libraries.Decoder()
        pcm = np.empty((len(frames), _FRAMING.frame, 1), np.int16)
        for frame, part in zip(frames, pcm, strict=True):
            decoder.decode(frame, part)
        return _FRAMING.join(pcm, encoded.samples, encoded.rate), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read a file of the storage format: whole frames at 16 kHz, as it states neither rate nor length."""
        frames = _frames(container)
        return Encoded(_payload(frames), container, RATE, 1, len(frames) * _FRAMING.frame)


def _payload(frames: list[bytes]) -> bytes:
    """The bits of the frames, one after the other."""
    bits = [np.unpackbits(np.frombuffer(f, np.uint8)[1:], count=_FRAME_BITS[f[0] >> 3]) for f in frames]
    return np.packbits(np.concatenate(bits)).tobytes()


def _frames(container: bytes) -> list[bytes]:
    return []
