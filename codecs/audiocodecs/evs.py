"""EVS, by the programs of 3GPP that the operator supplies.

Patents keep EVS from being carried along: `EVS_ENCODER` and `EVS_DECODER` name the
programs `EVS_cod` and `EVS_dec`. Where they are not set the codec is unavailable; it
is never replaced by another. The programs work at the lowest of 16, 32 and 48 kHz that carries the clip:
16 below 9.6 kbps, which have no super-wideband mode, and 48 from 16.4 alone, which have a fullband mode.
The file is the MIME storage format of 3GPP TS 26.445, annex A.2.6.
"""

from __future__ import annotations

import numpy as np
import soxr
from scipy import signal

from audiocodecs import audio, evs_programs
from audiocodecs.base import MOST_SECONDS, Codec, CodecError, Encoded, Samples, Spec, check_samples
from audiocodecs.evs_programs import DECODER, ENCODER

_FRAMES_PER_SECOND = 50
_MAGIC = b"#!EVS_MC1.0\n\x00\x00\x00\x01"
_FRAME_BYTES = {0: 7, 1: 18, 2: 20, 3: 24, 4: 33, 5: 41, 6: 61, 7: 80, 8: 120, 9: 160, 10: 240, 11: 320}
_FRAME_BYTES |= {12: 6, 14: 0, 15: 0}
"""Payload by the frame type in a table-of-contents byte (TS 26.445, annex A): primary modes, SID, lost, none."""
_LOST = bytes([14])
"""Table-of-contents byte of a lost frame."""
_LEAST_KBPS = {16000: 0.0, 32000: 9.6, 48000: 16.4}
"""Sample rates of the programs' audio in Hz, and the lowest bitrate that each is worth (TS 26.441, table 1)."""
_CARRIED_DB = 70.0
"""A rate carries a clip whose power above half of it is so far below the whole."""
_PATIENCE_SECONDS = 30.0
_PATIENCE_PER_SECOND = 5.0


class Evs(Codec):
    """EVS primary mode at a constant bitrate, without discontinuous transmission."""

    name = "evs"
    title = "EVS"
    values = (7.2, 8, 9.6, 13.2, 16.4, 24.4, 32)
    channels = frozenset({1})
    options = {}
    concealment = "the EVS decoder"

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Look for the two programs."""
        for setting in (ENCODER, DECODER):
            evs_programs.find(setting)

    @property
    def version(self) -> str:
        """The sha256 of the two programs, and the resampler."""
        programs = f"encoder {evs_programs.digest(ENCODER)}, decoder {evs_programs.digest(DECODER)}"
        return f"{programs}, soxr {soxr.__version__}"

    def coded_rate(self, rate: int) -> int:
        """Highest sample rate in Hz that the programs get for a clip of `rate`."""
        assert self.spec.value is not None
        offered = [one for one, least in _LEAST_KBPS.items() if self.spec.value >= least]
        return next((one for one in offered if one >= rate), offered[-1])

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode; the payload is the frames without the file's header and tables of contents."""
        checked = check_samples(samples, self)
        assert self.spec.value is not None
        coded = lowest_rate(checked, rate, self.coded_rate(rate))
        inside = audio.resample(checked, rate, coded)
        # A frame more than the clip fills: the programs drop what is left of the last one.
        frame = coded // _FRAMES_PER_SECOND
        frames = -(-inside.shape[1] // frame) + 1
        padded = audio.fit_length(inside, frames * frame)[0]
        pcm = np.clip(np.rint(padded * 32768.0), -32768, 32767).astype("<i2").tobytes()
        bitrate = str(round(self.spec.value * 1000))
        container = evs_programs.run(ENCODER, [bitrate, str(coded // 1000)], pcm, _patience(frames))
        found = _frames(container)
        if len(found) != frames:
            raise CodecError(f"{ENCODER} wrote {len(found)} frames where {frames} were due.")
        return Encoded(b"".join(found), container, rate, 1, checked.shape[1])

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode; the programs compensate their delay, the padding is taken off."""
        container, frames = self._received(encoded.container)
        rate = self.coded_rate(encoded.rate)
        pcm = evs_programs.run(DECODER, [str(rate // 1000)], container, _patience(frames))
        due = frames * rate // _FRAMES_PER_SECOND
        if len(pcm) != 2 * due:
            raise CodecError(f"{DECODER} wrote {len(pcm) // 2} samples where {due} were due.")
        decoded = np.asarray(np.frombuffer(pcm, "<i2") / 32768, dtype=np.float32).reshape(1, -1)
        return audio.fit_length(audio.resample(decoded, rate, encoded.rate), encoded.samples), encoded.rate

    def _received(self, container: bytes) -> tuple[bytes, int]:
        """The file as it arrives, and how many frames it has."""
        frames = _frames(container)
        lost = self.lost(len(frames))
        if not lost.any():
            return container, len(frames)
        arrived, at = [_MAGIC], len(_MAGIC)
        for frame, missing in zip(frames, lost, strict=True):
            whole = container[at : at + 1 + len(frame)]
            arrived.append(_LOST if missing else whole)
            at += len(whole)
        return b"".join(arrived), len(frames)

    def read(self, container: bytes) -> Encoded:
        """Read an EVS MIME file: whole frames at the highest rate of its bitrate, as it states neither."""
        found = _frames(container)
        rate = self.coded_rate(max(_LEAST_KBPS))
        return Encoded(b"".join(found), container, rate, 1, len(found) * rate // _FRAMES_PER_SECOND)


def lowest_rate(samples: Samples, rate: int, most: int) -> int:
    """Lowest sample rate of the programs, at most `most`, that carries what is in `samples`, shape (1, n)."""
    segment = min(2048, samples.shape[1])
    frequencies, power = signal.welch(samples[0], rate, nperseg=segment)
    least = power.sum() * 10 ** (-_CARRIED_DB / 10)
    return next((one for one in _LEAST_KBPS if one < most and power[frequencies > one / 2].sum() <= least), most)


def _patience(frames: int) -> float:
    return _PATIENCE_SECONDS + _PATIENCE_PER_SECOND * frames / _FRAMES_PER_SECOND


def _frames(container: bytes) -> list[bytes]:
    """Frames of a MIME file of one channel."""
    if container[: len(_MAGIC)] != _MAGIC:
        raise CodecError("This is not an EVS file in the MIME format, mono.")
    at = len(_MAGIC)
    found: list[bytes] = []
    while at < len(container):
        size = _FRAME_BYTES.get(container[at] & 0x2F)
        if size is None or container[at] & 0xC0:
            raise CodecError(f"The EVS file is damaged in frame {len(found)}: no EVS primary frame begins there.")
        found.append(container[at + 1 : at + 1 + size])
        if len(found[-1]) < size:
            raise CodecError(f"The EVS file is cut off in frame {len(found) - 1}.")
        if len(found) > MOST_SECONDS * _FRAMES_PER_SECOND + 1:  # `encode` appends one
            raise CodecError(f"The EVS file is longer than {MOST_SECONDS} s.")
        at += 1 + size
    if not found:
        raise CodecError("The EVS file holds no frames.")
    return found
