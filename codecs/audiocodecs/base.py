"""The codec contract: numpy in, bytes between, numpy out.

>>> from audiocodecs.registry import get_codec
>>> import numpy as np
>>> codec = get_codec("lowpass@3500")
>>> encoded = codec.encode(np.zeros((1, 48000), np.float32), 48000)
>>> decoded, rate = codec.decode(encoded)
>>> decoded.shape, rate, encoded.kbps
((1, 48000), 48000, None)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from audiocodecs.packet_loss import canonical, packet_loss, without_loss
from audiocodecs.spec import CodecError, CodecUnavailable, Spec, UnknownCodec

__all__ = [
    "MOST_SECONDS",
    "Codec",
    "CodecError",
    "CodecUnavailable",
    "Encoded",
    "Samples",
    "Spec",
    "UnknownCodec",
    "check_channels",
    "check_samples",
]

Samples = NDArray[np.float32]
"""Audio, float32 of shape (channels, n), full scale at ±1."""


MOST_SECONDS = 3600
"""Longest file that `Codec.read` takes, so that a forged length cannot ask for all the memory."""


@dataclass(frozen=True)
class Encoded:
    """What an encoder produced.

    Attributes
    ----------
    payload : bytes
        What would be sent: the packets without any container. Empty for the
        reference and the low-pass anchors, which code nothing.
    container : bytes
        The file: Ogg, MP3, ECDC, EVS MIME, AMR-WB, or one of ours where the codec defines none.
    rate : int
        Sample rate of the input in Hz, and of what `decode` returns.
    channels, samples : int
        Shape of the input; `decode` returns the same.
    passthrough : ndarray or None
        The samples themselves, for what codes nothing.
    """

    payload: bytes
    container: bytes
    rate: int
    channels: int
    samples: int
    passthrough: Samples | None = field(default=None, repr=False, compare=False)

    @property
    def seconds(self) -> float:
        """Duration of the input in seconds."""
        return self.samples / self.rate

    @property
    def kbps(self) -> float | None:
        """Measured payload rate in kbit/s; None where nothing was coded."""
        return len(self.payload) * 8 / self.seconds / 1000 if self.payload else None

    @property
    def container_kbps(self) -> float | None:
        """Measured rate of the whole file in kbit/s; None where nothing was coded."""
        return len(self.container) * 8 / self.seconds / 1000 if self.container else None


class Codec(ABC):
    """One codec at one setting. Subclasses set the class attributes and are registered.

    Attributes
    ----------
    name : str
        As in a spec.
    title : str
        For people: "Opus", "Lyra v2".
    values : tuple of float
        What a study is offered after the `@`; empty if the codec takes none.
    any_from_to : tuple of (float, float) or None
        Least and most kbps, where the codec takes any between them; see `span`.
    channels : frozenset of int
        Channel counts it can carry. A codec with {1} is not offered in a stereo study.
    neural : bool
        Trained rather than designed.
    options : mapping of str to tuple of str, or None
        Options and the values that each may have; None where the class checks them itself.
    concealment : str
        How it conceals a lost packet, for people; empty if it has no packets that can be lost.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    values: ClassVar[tuple[float, ...]] = ()
    any_from_to: ClassVar[tuple[float, float] | None] = None
    options: ClassVar[Mapping[str, tuple[str, ...]] | None] = None
    channels: ClassVar[frozenset[int]] = frozenset({1, 2})
    neural: ClassVar[bool] = False
    concealment: ClassVar[str] = ""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    @classmethod
    def parse(cls, spec: Spec) -> Codec:
        """Make the codec of a spec.

        Raises
        ------
        UnknownCodec
            If the value or an option is not one of this codec's.
        CodecUnavailable
            If it cannot run here.
        """
        if cls.values and not cls.takes(spec):
            example = f"{cls.name}@{cls.values[0]:g}"
            raise UnknownCodec(
                f"{spec} is not offered. {cls.title} has {cls.rates(spec)}: write for example {example}."
            )
        if not cls.values and spec.value is not None:
            raise UnknownCodec(f"{cls.name} takes no value: write {cls.name}, not {spec}.")
        spec = canonical(spec)
        kept = without_loss(spec)
        if kept != spec and not cls.concealment:
            raise UnknownCodec(
                f"{cls.title} has no packets that can be lost. Leave out loss, or write for example opus@16:loss=5."
            )
        if cls.options is not None:
            _check_options(kept, cls.options)
        cls.check(spec)
        return cls(spec)

    @classmethod
    def channels_of(cls, spec: Spec) -> frozenset[int]:
        """Channel counts that a spec can carry."""
        return cls.channels

    @classmethod
    def words(cls, spec: Spec) -> str:
        """A spec for people: "Opus 12 kbps, 5% packet loss"."""
        parts = [cls.title if spec.value is None else f"{cls.title} {spec.value:g} kbps"]
        parts += [f"{key} {value}" for key, value in without_loss(spec).options if key != "weights"]
        if (loss := packet_loss(spec)).percent:
            parts.append(loss.words)
        return ", ".join(parts)

    @classmethod
    def nominal_kbps(cls, spec: Spec) -> float | None:
        """Rate in the name of a spec, kbit/s; None where nothing is coded."""
        return spec.value

    @classmethod
    def span(cls, spec: Spec) -> tuple[float, float] | None:
        """Least and most kbps of a spec's options, where any between them may follow the `@`."""
        return cls.any_from_to

    @classmethod
    def takes(cls, spec: Spec) -> bool:
        """Whether the codec has the spec's value."""
        if spec.value is None or spec.value in cls.values:
            return spec.value is not None
        span = cls.span(spec)
        return span is not None and span[0] <= spec.value <= span[1]

    @classmethod
    def rates(cls, spec: Spec) -> str:
        """What may follow the `@`, in words: "any rate from 6 to 256 kbps"."""
        if span := cls.span(spec):
            return "any rate from {:g} to {:g} kbps".format(*span)
        return ", ".join(f"{value:g}" for value in cls.values)

    @classmethod  # noqa: B027  not abstract: most codecs need nothing
    def check(cls, spec: Spec | None = None) -> None:
        """Raise CodecUnavailable if the codec cannot run here (for `spec`, or at all)."""

    @property
    @abstractmethod
    def version(self) -> str:
        """What produced the bytes: library versions and the sha256 prefix of each model file."""

    @property
    def weights(self) -> str:
        """Name of the trained weights in use, "" for a designed codec."""
        return ""

    def lost(self, packets: int) -> NDArray[np.bool_]:
        """Which of so many packets the decoder does not get."""
        return packet_loss(self.spec).lost(packets)

    @abstractmethod
    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode audio.

        Parameters
        ----------
        samples : ndarray of float32, shape (channels, n)
            Full scale at ±1, n >= 1, finite.
        rate : int
            Sample rate in Hz; the codec resamples where it works at another.

        Raises
        ------
        CodecError
            If the input cannot be carried (channel count, empty, not finite).
        """

    @abstractmethod
    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode to audio aligned with the input, of its length, channels and rate."""

    @abstractmethod
    def read(self, container: bytes) -> Encoded:
        """Make `Encoded` of a file written by `encode`.

        Raises
        ------
        CodecError
            If the bytes are not such a file, or it is damaged.
        """


