"""Codec 2, by libcodec2 in the wheel of pycodec2.

Codec 2 works in mono at 8 kHz. Its mode of 0.7 kbps is called 700C. Frames follow each other without padding bits.
The decoder runs in a separate process (`codec2_decoder`).

Codec 2 does not keep the waveform, so its delay is measured on the envelope. Over a minute of speech pycodec2 4.1.1
is 167 to 176 samples late at 8 kHz by `audio.envelope_lag`, and 157 to 170 by envelopes of 40 ms; 700C is 262 and 248
late. 168 samples are taken away, of 700C 255. On a few seconds such a measurement is uncertain by 5 ms.

>>> from audiocodecs.registry import get_codec
>>> import numpy as np
>>> codec = get_codec("codec2@1.3")
>>> encoded = codec.encode(np.zeros((1, 48000), np.float32), 48000)
>>> len(encoded.payload), codec.decode(encoded)[0].shape
(169, (1, 48000))
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version as package_version
from pathlib import Path

import numpy as np
import pycodec2
import soxr

from audiocodecs import frames_file
from audiocodecs.base import Codec, CodecError, Encoded, Samples, check_samples
from audiocodecs.frames_file import FramesFile
from audiocodecs.framing import Framing
from audiocodecs.packet_loss import fading, last_received

RATE = 8000
_MODES = {700: (320, 28), 1200: (320, 48), 1300: (320, 52), 1400: (320, 56), 1600: (320, 64)}
_MODES |= {2400: (160, 48), 3200: (160, 64)}
"""Bitrate in bit/s -> samples and bits of a frame."""
_DELAYS = dict.fromkeys(_MODES, 168) | {700: 255}


class Codec2(Codec):
    """Codec 2, mono at 8 kHz."""

    name = "codec2"
    title = "Codec 2"
    values = (0.7, 1.2, 1.3, 1.4, 1.6, 2.4, 3.2)
    channels = frozenset({1})
    options = {}
    concealment = "the last frame again, 6 dB lower with each further loss in a row"

    @property
    def version(self) -> str:
        """The libraries."""
        return f"pycodec2 {package_version('pycodec2')}, soxr {soxr.__version__}"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode at 8 kHz; the payload is the frames."""
        checked = check_samples(samples, self)
        assert self.spec.value is not None
        bitrate = round(self.spec.value * 1000)
        encoder = pycodec2.Codec2(bitrate)
        pcm = _framing(bitrate).cut(checked, rate)
        frames = np.empty((len(pcm), encoder.bytes_per_frame()), np.uint8)
        for part, frame in zip(pcm, frames, strict=True):
            frame[:] = np.frombuffer(encoder.encode(part[:, 0]), np.uint8)
        payload = frames_file.pack(frames, _MODES[bitrate][1])
        file = FramesFile(self.name, bitrate, 1, rate, checked.shape[1], payload)
        return Encoded(payload, frames_file.write(file), rate, 1, checked.shape[1])

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode; the delay and the padding of the last frame are taken off."""
        file = self._file(encoded.container)
        framing = _framing(file.bitrate)
        count = framing.count(file.samples, file.rate)
        frames = frames_file.unpack(file.payload, count, _MODES[file.bitrate][1])
        lost = self.lost(count)
        frames = frames[last_received(lost)]
        program = Path(__file__).with_name("codec2_decoder.py")
        done = subprocess.run(
            [sys.executable, "-I", str(program), str(file.bitrate)], input=frames.tobytes(), capture_output=True
        )
        if done.returncode != 0 or len(done.stdout) != 2 * count * framing.frame:
            last = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
            raise CodecError(f"The decoder of Codec 2 ended with {done.returncode}. {last}".strip())
        pcm = np.frombuffer(done.stdout, np.int16).reshape(count, framing.frame, 1)
        pcm = (pcm * fading(lost)[:, None, None]).astype(np.int16)
        return framing.join(pcm, file.samples, file.rate), file.rate

    def read(self, container: bytes) -> Encoded:
        """Read a file of Codec 2 frames."""
        file = self._file(container)
        return Encoded(file.payload, container, file.rate, 1, file.samples)

    def _file(self, container: bytes) -> FramesFile:
        file = frames_file.read(container, self.name, self.title)
        if file.channels != 1 or file.bitrate not in _MODES:
            raise CodecError("The file of Codec 2 frames is damaged: its header makes no sense.")
        count = _framing(file.bitrate).count(file.samples, file.rate)
        if len(file.payload) != frames_file.packed_bytes(count, _MODES[file.bitrate][1]):
            raise CodecError("The Codec 2 frames do not fit the length that is stated.")
        return file


def _framing(bitrate: int) -> Framing:
    return Framing(RATE, _MODES[bitrate][0], _DELAYS[bitrate])
