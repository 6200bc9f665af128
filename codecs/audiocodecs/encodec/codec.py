"""EnCodec as a codec: any rate in, an ECDC or RVQF file between, the same rate out.

Whatever the length of the clip, memory stays bounded: at 24 kHz through the streaming layers,
at 48 kHz segment by segment. A clip gives the same file at once and in pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
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
from audiocodecs.encodec.device import SEGMENTS, OnDevice, WholeEncoder, decode_whole, gpu
from audiocodecs.encodec.ecdc import Segment
from audiocodecs.encodec.entropy.block_coding import BlockCoding
from audiocodecs.encodec.fast import FastEncodec
from audiocodecs.encodec.language_file import LanguageFile, language_file_beside, published_language_file
from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ, Settings
from audiocodecs.encodec.seanet import HOP
from audiocodecs.encodec.segments import SegmentEncoder, decode_segments
from audiocodecs.packet_loss import last_received, loss_options, packet_loss, without_loss
from audiocodecs.pieces import Pieces, Piecewise

_HELD = 480  # samples that the last frame and a tiny last segment can have beyond the clip, and one more


class EncodecCodec(Codec, Piecewise):
    """What the two models have in common.

    Options: `weights=published` (default), `weights=small` (ours, where they are part of the package) or the path
    of a file in the published layout; `entropy=lm` for codes entropy coded with the language model of those weights;
    `container=ecdc` for the published format (the default without entropy coding) or `container=rvqf` for ours.
    """

    title = "EnCodec"
    neural = True
    concealment = "the last frame again"
    settings: ClassVar[Settings]
    checkpoint: ClassVar[checkpoints.Checkpoint]
    language_checkpoint: ClassVar[checkpoints.Checkpoint]

    def __init__(self, spec: Spec) -> None:
        weights = spec.option("weights", PUBLISHED)
        self._path = self._weights_path(weights)
        # An absolute path, so that a worker in another folder means the same file.
        options = {"weights": weights if weights in (PUBLISHED, SMALL) else str(self._path)}
        self._entropy = spec.option("entropy", "none") == "lm"
        usual = "rvqf" if self._entropy else "ecdc"
        self._container = spec.option("container", usual)
        if self._entropy:
            options["entropy"] = "lm"
        if self._container != usual:
            options["container"] = self._container
        options |= loss_options(spec)
        super().__init__(replace(spec, options=tuple(sorted(options.items()))))

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Raise CodecUnavailable if the weights are absent or damaged, UnknownCodec for an unknown option."""
        spec = spec or Spec(cls.name)
        for key, value in without_loss(spec).options:
            if key not in ("weights", *_CHOICES):
                known = "weights=published, weights=small, weights=PATH, entropy=lm, container=ecdc and container=rvqf"
                raise UnknownCodec(f"{cls.name} has no option {key!r}; it has {known}.")
            if key in _CHOICES and value not in _CHOICES[key]:
                offered = ", ".join(_CHOICES[key])
                raise UnknownCodec(f"{cls.name}: {key}={value} is not offered. Use one of: {offered}.")
        weights = spec.option("weights", PUBLISHED)
        path = cls._weights_path(weights)
        if weights == SMALL and spec.value is not None and spec.value > SMALL_KBPS:
            raise UnknownCodec(
                f"The small weights were trained at up to {SMALL_KBPS:g} kbit/s: more bits would add nothing. "
                f"Use {cls.name}@{SMALL_KBPS:g}:weights=small."
            )
        if spec.option("entropy", "none") == "lm":
            if loss_options(spec):
                raise UnknownCodec(f"{cls.name}: entropy coded frames cannot be lost one by one. Leave out entropy=lm.")
            file = cls._language_file(weights, path)
            if spec.option("container", "rvqf") == "ecdc":
                file.for_segments()

    @classmethod
    def _language_file(cls, weights: str, path: Path) -> LanguageFile:
        if weights == PUBLISHED:
            return published_language_file(cls.language_checkpoint, cls.settings)
        return language_file_beside(path, cls.settings)

    @classmethod
    def _weights_path(cls, weights: str) -> Path:
        if weights == PUBLISHED:
            return checkpoints.require(cls.checkpoint)
        if weights == SMALL:
            return _small(cls.name)
        path = Path(weights).expanduser().resolve()
        if {":", "="} & set(str(path)):
            raise UnknownCodec(f"{path} has a ':' or '=' in it, which a spec cannot carry. Move the weights elsewhere.")
        return checkpoints.require_own(path, cls.settings)

    @property
    def version(self) -> str:
        """Versions of torch and of the resampler, and the sha256 prefixes of the weights and the language model."""
        models = f"weights {checkpoints.sha256(self._path)[:8]}"
        if self._entropy:
            models += f", language model {self._language.sha256[:8]}"
        on = "" if gpu() is None else ", on a GPU"
        return f"{self.name}, {models}, torch {torch.__version__}{on}, soxr {soxr.__version__}"

    @property
    def weights(self) -> str:
        """`published`, or `small` or the file's name with its sha256 prefix."""
        chosen = self.spec.option("weights", "")
        if chosen == PUBLISHED:
            return PUBLISHED
        return f"{SMALL if chosen == SMALL else self._path.name} {checkpoints.sha256(self._path)[:8]}"

    @property
    def n_q(self) -> int:
        """Codebooks that the encoder uses."""
        return self.settings.codebooks_at(self.spec.value or 0)

    @property
    def _language(self) -> LanguageFile:
        return self._language_file(self.spec.option("weights", PUBLISHED), self._path)

    @property
    def _fast(self) -> FastEncodec:
        return checkpoints.load_fast(self._path, self.settings)

    @property
    def _on_gpu(self) -> OnDevice | None:
        device = gpu()
        return None if device is None else OnDevice(checkpoints.load_on(device, self._path, self.settings), device)

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
        encoder = self._encoder()
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
        coded = replace(coded, segments=self._received(coded.segments))
        channels = coded.channels or self.settings.channels
        blocks = (self._finite(audio.to_channels(block, channels)) for block in self._decoded(coded))
        return Pieces(self.settings.rate, channels, pieces.trim(blocks, coded.total, _HELD), coded.samples)

    def _received(self, segments: Iterator[Segment]) -> Iterator[Segment]:
        """Segments as they arrive: a frame that is lost has the codes of the last one received."""
        loss = packet_loss(self.spec)
        if not loss.percent:
            yield from segments
            return
        stream, last = loss.stream(), None
        for segment in segments:
            frames = segment.codes.shape[1]
            known = segment.codes[:, :0] if last is None else last
            before = known.shape[1]
            lost = np.fromiter(islice(stream, frames), np.bool_, frames)
            every = np.concatenate([known, segment.codes], axis=1)
            arrived = every[:, last_received(np.concatenate([np.zeros(before, np.bool_), lost]))]
            last = arrived[:, -1:]
            yield Segment(arrived[:, before:], segment.scale)

    def _encoder(self) -> SegmentEncoder | ContinuousEncoder | WholeEncoder:
        network = self._on_gpu
        if self.settings.segment_samples is None:
            return WholeEncoder(network, self._fast, self.n_q) if network else ContinuousEncoder(self._fast, self.n_q)
        if network:
            return SegmentEncoder(network, self.settings, self.n_q, SEGMENTS)
        return SegmentEncoder(self._fast, self.settings, self.n_q)

    def _decoded(self, coded: container.Coded) -> Iterator[Samples]:
        network, segments = self._on_gpu, coded.segments
        found: Iterator[Tensor]
        if self.settings.segment_samples is None:
            found = decode_whole(network, self._fast, segments) if network else decode_continuous(self._fast, segments)
        elif network:
            found = decode_segments(network, self.settings, segments, SEGMENTS)
        else:
            found = decode_segments(self._fast, self.settings, segments)
        return (block.numpy() for block in found)

    def _finite(self, block: Samples) -> Samples:
        if not np.isfinite(block).all():
            raise CodecError(f"The weights {self.weights} gave NaN or infinite samples. Use other weights.")
        return block

    def _sink(self, channels: int) -> container.Sink:
        if self._container == "ecdc":
            return container.EcdcSink(self.settings, self.n_q, self._coder() if self._entropy else None)
        coding = self._language.for_blocks() if self._entropy else None
        header = self._header(channels, self.n_q, None if coding is None else coding.prefix)
        return container.RvqfSink(rvqf.RvqfWriter(header, coding))

    def _coder(self) -> ecdc.SegmentCoder:
        return self._language.for_segments()

    def _payload(self, data: bytes) -> tuple[int, int, bytes]:
        """Channels, samples at the model's rate and codes of a whole file."""
        if rvqf.is_rvqf(data):
            header, samples, payload = container.rvqf_payload(data, self._accept)
            return header.channels, samples, payload
        ecdc_header, payload = container.ecdc_payload(data, self.settings)
        return self.settings.channels, ecdc_header.samples, payload

    def _header(self, channels: int, codebooks: int, language_model: bytes | None) -> rvqf.RvqfHeader:
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
            language_model=language_model,
        )

    def _accept(self, header: rvqf.RvqfHeader) -> BlockCoding | None:
        """Refuse a file that these weights did not write; the language model that a file needs."""
        header.check(self.name, rvqf.prefix(checkpoints.sha256(self._path)))
        if header.channels not in self.channels or header.codebooks > self.settings.codebooks:
            shape = f"{header.channels} channels and {header.codebooks} codebooks"
            raise CodecError(f"The file says {shape}, more than {self.name} has: it is damaged.")
        expected = self._header(header.channels, header.codebooks, header.language_model)
        if header != replace(expected, block_frames=header.block_frames):
            raise CodecError(f"The file has another rate, hop or segment length than {self.name}: it is damaged.")
        return None if header.language_model is None else self._language.for_blocks()


