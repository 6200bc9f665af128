"""Encoding and decoding with FFmpeg's codecs, in memory and a piece at a time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Any

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from audiocodecs.base import CodecError, CodecUnavailable, Samples

_REINSTALL = "Install the wheel of PyAV from the package index: pip install --force-reinstall --only-binary av av."


@dataclass(frozen=True)
class Encoder:
    """How one of FFmpeg's encoders is called.

    Attributes
    ----------
    codec, container : str
        FFmpeg's names: "libopus", "ogg".
    sample_format : str
        "flt" interleaved, "fltp" planar, "s16" 16-bit interleaved.
    options : tuple of (str, str)
        The encoder's private options. FFmpeg ignores a name that it does not know, so
        these come from our own code only and never from a spec unchecked.
    container_options : tuple of (str, str)
    """

    codec: str
    container: str
    sample_format: str
    options: tuple[tuple[str, str], ...] = ()
    container_options: tuple[tuple[str, str], ...] = ()


def require(codec: str) -> None:
    """Raise CodecUnavailable if this FFmpeg lacks the encoder `codec`."""
    if codec not in av.codecs_available:
        raise CodecUnavailable(f"The installed FFmpeg library has no encoder {codec}.", _REINSTALL)


def versions() -> str:
    """The libraries that every one of these encoders runs in, for a codec's version string."""
    codec = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return f"PyAV {av.__version__}, libavcodec {codec}, soxr {soxr.__version__}"


def encode(samples: Samples, rate: int, bit_rate: int, encoder: Encoder) -> tuple[bytes, bytes]:
    """Encode to a file in memory.

    Parameters
    ----------
    samples : ndarray, shape (1 or 2, n)
    rate : int
        Hz, one that the encoder takes.
    bit_rate : int
        bit/s.

    Returns
    -------
    container : bytes
        The whole file.
    payload : bytes
        The encoder's packets, one after another.

    Raises
    ------
    CodecError
        If the encoder refuses.
    """
    layout = "stereo" if samples.shape[0] == 2 else "mono"
    file, payload = io.BytesIO(), []
    try:
        with av.open(file, "w", format=encoder.container, container_options=dict(encoder.container_options)) as target:
            stream = target.add_stream(encoder.codec, rate=rate, options=dict(encoder.options))
            assert isinstance(stream, av.AudioStream)
            stream.bit_rate = bit_rate
            stream.codec_context.layout = layout
            stream.codec_context.format = encoder.sample_format
            stream.codec_context.time_base = Fraction(1, rate)
            for frame in _frames(samples, rate, layout, encoder.sample_format):
                for packet in stream.encode(frame):
                    payload.append(bytes(packet))
                    target.mux(packet)
    except av.FFmpegError as error:
        raise CodecError(f"FFmpeg's {encoder.codec} refused {rate} Hz at {bit_rate} bit/s: {error}.") from error
    return file.getvalue(), b"".join(payload)


def _frames(samples: Samples, rate: int, layout: str, sample_format: str) -> Iterator[av.AudioFrame | None]:
    """A second at a time, so that no second copy of an hour is made; None ends the stream."""
    for start in range(0, samples.shape[1], rate):
        part: NDArray[Any] = samples[:, start : start + rate]
        if sample_format == "s16":
            part = np.clip(np.rint(part * 32768.0), -32768, 32767).astype(np.int16)
        shaped = part if sample_format.endswith("p") else part.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(shaped), format=sample_format, layout=layout)
        frame.sample_rate, frame.pts = rate, start
        yield frame
    yield None


def decode(codec: str, packets: Iterable[bytes], rate: int, channels: int, config: bytes = b"") -> Iterator[Samples]:
    """Decode packets as they are asked for.

    Parameters
    ----------
    codec : str
        FFmpeg's name.
    packets : iterable of bytes
        As `encode` gives them, in any grouping that the decoder takes.
    rate, channels : int
        What the packets hold.
    config : bytes
        What the container states for the decoder, where it states something.

    Yields
    ------
    ndarray of float32, shape (channels, n)

    Raises
    ------
    CodecError
        If a packet is damaged, or holds another rate or number of channels.
    """
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout, decoder.thread_count = rate, "stereo" if channels == 2 else "mono", 1
    if config:
        decoder.extradata = config
    for number, packet in enumerate(chain(packets, [None])):
        try:
            for frame in decoder.decode(av.Packet(packet) if packet else None):
                yield _samples(frame, rate, channels)
        except (av.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise CodecError(f"FFmpeg's {codec} cannot decode packet {number}, which is damaged: {reason}.") from error


def _samples(frame: av.AudioFrame, rate: int, channels: int) -> Samples:
    found = (frame.sample_rate, frame.layout.nb_channels)
    if found != (rate, channels):
        raise ValueError(f"it holds {found[0]} Hz and {found[1]} channels")
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, channels).T
    if samples.dtype == np.int16:
        return np.asarray(samples / np.float32(32768), dtype=np.float32)
    return np.asarray(samples, dtype=np.float32)
