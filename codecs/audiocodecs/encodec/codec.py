"""EnCodec as a codec: any rate in, an ECDC or RVQF file between, the same rate out.

Whatever the length of the clip, memory stays bounded: at 24 kHz through the streaming layers,
at 48 kHz segment by segment. A clip gives the same file at once and in pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import soxr
import torch
from torch import Tensor

from audiocodecs import audio, pieces, rvqf
from audiocodecs.base import (
    MOST_SECONDS,
    Codec,
    CodecError,
    CodecUnavailable,
    Encoded,
    Samples,
    Spec,
    UnknownCodec,
    check_samples,
)
from audiocodecs.encodec import checkpoints, container, ecdc
from audiocodecs.encodec.continuous import ContinuousEncoder, decode_continuous
from audiocodecs.encodec.fast import FastEncodec
from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ, Settings
from audiocodecs.encodec.seanet import HOP
from audiocodecs.encodec.segments import SegmentEncoder, decode_segments
from audiocodecs.pieces import Pieces, Piecewise

_HELD = 480  # samples that the last frame and a tiny last segment can have beyond the clip, and one more


class EncodecCodec(Codec, Piecewise):
    """What the two models have in common.

    Options: `weights=published` (default) or the path of a file in the same layout;
    `container=ecdc` (default) or `container=rvqf`.
    """

    title = "EnCodec"
    neural = True
    settings: ClassVar[Settings]
    checkpoint: ClassVar[checkpoints.Checkpoint]

    def __init__(self, spec: Spec) -> None:
        weights = spec.option("weights", "published")
        self._path = self._weights_path(weights)
        # An absolute path, so that a worker in another folder means the same file.
        options = {"weights": weights if weights == "published" else str(self._path)}
        if spec.option("container", "ecdc") != "ecdc":
            options["container"] = "rvqf"
        super().__init__(replace(spec, options=tuple(sorted(options.items()))))

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Raise CodecUnavailable if the weights are absent or damaged, UnknownCodec for an unknown option."""
        spec = spec or Spec(cls.name)
        for key, value in spec.options:
            if key not in ("weights", *_CHOICES):
                raise UnknownCodec(f"{cls.name} has no option {key!r}; it has weights=published and weights=PATH.")
            if key in _CHOICES and value not in _CHOICES[key]:
                offered = ", ".join(_CHOICES[key])
                raise UnknownCodec(f"{cls.name}: {key}={value} is not offered. Use one of: {offered}.")
        cls._weights_path(spec.option("weights", "published"))

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
        return checkpoints.require_own(path, cls.settings)

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
        return self.settings.codebooks_at(self.spec.value or 0)

    @property
    def _fast(self) -> FastEncodec:
        return checkpoints.load_fast(self._path, self.settings)

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode audio of any rate and length."""
        samples = check_samples(samples, self)
        channels, n = samples.shape
        data = b"".join(self.encode_pieces(Pieces(rate, channels, iter([samples]), n)))
        return Encoded(self._payload(data)[-1], data, rate, channels, n)

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode; the file says how many codebooks were used, whatever this codec's own bitrate is."""
        decoded = np.concatenate(list(self.decode_pieces([encoded.container]).blocks), axis=1)
        samples = audio.resample(audio.to_channels(decoded, encoded.channels), self.settings.rate, encoded.rate)
        return audio.fit_length(samples, encoded.samples), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read a file; its audio has the model's rate, whatever the rate it was made from."""
        channels, samples, payload = self._payload(container)
        if samples > MOST_SECONDS * self.settings.rate:
            seconds = samples / self.settings.rate
            raise CodecError(f"The file holds {seconds:.0f} s; at most {MOST_SECONDS} s are read at once.")
        return Encoded(payload, container, self.settings.rate, channels, samples)

    def encode_pieces(self, source: Pieces) -> Iterator[bytes]:
        """Encode audio of any rate and length as it comes."""
        settings = self.settings
        source = pieces.resample(pieces.check(source, self.title, self.channels), settings.rate)
        segmented = settings.segment_samples is not None
        encoder = (
            SegmentEncoder(self._fast, settings, self.n_q) if segmented else ContinuousEncoder(self._fast, self.n_q)
        )
        sink = self._sink(source.channels)
        samples = 0
        for block in source.blocks:
            samples += block.shape[1]
            if data := sink.push(encoder.push(torch.from_numpy(audio.to_channels(block, settings.channels)))):
                yield data
        if not samples:
            raise CodecError("There is no audio: 0 samples.")
        yield sink.push(encoder.finish()) + sink.finish(samples)

    def decode_pieces(self, parts: Iterable[bytes]) -> Pieces:
        """Decode a file as it comes, ECDC once all of it is there."""
        ours, parts = container.is_rvqf(parts)
        if ours:
            coded = container.open_rvqf(parts, self._accept)
        else:
            coded = container.open_ecdc(b"".join(parts), self.settings, self._coder)
        channels = coded.channels or self.settings.channels
        blocks = (self._finite(audio.to_channels(block, channels)) for block in self._decoded(coded))
        return Pieces(self.settings.rate, channels, pieces.trim(blocks, coded.total, _HELD), coded.samples)

    def _decoded(self, coded: container.Coded) -> Iterator[Samples]:
        found: Iterator[Tensor]
        if self.settings.segment_samples is None:
            found = decode_continuous(self._fast, coded.segments)
        else:
            found = decode_segments(self._fast, self.settings, coded.segments)
        return (block.numpy() for block in found)

    def _finite(self, block: Samples) -> Samples:
        if not np.isfinite(block).all():
            raise CodecError(f"The weights {self.weights} gave NaN or infinite samples. Use other weights.")
        return block

    def _sink(self, channels: int) -> container.Sink:
        if self.spec.option("container", "ecdc") == "ecdc":
            return container.EcdcSink(self.settings, self.n_q)
        return container.RvqfSink(rvqf.RvqfWriter(self._header(channels, self.n_q)))

    def _payload(self, data: bytes) -> tuple[int, int, bytes]:
        """Channels, samples at the model's rate and codes of a whole file."""
        if rvqf.is_rvqf(data):
            header, samples, payload = container.rvqf_payload(data, self._accept)
            return header.channels, samples, payload
        ecdc_header, payload = container.ecdc_payload(data, self.settings)
        return self.settings.channels, ecdc_header.samples, payload

    def _header(self, channels: int, codebooks: int) -> rvqf.RvqfHeader:
        settings = self.settings
        return rvqf.RvqfHeader(
            settings.name,
            rate=settings.rate,
            channels=channels,
            codebooks=codebooks,
            hop=HOP,
            weights=rvqf.prefix(checkpoints.sha256(self._path)),
            segment_samples=settings.segment_samples or 0,
            stride_samples=settings.stride_samples or 0,
            scaled=settings.normalize,
        )

    def _accept(self, header: rvqf.RvqfHeader) -> None:
        """Refuse a file that these weights did not write."""
        header.check(self.name, rvqf.prefix(checkpoints.sha256(self._path)))
        if header.channels not in self.channels or header.codebooks > self.settings.codebooks:
            raise CodecError(
                f"The file has {header.channels} channels and {header.codebooks} codebooks: it is damaged."
            )
        if header != replace(self._header(header.channels, header.codebooks), block_frames=header.block_frames):
            raise CodecError(f"The file has another rate, hop or segment length than {self.name}: it is damaged.")

    def _coder(self) -> ecdc.SegmentCoder:
        raise CodecError(
            "The ECDC file was written with the language model (entropy coding), which cannot be read here. "
            "Encode the clip again without it (without `--lm` in the published program)."
        )


_CHOICES = {"container": ("ecdc", "rvqf")}


class Encodec24(EncodecCodec):
    """EnCodec, 24 kHz mono."""

    name = ENCODEC_24KHZ.name
    values = ENCODEC_24KHZ.bandwidths
    channels = frozenset({1})
    settings = ENCODEC_24KHZ
    checkpoint = checkpoints.PUBLISHED[ENCODEC_24KHZ.name]


class Encodec48(EncodecCodec):
    """EnCodec, 48 kHz stereo.

    A mono clip is coded as two equal channels, as the published program does, and comes back
    as their mean. An ECDC file does not say that it was mono: read from a file it is stereo.
    """

    name = ENCODEC_48KHZ.name
    values = ENCODEC_48KHZ.bandwidths
    channels = frozenset({1, 2})
    settings = ENCODEC_48KHZ
    checkpoint = checkpoints.PUBLISHED[ENCODEC_48KHZ.name]