PUBLISHED, SMALL = "published", "small"
SMALL_KBPS = 12.0
"""What the small weights have codebooks for."""
_CHOICES = {"entropy": ("none", "lm"), "container": ("ecdc", "rvqf")}
_OURS = Path(__file__).parent / "weights"


def _small(name: str) -> Path:
    path = _OURS / f"{name}_small.th"
    if not path.is_file():
        raise CodecUnavailable(
            "The small EnCodec weights are not part of this version.",
            f"Use the published ones ({name}@6) or {name.replace('encodec', 'spectral')}@6, which needs no download.",
        )
    return path


class Encodec24(EncodecCodec):
    """EnCodec, 24 kHz mono."""

    name = ENCODEC_24KHZ.name
    values = ENCODEC_24KHZ.bandwidths
    channels = frozenset({1})
    settings = ENCODEC_24KHZ
    checkpoint = checkpoints.PUBLISHED["encodec_24khz"]
    language_checkpoint = checkpoints.PUBLISHED["encodec_lm_24khz"]


class Encodec48(EncodecCodec):
    """EnCodec, 48 kHz stereo.

    A mono clip is coded as two equal channels, as the published program does, and comes back
    as their mean. An ECDC file does not say that it was mono: read from a file it is stereo.
    """

    name = ENCODEC_48KHZ.name
    title = "EnCodec 48 kHz"
    values = ENCODEC_48KHZ.bandwidths
    channels = frozenset({1, 2})
    settings = ENCODEC_48KHZ
    checkpoint = checkpoints.PUBLISHED["encodec_48khz"]
    language_checkpoint = checkpoints.PUBLISHED["encodec_lm_48khz"]
