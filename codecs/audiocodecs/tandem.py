"""Two codecs one after the other, as in a call that crosses two networks.

The first codec's output, aligned with the clip, is what the second encodes. The measured rate is the first one's, or
with `rate=then` the second one's.

>>> from audiocodecs.registry import get_codec
>>> import numpy as np
>>> codec = get_codec("tandem:first=g722@64:then=amrnb@12.2")
>>> encoded = codec.encode(np.zeros((1, 16000), np.float32), 16000)
>>> codec.decode(encoded)[0].shape
(1, 16000)
"""

from __future__ import annotations

import struct
from dataclasses import replace

from audiocodecs.base import MOST_SECONDS, Codec, CodecError, Encoded, Samples, Spec, UnknownCodec, check_samples
from audiocodecs.registry import NEURAL, codec_class, get_codec, parse_spec

_EXAMPLE = "Write for example tandem:first=opus@12:then=amrnb@12.2."
_PARTS = ("first", "then")
_HEADER = struct.Struct("<4sBQIBQ")
_RATES = (4000, 768000)
_MAGIC, _VERSION = b"TNDM", 1


class Tandem(Codec):
    """A codec whose output another one codes again."""

    name = "tandem"
    title = "Tandem"

    def __init__(self, spec: Spec) -> None:
        first, then = _parts(spec)
        rate = (("rate", "then"),) if spec.option("rate", "first") == "then" else ()
        super().__init__(replace(spec, options=(("first", str(first)), *rate, ("then", str(then)))))
        self._first, self._then = get_codec(str(first)), get_codec(str(then))

    @classmethod
    def channels_of(cls, spec: Spec) -> frozenset[int]:
        """What both carry."""
        first, then = (codec_class(part.name).channels_of(part) for part in _parts(spec))
        return first & then

    @classmethod
    def words(cls, spec: Spec) -> str:
        """Opus 12 kbps, then AMR-NB 12.2 kbps."""
        both = ", then ".join(codec_class(part.name).words(part) for part in _parts(spec))
        return f"{both} (its rate)" if spec.option("rate", "first") == "then" else both

    @classmethod
    def nominal_kbps(cls, spec: Spec) -> float | None:
        """That of the codec whose rate is measured."""
        part = _parts(spec)[_PARTS.index(spec.option("rate", "first"))]
        return codec_class(part.name).nominal_kbps(part)

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Raise CodecUnavailable if one of the two cannot run here, UnknownCodec for anything that is no tandem."""
        if spec is None:
            return
        for key, value in spec.options:
            if key not in (*_PARTS, "rate"):
                raise UnknownCodec(f"tandem has no option {key!r}; it has first, then and rate. {_EXAMPLE}")
            if key == "rate" and value not in _PARTS:
                raise UnknownCodec(f"tandem: rate={value} is not possible. Write rate=first or rate=then.")
        for part in _parts(spec):
            get_codec(str(part))
        if not cls.channels_of(spec):
            raise UnknownCodec("One codec of the tandem carries mono only and the other one stereo only.")

    @property
    def version(self) -> str:
        """Of both."""
        return f"{self._first.version}; then {self._then.version}"

    @property
    def weights(self) -> str:
        """Weights of the trained codecs among the two."""
        return ", then ".join(filter(None, (self._first.weights, self._then.weights)))

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode, decode and encode again; the payload is that of the codec whose rate is measured."""
        checked = check_samples(samples, self)
        first = self._first.encode(checked, rate)
        decoded, _ = self._first.decode(first)
        then = self._then.encode(decoded, rate)
        measured = then if self.spec.option("rate", "first") == "then" else first
        header = _HEADER.pack(_MAGIC, _VERSION, len(first.container), rate, *checked.shape)
        return replace(measured, container=header + first.container + then.container)

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode what the second codec sent."""
        _, then = self._files(encoded)
        return self._then.decode(then)

    def read(self, container: bytes) -> Encoded:
        """Read both files."""
        if len(container) < _HEADER.size or container[:4] != _MAGIC:
            raise CodecError("This is not the file of a tandem.")
        _, version, size, rate, channels, samples = _HEADER.unpack_from(container)
        if version != _VERSION:
            raise CodecError(f"The tandem's file is of version {version}; version {_VERSION} is read.")
        sound = _RATES[0] <= rate <= _RATES[1] and 1 <= channels <= 2 and 1 <= samples <= MOST_SECONDS * rate
        if not sound or size > len(container) - _HEADER.size:
            raise CodecError("The tandem's file is damaged: its header makes no sense.")
        first, then = self._files(Encoded(b"", container, rate, channels, samples))
        measured = then if self.spec.option("rate", "first") == "then" else first
        return Encoded(measured.payload, container, rate, channels, samples)

    def _files(self, encoded: Encoded) -> tuple[Encoded, Encoded]:
        size = _HEADER.unpack_from(encoded.container)[2]
        at = _HEADER.size
        parts = encoded.container[at : at + size], encoded.container[at + size :]
        files = []
        for codec, part in zip((self._first, self._then), parts, strict=True):
            # ECDC does not say that a clip was mono, nor do other formats know the clip's rate.
            files.append(
                replace(codec.read(part), rate=encoded.rate, channels=encoded.channels, samples=encoded.samples)
            )
        return files[0], files[1]


def _parts(spec: Spec) -> tuple[Spec, Spec]:
    """Specs of the first and the second codec."""
    given = dict(spec.options)
    if not set(_PARTS) <= set(given):
        raise UnknownCodec(f"{spec} does not name two codecs. {_EXAMPLE}")
    first, then = (parse_spec(given[key]) for key in _PARTS)
    for part in (first, then):
        if part.name == NEURAL:
            raise UnknownCodec("tandem: name the neural codec, for example spectral_24khz@6.")
        if part.value is None or part.name in ("lowpass", "tandem"):
            raise UnknownCodec(f"tandem: {part} is not a codec with a bitrate. {_EXAMPLE}")
    return first, then
