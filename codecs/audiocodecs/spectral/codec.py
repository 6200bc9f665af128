"""`spectral_24khz@1.5|3|6|12`: our own neural speech codec, 24 kHz mono, its weights in the package.

75 frames a second, 10 bits for each of 2, 4, 8 or 16 codebooks. The algorithmic latency is 53.3 ms
(26.7 ms of the transform, one frame of look-ahead in the encoder, one in the decoder). The two codes
of a frame at 1.5 kbps are the first two at every rate; the search for the others looks ahead to the
last of them.

A file is ECDC with `m` = "spectral_24khz" and two keys more: `w`, the first eight digits of the
sha256 of the weights, and `crc`, the CRC-32 of the codes. Its frame count is ceil(samples / 320) + 1.
"""

from __future__ import annotations

import zlib

import numpy as np
import soxr
import torch

from audiocodecs import audio
from audiocodecs.base import Codec, CodecError, Encoded, Samples, Spec, UnknownCodec, check_samples
from audiocodecs.encodec import ecdc
from audiocodecs.spectral.mdct import frame_count
from audiocodecs.spectral.model import COUNTS, RATE
from audiocodecs.spectral.stream import decode_codes, encode_audio
from audiocodecs.spectral.weights import SHIPPED, Weights, load_weights

KBPS_PER_CODEBOOK = 0.75


class Spectral24(Codec):
    """Spectral codec, 24 kHz mono. It has no options."""

    name = "spectral_24khz"
    title = "Spectral"
    values = tuple(count * KBPS_PER_CODEBOOK for count in COUNTS)
    channels = frozenset({1})
    neural = True

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Raise CodecUnavailable if the weights are not there, UnknownCodec for an option."""
        for key, _ in spec.options if spec else ():
            raise UnknownCodec(f"{cls.name} has no option {key!r}: write {cls.name}@6.")
        load_weights(SHIPPED)

    @property
    def _loaded(self) -> Weights:
        return load_weights(SHIPPED)

    @property
    def version(self) -> str:
        """Versions of torch and of the resampler, and the sha256 prefix of the weights."""
        return f"{self.name}, weights {self._loaded.prefix}, torch {torch.__version__}, soxr {soxr.__version__}"

    @property
    def weights(self) -> str:
        """`shipped` with the sha256 prefix of the weights."""
        return f"shipped {self._loaded.prefix}"

    @property
    def codebooks(self) -> int:
        """Codebooks that the encoder uses."""
        return round((self.spec.value or 0) / KBPS_PER_CODEBOOK)

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode audio of any rate and length."""
        samples = check_samples(samples, self)
        # What is over full scale is clipped, as every integer codec does: the network never saw it.
        inside = np.clip(audio.resample(samples, rate, RATE), -1, 1)
        codes = encode_audio(self._loaded.model, inside[0], self.codebooks)
        payload = ecdc.pack_codes(codes)
        extra: dict[str, object] = {"w": self._loaded.prefix, "crc": zlib.crc32(payload)}
        container = ecdc.write_ecdc(self.name, inside.shape[1], codes, extra)
        return Encoded(payload, container, rate, 1, samples.shape[1])

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode; the file says how many codebooks were used, whatever this codec's own rate is."""
        header, payload = self._parse(encoded.container)
        codes = ecdc.unpack_codes(payload, header.codebooks, frame_count(header.samples))
        decoded = decode_codes(self._loaded.model, codes, header.samples)
        if not np.isfinite(decoded).all():
            raise CodecError(f"The weights {self.weights} gave NaN or infinite samples: install the package again.")
        outside = audio.resample(np.clip(decoded[None], -1, 1), RATE, encoded.rate)
        return audio.fit_length(outside, encoded.samples), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read a file; its audio has 24 kHz, whatever the rate it was made from."""
        header, payload = self._parse(container)
        return Encoded(payload, container, RATE, 1, header.samples)

    def _parse(self, container: bytes) -> tuple[ecdc.Header, bytes]:
        header, payload = ecdc.read_ecdc(container)
        if header.model != self.name:
            raise CodecError(f"The file was written by {header.model[:40]!r}; this is {self.name}.")
        if header.codebooks not in COUNTS:
            raise CodecError(f"The file says {header.codebooks} codebooks; {self.name} has 2, 4, 8 or 16.")
        extra = dict(header.extra)
        if extra.get("w") != self._loaded.prefix:
            raise CodecError(
                f"The file was written with other weights of {self.name} ({str(extra.get('w'))[:16]}) than the "
                f"{self._loaded.prefix} installed here. Encode the clip again, or install that version."
            )
        need = ecdc.payload_size(header.codebooks, frame_count(header.samples))
        if len(payload) != need:
            fault = "is cut off" if len(payload) < need else "has something after its end"
            raise CodecError(f"The file {fault}: its codes take {need} bytes, it has {len(payload)}.")
        if extra.get("crc") != zlib.crc32(payload):
            raise CodecError("The file is damaged: its checksum does not match its codes. Encode the clip again.")
        return header, payload
