"""AMR-WB, encoded by the system's vo-amrwbenc or the one that `AMRWB_ENCODER_LIBRARY` names.

opencore-amrwb decodes, which comes with the wheel of PyAV. 16 kHz mono inside; the file is the storage format of
RFC 4867, section 5.3. Encoder and decoder together are 94 samples late at 16 kHz, as measured with vo-amrwbenc
0.1.3 and opencore-amrwb 0.1.6: 5 ms of look-ahead, and the filters to 12.8 kHz and back.
"""

from __future__ import annotations

from itertools import groupby

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
_FRAMING = Framing(rate=RATE, frame=amrwb_libraries.FRAME, delay=94)
_PADDING = 0b10000011  # of a table-of-contents byte; a type over 15 has its first bit
_GOOD = 0b100
_LOST = bytes([14 << 3 | _GOOD])
_MOST_FRAMES = _FRAMING.count(MOST_SECONDS * RATE, RATE)


class AmrWb(Codec):
    """AMR-WB at one of its nine bitrates, without discontinuous transmission."""

    name = "amrwb"
    title = "AMR-WB"
    values = _KBPS
    channels = frozenset({1})
    options = {}
    concealment = "opencore-amr"

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
        if len(frames) != _FRAMING.count(encoded.samples, encoded.rate):
            raise CodecError("The AMR-WB frames do not fit the length that is stated.")
        decoder = amrwb_libraries.Decoder()
        pcm = np.empty((len(frames), _FRAMING.frame, 1), np.int16)
        for lost, frame, part in zip(self.lost(len(frames)), frames, pcm, strict=True):
            decoder.decode(frame if frame[0] & _GOOD and not lost else _LOST, part)
        return _FRAMING.join(pcm, encoded.samples, encoded.rate), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read a file of the storage format: all that its frames hold, at 16 kHz, as it states neither."""
        frames = _frames(container)
        samples = max(1, len(frames) * _FRAMING.frame - _FRAMING.delay)
        return Encoded(_payload(frames), container, RATE, 1, samples)


def _payload(frames: list[bytes]) -> bytes:
    """Bits of the frames; frames of one type follow each other without padding."""
    runs = []
    for kind, run in groupby(frames, _type):
        joined = np.frombuffer(b"".join(run), np.uint8).reshape(-1, _frame_bytes(kind))
        runs.append(frames_file.pack(joined[:, 1:], _FRAME_BITS[kind]))
    return b"".join(runs)


def _type(frame: bytes) -> int:
    return frame[0] >> 3


def _frame_bytes(kind: int) -> int:
    return 1 + -(-_FRAME_BITS[kind] // 8)


def _frames(container: bytes) -> list[bytes]:
    """Frames of a file of one channel, each with its table-of-contents byte."""
    if container[: len(_MAGIC)] != _MAGIC:
        raise CodecError("This is not an AMR-WB file in the storage format, mono.")
    at = len(_MAGIC)
    frames: list[bytes] = []
    while at < len(container):
        kind = container[at] >> 3
        if kind not in _FRAME_BITS or container[at] & _PADDING:
            raise CodecError(f"The AMR-WB file is damaged in frame {len(frames)}: no AMR-WB frame begins there.")
        frames.append(container[at : at + _frame_bytes(kind)])
        if len(frames[-1]) < _frame_bytes(kind):
            raise CodecError(f"The AMR-WB file is cut off in frame {len(frames) - 1}.")
        if len(frames) > _MOST_FRAMES:
            raise CodecError(f"The AMR-WB file is longer than {MOST_SECONDS} s.")
        at += len(frames[-1])
    if not frames:
        raise CodecError("The AMR-WB file holds no frames.")
    return frames
