"""Lyra v2, by its published model files.

16 kHz mono inside, 320 samples a packet of 8, 15 or 23 bytes. The file is ours, as
Lyra defines none: `LYRA`, a version byte 1, the packet size (1 byte), the sample rate
(uint32) and length (uint64) of the input, the CRC-32 of all this and the packets
(uint32), all little-endian, and the packets.

>>> from audiocodecs.registry import get_codec
>>> import numpy as np
>>> codec = get_codec("lyra@3.2")
>>> encoded = codec.encode(np.zeros((1, 48000), np.float32), 48000)
>>> len(encoded.payload), encoded.kbps
(400, 3.2)
"""

from __future__ import annotations

import struct
import zlib
from importlib.metadata import version as package_version

import numpy as np
import soxr
from numpy.typing import NDArray

from audiocodecs import audio, lyra_runtime
from audiocodecs.base import MOST_SECONDS, Codec, CodecError, Encoded, Samples, Spec, check_samples

RATE = 16000
_QUANTIZERS = {3.2: 16, 6: 30, 9.2: 46}
_HEADER = struct.Struct("<4sBBIQ")
_CHECKSUM = struct.Struct("<I")
_MAGIC, _VERSION = b"LYRA", 1
_INPUT_RATES = (4000, 768000)


class Lyra(Codec):
    """Lyra v2 at 3.2, 6 or 9.2 kbps."""

    name = "lyra"
    title = "Lyra v2"
    values = (3.2, 6, 9.2)
    channels = frozenset({1})
    neural = True
    options = {}
    concealment = "zero features for 80 ms, then a fade to silence over 40 ms"

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Look for the model files and their sha256."""
        lyra_runtime.models()

    @property
    def version(self) -> str:
        """The model files and what runs them."""
        runtime = f"ai-edge-litert {package_version('ai-edge-litert')}, soxr {soxr.__version__}"
        return f"Lyra 1.3.2, {lyra_runtime.digest()}; {runtime}"

    @property
    def weights(self) -> str:
        """The only ones there are."""
        return "google/lyra 1.3.2"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode at 16 kHz; the payload is the packets."""
        checked = check_samples(samples, self)
        assert self.spec.value is not None
        n = checked.shape[1]
        inside = audio.resample(checked, rate, RATE)[0]
        hops = audio.fit_length(inside[None], _hops(n, rate) * lyra_runtime.HOP)[0].reshape(-1, lyra_runtime.HOP)
        payload = _pack(lyra_runtime.encode(hops, _QUANTIZERS[self.spec.value]))
        size = _QUANTIZERS[self.spec.value] // 2
        header = _HEADER.pack(_MAGIC, _VERSION, size, rate, n)
        return Encoded(payload, header + _CHECKSUM.pack(zlib.crc32(header + payload)) + payload, rate, 1, n)

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode; Lyra leaves no delay, the last packet's padding is taken off."""
        size = len(encoded.payload) // _hops(encoded.samples, encoded.rate)
        if size * 2 not in _QUANTIZERS.values():
            raise CodecError("The Lyra packets do not fit the length that is stated.")
        indices = _unpack(encoded.payload, size)
        decoded = lyra_runtime.decode(indices, self.lost(len(indices)))
        found = audio.resample(decoded.reshape(1, -1), RATE, encoded.rate)
        return audio.fit_length(found, encoded.samples), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read a file of ours."""
        if len(container) < _HEADER.size + _CHECKSUM.size or container[:4] != _MAGIC:
            raise CodecError("This is not a file of Lyra packets.")
        _, version, size, rate, n = _HEADER.unpack_from(container)
        (checksum,) = _CHECKSUM.unpack_from(container, _HEADER.size)
        payload = container[_HEADER.size + _CHECKSUM.size :]
        if version != _VERSION:
            raise CodecError(f"The file of Lyra packets is of version {version}; version {_VERSION} is read.")
        if size * 2 not in _QUANTIZERS.values() or not _INPUT_RATES[0] <= rate <= _INPUT_RATES[1] or n == 0:
            raise CodecError("The file of Lyra packets is damaged: its header makes no sense.")
        if n > MOST_SECONDS * rate:
            raise CodecError(f"The file of Lyra packets is longer than {MOST_SECONDS} s.")
        if len(payload) != _hops(n, rate) * size:
            raise CodecError(f"The file of Lyra packets is cut off: {len(payload)} of {_hops(n, rate) * size} bytes.")
        if zlib.crc32(container[: _HEADER.size] + payload) != checksum:
            raise CodecError("The file of Lyra packets is damaged: its checksum is wrong.")
        return Encoded(payload, container, rate, 1, n)


def _hops(samples: int, rate: int) -> int:
    """Packets for `samples` at `rate`, after `audio.resample` to 16 kHz."""
    inside = samples if rate == RATE else max(1, round(samples * RATE / rate))
    return -(-inside // lyra_runtime.HOP)


def _pack(indices: NDArray[np.uint8]) -> bytes:
    """Indices, shape (packets, quantizers), to 4 bits each, the first in the high half of a byte."""
    return (indices[:, 0::2] << 4 | indices[:, 1::2]).astype(np.uint8).tobytes()


def _unpack(payload: bytes, size: int) -> NDArray[np.uint8]:
    packed = np.frombuffer(payload, np.uint8).reshape(-1, size)
    return np.stack([packed >> 4, packed & 15], axis=2).reshape(-1, 2 * size)