def check_samples(samples: Samples, codec: Codec) -> Samples:
    """Return `samples` as C-contiguous float32, or raise CodecError if the codec can't take them."""
    array = np.ascontiguousarray(samples, dtype=np.float32)
    if array.ndim != 2:
        raise CodecError(f"Audio has the shape (channels, samples), not {array.shape}.")
    if array.shape[1] == 0:
        raise CodecError("There is no audio: 0 samples.")
    check_channels(codec.title, array.shape[0], codec.channels_of(codec.spec))
    if not np.isfinite(array).all():
        raise CodecError("The audio holds NaN or infinite samples. Export the clip again.")
    return array


def check_channels(title: str, channels: int, allowed: Collection[int]) -> None:
    """Raise CodecError if a codec called `title` does not carry so many channels."""
    if channels in allowed:
        return
    names = {1: "mono", 2: "stereo"}
    offered = " or ".join(names.get(n, f"{n} channels") for n in sorted(allowed))
    remedy = "Mix the clip to mono first, on the command line with --mono." if 1 in allowed else "Use a stereo clip."
    raise CodecError(f"{title} carries {offered}, not {names.get(channels, f'{channels} channels')}. {remedy}")


def _check_options(spec: Spec, allowed: Mapping[str, tuple[str, ...]]) -> None:
    for key, value in spec.options:
        if key not in allowed:
            known = ", ".join(allowed) or "none"
            raise UnknownCodec(f"{spec.name} has no option {key!r}. It has: {known}.")
        if value not in allowed[key]:
            raise UnknownCodec(f"{spec.name}: {key}={value} is not offered. Use one of: {', '.join(allowed[key])}.")
