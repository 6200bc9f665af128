"""`spectral_24khz` and `spectral_48khz`: our own neural codecs, their weights in the package.

75 frames a second, 10 bits for each codebook. The algorithmic latency is 53.3 ms (two hops of the
transform, one frame of look-ahead in the encoder, one in the decoder). In mono the first two codes of a frame
are the same at every rate; the search for the others looks ahead to the last of them. In stereo the encoder
decodes what it sends, some rounds over, to keep the level (`levels`).

A file is RVQF, its model name that of the codec, with one frame more than ceil(samples / hop). Its codes
are entropy coded with the language model that lies beside the weights, but for `:entropy=none`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import soxr
import torch

from audiocodecs import audio, rvqf
from audiocodecs.base import (
    Codec,
    CodecError,
    CodecUnavailable,
    Encoded,
    Samples,
    Spec,
    UnknownCodec,
    check_samples,
)
from audiocodecs.encodec.checkpoints import sha256
from audiocodecs.encodec.entropy.block_coding import BlockCoding
from audiocodecs.encodec.entropy.loading import block_coding
from audiocodecs.packet_loss import loss_options, without_loss
from audiocodecs.spectral import transients
from audiocodecs.spectral.rate_control import choose_codes, coded_mean, codes_of_mean
from audiocodecs.spectral.stream import decode_codes, encode_audio, encode_every_count
from audiocodecs.spectral.transients import Gains, gains_before_attacks
from audiocodecs.spectral.weights import FOLDER, Weights, load_weights

SHIPPED = "shipped"
_GAIN_BITS = 16
"""What a gain takes in a file, and their number in each block."""
_GAINS_SHARE = 0.05
"""Of the bits, at most, for gains."""


class SpectralCodec(Codec):
    """What the two have in common.

    The bitrate is that of the entropy-coded codes, over a clip: each frame gets as many codebooks as pay. With
    `entropy=none` each has the same, uncoded, and the rate is constant. `weights=shipped` (default), or the path of a
    file that training wrote; its language model is `NAME.lm.safetensors` beside `NAME.safetensors`.
    """

    title = "Spectral"
    neural = True
    concealment = "the last frame's two base codebooks again, 3 dB lower with each loss in a row"
    rate: ClassVar[int]

    def __init__(self, spec: Spec) -> None:
        chosen = spec.option("weights", SHIPPED)
        self._path = self._weights_path(chosen)
        # An absolute path, so that a worker in another folder means the same file.
        own = () if chosen == SHIPPED else (("weights", str(self._path)),)
        self._entropy = spec.option("entropy", "lm") == "lm"
        coded = () if self._entropy else (("entropy", "none"),)
        lost = tuple(loss_options(spec).items())
        super().__init__(replace(spec, options=tuple(sorted(coded + own + lost))))

    @classmethod
    def _weights_path(cls, chosen: str) -> Path:
        if chosen == SHIPPED:
            return FOLDER / f"{cls.name}.safetensors"
        path = Path(chosen).expanduser().resolve()
        if {":", "="} & set(str(path)):
            raise UnknownCodec(f"{path} has a ':' or '=' in it, which a spec cannot carry. Move the weights elsewhere.")
        return path

    @classmethod
    def span(cls, spec: Spec) -> tuple[float, float] | None:
        """A constant rate is one of `values`."""
        return None if spec.option("entropy", "lm") == "none" else cls.any_from_to

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Raise CodecUnavailable if the weights are not there, UnknownCodec for an unknown option."""
        spec = spec or Spec(cls.name)
        for key, value in without_loss(spec).options:
            if key not in ("weights", "entropy"):
                raise UnknownCodec(f"{cls.name} has no option {key!r}; it has weights=PATH and entropy=none.")
            if key == "entropy" and value not in ("lm", "none"):
                raise UnknownCodec(f"{cls.name}: entropy={value} is not offered. Use entropy=none or leave it out.")
        if loss_options(spec) and spec.option("entropy", "lm") == "lm":
            raise UnknownCodec(f"{cls.name}: entropy coded frames cannot be lost one by one. Add entropy=none.")
        path = cls._weights_path(spec.option("weights", SHIPPED))
        config = load_weights(path).model.config
        if (config.rate, config.channels) != (cls.rate, max(cls.channels)):
            raise UnknownCodec(f"{path} holds weights for {config.rate} Hz and {config.channels} channel(s).")
        if spec.option("entropy", "lm") == "lm":
            language_model_of(path)

    @property
    def _loaded(self) -> Weights:
        return load_weights(self._path)

    @property
    def version(self) -> str:
        """Versions of torch and of the resampler, and the sha256 prefixes of the weights and the language model."""
        models = f"weights {self._loaded.prefix}"
        if self._entropy:
            models += f", language model {sha256(language_path(self._path))[:8]}"
        return f"{self.name}, {models}, torch {torch.__version__}, soxr {soxr.__version__}"

    @property
    def weights(self) -> str:
        """`shipped`, or the file's name, with the sha256 prefix of the weights."""
        name = self._path.name if self.spec.option("weights", "") else SHIPPED
        return f"{name} {self._loaded.prefix}"

    @property
    def codebooks(self) -> int:
        """Codebooks of each frame at a constant rate; the most that a frame has at a coded one."""
        config = self._loaded.model.config
        if self._entropy:
            return config.quantizer.codebooks
        return round((self.spec.value or 0) / config.kbps_per_codebook)

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode audio of any rate and length."""
        samples = check_samples(samples, self)
        # What is over full scale is clipped, as every integer codec does: the network never saw it.
        inside = np.clip(audio.resample(samples, rate, self.rate), -1, 1)
        coding = language_model_of(self._path) if self._entropy else None
        header = self._header(self.codebooks, coding.prefix if coding else None)
        codes, gains = (
            (encode_audio(self._loaded.model, inside, self.codebooks), None)
            if coding is None
            else self._encode_coded(inside, coding, header.block_frames)
        )
        writer = rvqf.RvqfWriter(header, coding)
        container = writer.push(codes, gains=gains) + writer.finish(inside.shape[1])
        payload = b"".join(block.payload for block in rvqf.blocks(container))
        return Encoded(payload, container, rate, *samples.shape)

    def _encode_coded(self, inside: Samples, coding: BlockCoding, block_frames: int) -> tuple[rvqf.Codes, Gains]:
        """Codes of the coded rate, and what is turned down before attacks, of each frame."""
        model, n = self._loaded.model, inside.shape[1]
        config = model.config
        assert self.spec.value is not None
        mean = coded_mean(self.spec.value / config.kbps_per_codebook, config.quantizer.codebooks)
        every, error = encode_every_count(model, inside, mean)
        sketch = decode_codes(model, codes_of_mean(every, error, mean), n)
        bits = 1000 * self.spec.value * n / self.rate
        gains = gains_before_attacks(inside, sketch, config.hop, most=int(_GAINS_SHARE * bits / _GAIN_BITS))
        blocks = -(-len(every) // block_frames)
        bits -= _GAIN_BITS * (np.count_nonzero(gains) + blocks)
        return choose_codes(every, error, coding, bits, block_frames), np.pad(gains, (0, len(every) - len(gains)))

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode; the file says how many codebooks were used, whatever this codec's own rate is."""
        file = rvqf.read(encoded.container, self._accept)
        codes, lost = file.codes, self.lost(file.codes.shape[1])
        if lost.any() and file.header.language_model is not None:
            raise CodecError("The file is entropy coded: its frames cannot be lost one by one. Decode it without loss.")
        codes[:, lost] = -1
        decoded = decode_codes(self._loaded.model, codes, file.samples)
        if file.gains is not None:
            decoded = transients.apply(decoded, file.gains, file.header.hop)
        if not np.isfinite(decoded).all():
            raise CodecError(f"The weights {self.weights} gave NaN or infinite samples: install the package again.")
        outside = audio.resample(np.clip(decoded, -1, 1), self.rate, encoded.rate)
        return audio.fit_length(outside, encoded.samples), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read a file; its audio has the model's rate, whatever the rate it was made from."""
        file = rvqf.read(container, self._accept)
        return Encoded(file.payload, container, self.rate, file.header.channels, file.samples)

    def _header(self, codebooks: int, language_model: bytes | None) -> rvqf.RvqfHeader:
        config = self._loaded.model.config
        return rvqf.RvqfHeader(
            self.name,
            rate=config.rate,
            channels=config.channels,
            codebooks=codebooks,
            hop=config.hop,
            weights=rvqf.prefix(self._loaded.sha256),
            extra_frames=1,
            language_model=language_model,
            varying=language_model is not None,
            gains=language_model is not None,
        )

    def _accept(self, header: rvqf.RvqfHeader) -> BlockCoding | None:
        """Refuse a file that these weights did not write; give the language model to one that needs it."""
        header.check(self.name, rvqf.prefix(self._loaded.sha256))
        config = self._loaded.model.config
        offered = (config.quantizer.codebooks,) if header.varying else config.counts
        if header.codebooks not in offered:
            said = ", ".join(map(str, offered))
            raise CodecError(f"The file says {header.codebooks} codebooks; {self.name} has {said}.")
        expected = self._header(header.codebooks, header.language_model)
        if header != replace(expected, block_frames=header.block_frames, varying=header.varying, gains=header.gains):
            raise CodecError(f"The file has another rate, hop or channel count than {self.name}: it is damaged.")
        return None if header.language_model is None else language_model_of(self._path)


def language_path(weights: Path) -> Path:
    """Where the language model of a weights file lies."""
    return weights.with_suffix(".lm.safetensors")


def language_model_of(weights: Path) -> BlockCoding:
    """Entropy coding with the language model beside a weights file; raises CodecUnavailable if there is none."""
    path = language_path(weights)
    if not path.is_file():
        raise CodecUnavailable(
            f"There is no language model for the weights {weights.name}: {path.name} is not beside them.",
            "Add entropy=none, or train one (docs/training.md).",
        )
    return block_coding(path, None)


class Spectral24(SpectralCodec):
    """24 kHz mono, trained on speech."""

    name = "spectral_24khz"
    rate = 24_000
    values = (1.5, 3.0, 6.0, 12.0)
    any_from_to = (1.5, 12.0)
    channels = frozenset({1})


class Spectral48(SpectralCodec):
    """48 kHz stereo, trained on music."""

    name = "spectral_48khz"
    rate = 48_000
    values = (3.0, 6.0, 12.0, 24.0)
    any_from_to = (3.0, 24.0)
    channels = frozenset({2})
