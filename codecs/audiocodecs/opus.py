"""Opus, by libopus.

Constrained variable rate: plain variable rate overshoots by 73% on tonal music at
24 kbps, and constant rate is audibly worse at 6. 20 ms frames, complexity 10. With
`loss=`, the encoder is told the loss and adds in-band FEC: SILK and hybrid packets then carry the one before in
few bits, within the same rate. Decoded by the libopus
that encoded, since FFmpeg's own Opus decoder is another one, or with `decoder=nolace` by one that the
operator built with NoLACE, a network that enhances speech at low rates. `voip` adds a
high-pass whose phase moves bass notes: on such music the lag by cross-correlation says
little.

>>> from audiocodecs.registry import get_codec
>>> import numpy as np
>>> codec = get_codec("opus@12")
>>> encoded = codec.encode(np.zeros((1, 44100), np.float32), 44100)
>>> codec.decode(encoded)[0].shape
(1, 44100)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from audiocodecs import audio, ffmpeg, libopus, pieces
from audiocodecs.base import Codec, CodecError, CodecUnavailable, Encoded, Samples, Spec, check_samples
from audiocodecs.ogg import OPUS_RATE, OpusFile, packet_samples, read_opus
from audiocodecs.packet_loss import packet_loss

_WIDEBAND_SILK, _HYBRID = range(8, 12), range(12, 16)
_MOST_COMPLEX = 10


class Opus(Codec):
    """Opus at a target bitrate; `application` is `audio` or `voip`, `decoder` is `plain` or `nolace`."""

    name = "opus"
    title = "Opus"
    values = (6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
    any_from_to = (6, 256)
    options = {"application": ("audio", "voip"), "decoder": ("plain", "nolace")}
    concealment = "in-band FEC, and libopus where that does not help"

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Look for the encoder and the decoder."""
        ffmpeg.require("libopus")
        path = _decoder_path(spec) if spec else None
        version = libopus.version(path)
        if path and not _has_nolace(path):
            raise CodecUnavailable(
                f"{version} at {path} has no NoLACE.", "Build libopus 1.5 or later with --enable-osce."
            )

    @property
    def version(self) -> str:
        """The settings and the libraries."""
        path = _decoder_path(self.spec)
        decoder = f", decoded by {libopus.version(path)} with NoLACE" if path else ""
        return f"constrained vbr, 20 ms; {libopus.version()}{decoder}, {ffmpeg.versions()}"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode at 48 kHz to Ogg; the payload is the Opus packets."""
        checked = check_samples(samples, self)
        assert self.spec.value is not None
        application = self.spec.option("application", "audio")
        container, payload = _encode(checked, rate, self.spec.value, application, packet_loss(self.spec).percent)
        return Encoded(payload, container, rate, checked.shape[0], checked.shape[1])

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode with libopus; pre-skip and end trim are the file's own."""
        file = read_opus(encoded.container)
        if file.channels != encoded.channels:
            raise CodecError(f"The Opus file has {file.channels} channels and not {encoded.channels}.")
        decoded = _decode(file, _decoder_path(self.spec), self.lost(len(file.packets)))
        if encoded.rate != OPUS_RATE:
            decoded = audio.resample(decoded, OPUS_RATE, encoded.rate)
        return audio.fit_length(decoded, encoded.samples), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read an Ogg Opus file; its rate is 48 kHz, whatever was encoded."""
        found = read_opus(container)
        return Encoded(b"".join(found.packets), container, OPUS_RATE, found.channels, found.samples)


def _encode(samples: Samples, rate: int, kbps: float, application: str, loss: float = 0) -> tuple[bytes, bytes]:
    redundancy = (("fec", "1"), ("packet_loss", str(math.ceil(loss)))) if loss else ()
    options = (("vbr", "constrained"), ("application", application), ("frame_duration", "20"), *redundancy)
    encoder = ffmpeg.Encoder("libopus", "ogg", "flt", options, (("fflags", "+bitexact"),))
    inside = samples if rate == OPUS_RATE else audio.resample(samples, rate, OPUS_RATE)
    return ffmpeg.encode(inside, OPUS_RATE, round(kbps * 1000), encoder)


def _decode(file: OpusFile, path: str | None, lost: NDArray[np.bool_]) -> Samples:
    """Samples at 48 kHz, shape (channels, samples); `path` is a libopus in place of PyAV's, used with NoLACE."""
    decoder = libopus.Decoder(file.channels, path, _MOST_COMPLEX if path else None)
    blocks = _received(decoder, file.packets, lost)
    return pieces.join(pieces.span(blocks, file.skip - _early(file), file.samples), file.channels, file.samples)


def _received(decoder: libopus.Decoder, packets: list[bytes], lost: NDArray[np.bool_]) -> Iterator[Samples]:
    """Samples of each packet; a lost one is recovered from the packet after it, or concealed if that is lost too."""
    for index, packet in enumerate(packets):
        if not lost[index]:
            yield decoder.decode(packet)
            continue
        samples = packet_samples(packet)
        if index + 1 < len(packets) and not lost[index + 1]:
            yield decoder.recover(packets[index + 1], samples)
        else:
            yield decoder.conceal(samples)


def _early(file: OpusFile) -> int:
    """Samples at 48 kHz that the decoded file is early.

    Measured with libopus 1.6, band by band: its wide-band SILK layer comes out 2.25
    samples early (47 microseconds), in hybrid packets with the CELT layer above it in
    time. Most packets decide, so that the whole clip is moved by one amount.
    """
    half = len(file.packets) / 2
    if sum(one in _WIDEBAND_SILK for one in file.configurations) > half:
        return 2
    return 1 if sum(one in _HYBRID for one in file.configurations) > half else 0


def _decoder_path(spec: Spec) -> str | None:
    return libopus.operators_library() if spec.option("decoder", "plain") == "nolace" else None


@cache
def _has_nolace(path: str) -> bool:
    """Whether that libopus decodes speech at 6 kbit/s otherwise at its highest complexity: only networks do that."""
    seconds = np.arange(OPUS_RATE) / OPUS_RATE
    harmonics = np.arange(1, 40)[:, None]
    voice = 0.1 * (np.sin(2 * np.pi * 140 * harmonics * seconds) / harmonics).sum(axis=0, keepdims=True)
    container, _ = _encode(voice.astype(np.float32), OPUS_RATE, 6, "voip")
    packets = read_opus(container).packets
    plain, enhanced = (libopus.Decoder(1, path, complexity) for complexity in (0, _MOST_COMPLEX))
    return any(not np.array_equal(plain.decode(packet), enhanced.decode(packet)) for packet in packets)
