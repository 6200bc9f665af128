"""EnCodec at 24 kHz as a codec: any rate in, an ECDC file between, the same rate out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import soxr
import torch

from audiocodecs import audio
from audiocodecs.base import Codec, CodecError, CodecUnavailable, Encoded, Samples, Spec, UnknownCodec, check_samples
from audiocodecs.encodec import checkpoints, ecdc
from audiocodecs.encodec.model import ENCODEC_24KHZ, EncodecModel

MAX_SECONDS = 300
"""The whole clip goes through the model at once, which takes about 1.05 GB for each minute."""


class Encodec24(Codec):
    """EnCodec, 24 kHz mono.

    Options: `weights=published` (default), or the path of a file in the same layout.
    """

    name = ENCODEC_24KHZ.name
    title = "EnCodec"
    values = ENCODEC_24KHZ.bandwidths
    channels = frozenset({1})
    neural = True
    checkpoint: ClassVar[checkpoints.Checkpoint] = checkpoints.PUBLISHED[ENCODEC_24KHZ.name]

    def __init__(self, spec: Spec) -> None:
        weights = spec.option("weights", "published")
        self._path = self._weights_path(weights)
        # An absolute path, so that a worker in another folder means the same file.
        weights = weights if weights == "published" else str(self._path)
        super().__init__(replace(spec, options=(("weights", weights),)))

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Raise CodecUnavailable if the weights are absent or damaged, UnknownCodec for an unknown option."""
        for key, _ in spec.options if spec else ():
            if key != "weights":
                raise UnknownCodec(f"{cls.name} has no option {key!r}; it has weights=published and weights=PATH.")
        cls._weights_path(spec.option("weights", "published") if spec else "published")

    @classmethod
    def _weights_path(cls, weights: str) -> Path:
        if weights == "published":
            return checkpoints.require(cls.checkpoint)
        if weights == "small":
            raise CodecUnavailable(
                "The small EnCodec weights are not part of this version.",
                f"Use the published ones ({cls.name}@6) or spectral_24khz@6, which needs no download.",
            )
        path = Path(weights).expanduser().resolve()
        if {":", "="} & set(str(path)):
            raise UnknownCodec(f"{path} has a ':' or '=' in it, which a spec cannot carry. Move the weights elsewhere.")
        return checkpoints.require_own(path)

    @property
    def version(self) -> str:
        """Versions of torch and of the resampler, and the sha256 prefix of the weights."""
        digest = checkpoints.sha256(self._path)[:8]
        return f"{self.name}, weights {digest}, torch {torch.__version__}, soxr {soxr.__version__}"

    @property
    def weights(self) -> str:
        """`published`, or the file's name with its sha256 prefix."""
        if self.spec.option("weights", "") == "published":
            return "published"
        return f"{self._path.name} {checkpoints.sha256(self._path)[:8]}"

    @property
    def n_q(self) -> int:
        """Codebooks that the encoder uses."""
        return ENCODEC_24KHZ.codebooks_at(self.spec.value or 0)

    @property
    def _model(self) -> EncodecModel:
        return checkpoints.load(self._path)

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode audio of any rate, at most MAX_SECONDS long."""
        samples = check_samples(samples, self)
        n = samples.shape[1]
        _check_length(n / rate)
        at_24k = audio.resample(samples, rate, ENCODEC_24KHZ.rate)
        codes = self._model.encode(torch.from_numpy(at_24k), self.n_q).numpy()
        container = ecdc.write_ecdc(self.name, at_24k.shape[1], codes)
        return Encoded(ecdc.pack_codes(codes), container, rate, 1, n)

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode; the file says how many codebooks were used, whatever this codec's own bitrate is."""
        header, codes = self._parse(encoded.container)
        decoded = self._model.decode(torch.from_numpy(codes))[:, : header.samples].numpy()
        if not np.isfinite(decoded).all():
            raise CodecError(f"The weights {self.weights} gave NaN or infinite samples. Use other weights.")
        samples = audio.resample(decoded, ENCODEC_24KHZ.rate, encoded.rate)
        return audio.fit_length(samples, encoded.samples), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read an ECDC file; its audio has 24 kHz, whatever the rate it was made from."""
        header, codes = self._parse(container)
        return Encoded(ecdc.pack_codes(codes), container, ENCODEC_24KHZ.rate, 1, header.samples)

    def _parse(self, container: bytes) -> tuple[ecdc.Header, ecdc.Codes]:
        header, payload = ecdc.read_ecdc(container)
        if header.model != self.name:
            raise CodecError(f"The file was written by {header.model[:40]!r}; this is {self.name}.")
        if header.codebooks > ENCODEC_24KHZ.codebooks:
            raise CodecError(f"The file says {header.codebooks} codebooks; {self.name} has {ENCODEC_24KHZ.codebooks}.")
        _check_length(header.samples / ENCODEC_24KHZ.rate)
        frames = ecdc.frame_count(header.samples, ENCODEC_24KHZ.rate, ENCODEC_24KHZ.frame_rate)
        return header, ecdc.unpack_codes(payload, header.codebooks, frames)


def _check_length(seconds: float) -> None:
    if seconds > MAX_SECONDS:
        raise CodecError(
            f"The audio has {seconds:.0f} s. EnCodec takes at most {MAX_SECONDS} s here, "
            "because it works on the whole clip at once. Cut the clip into parts."
        )
