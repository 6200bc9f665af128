"""Implementations of EnCodec that `encodec_speed.py` times, each with the same weights on the same audio.

A contender is made once in its process and gives two functions: samples to its codes, and those back to samples.
"""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

KBPS = 6.0
RATES = {24: 24_000, 48: 48_000}


@dataclass(frozen=True)
class Contender:
    """A way to code audio.

    Attributes
    ----------
    encode : callable
        Of samples (channels, n).
    decode : callable
        Of what `encode` gave.
    codes : callable
        Codes (n_q, frames) in what `encode` gave, for a comparison; None where they are in a file.
    """

    encode: Callable[[Tensor], Any]
    decode: Callable[[Any], Any]
    codes: Callable[[Any], Tensor] | None


def audio(kilohertz: int, seconds: float) -> Tensor:
    """Noise whose level wanders, mono or stereo: speed does not depend on it."""
    generator = torch.Generator().manual_seed(1)
    n = round(seconds * RATES[kilohertz])
    level = 0.05 + 0.1 * torch.sin(torch.arange(n) / RATES[kilohertz]).square()
    return level * torch.randn(1 if kilohertz == 24 else 2, n, generator=generator)


def write_weights(kilohertz: int, path: Path) -> None:
    """Random weights in the published layout, with codebooks whose vectors differ."""
    torch.manual_seed(1)
    model = _package_model(kilohertz)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith(".weight_g"):
                value *= 1.8  # as initialised, the latents hardly move with the signal
            elif name.endswith(".embed"):
                value.normal_(std=0.3 if kilohertz == 24 else 0.8)
    torch.save(model.state_dict(), path)


def published(kilohertz: int, path: Path) -> Contender:
    """The package `encodec`, as its `encode` and `decode` are called by its users."""
    model = _package_model(kilohertz)
    model.load_state_dict(torch.load(path, weights_only=True))
    model.set_target_bandwidth(KBPS)
    return Contender(
        lambda x: model.encode(x[None]),
        model.decode,
        lambda frames: torch.cat([codes[0] for codes, _ in frames], dim=1),
    )


def transformers(kilohertz: int, path: Path) -> Contender:
    """`EncodecModel` of transformers."""
    from transformers import EncodecConfig, EncodecModel

    from audiocodecs.encodec.layouts import in_transformers

    other: dict[str, Any] = {} if kilohertz == 24 else {
        "audio_channels": 2, "chunk_length_s": 1.0, "norm_type": "time_group_norm", "normalize": True, "overlap": 0.01,
        "sampling_rate": 48_000, "target_bandwidths": [3.0, 6.0, 12.0, 24.0], "use_causal_conv": False,
    }  # fmt: skip
    model = EncodecModel(EncodecConfig(**other)).eval()
    model.load_state_dict({in_transformers(key): value for key, value in torch.load(path, weights_only=True).items()})

    def encode(x: Tensor) -> Any:
        return model.encode(x[None], torch.ones_like(x[None], dtype=torch.bool), bandwidth=KBPS, return_dict=True)

    def decode(found: Any) -> Any:
        return model.decode(
            found.audio_codes, found.audio_scales, last_frame_pad_length=found.last_frame_pad_length, return_dict=True
        )

    def codes(found: Any) -> Tensor:
        return torch.cat(list(found.audio_codes[:, 0]), dim=1)

    return Contender(encode, decode, codes)


def ours(kilohertz: int, path: Path) -> Contender:
    """Ours: samples in memory to codes in memory."""
    from audiocodecs.encodec.segments import SegmentDecoder, SegmentEncoder

    fast, settings, n_q = _fast(kilohertz, path)
    if settings.causal:
        return Contender(
            lambda x: fast.quantize(fast.encode_latents(x[None]), n_q),
            lambda codes: fast.decode_latents(fast.dequantize(codes)),
            lambda codes: codes[0],
        )

    def encode(x: Tensor) -> Any:
        encoder = SegmentEncoder(fast, settings, n_q)
        return encoder.push(x) + encoder.finish()

    def decode(segments: Any) -> Tensor:
        decoder = SegmentDecoder(fast, settings)
        return torch.cat([decoder.push(segments), decoder.finish()], dim=1)

    return Contender(encode, decode, lambda parts: torch.cat([torch.from_numpy(part.codes) for part in parts], dim=1))


def streaming(frames: int) -> Callable[[int, Path], Contender]:
    """Our streams at 24 kHz, pushed and computed so many frames at a time."""

    def make(kilohertz: int, path: Path) -> Contender:
        from audiocodecs.encodec.fast import StreamingDecoder, StreamingEncoder

        fast, _, n_q = _fast(kilohertz, path)

        def encode(x: Tensor) -> Tensor:
            stream = StreamingEncoder(fast, n_q, frames)
            return torch.cat([*(stream.push(part) for part in x.split(frames * 320, 1)), stream.finish()], dim=1)

        def decode(codes: Tensor) -> Tensor:
            stream = StreamingDecoder(fast, frames)
            return torch.cat([*(stream.push(part) for part in codes.split(frames, 1)), stream.finish()], dim=1)

        return Contender(encode, decode, lambda codes: codes)

    return make


def codec(options: str) -> Callable[[int, Path], Contender]:
    """Our codec as the command line calls it: samples to the bytes of a file, with these options."""

    def make(kilohertz: int, path: Path) -> Contender:
        from audiocodecs.encodec.entropy.language_model import LanguageModel
        from audiocodecs.encodec.entropy.settings import PUBLISHED_24KHZ, PUBLISHED_48KHZ
        from audiocodecs.registry import get_codec

        if "entropy=lm" in options:
            torch.manual_seed(1)
            language_model = LanguageModel(PUBLISHED_24KHZ if kilohertz == 24 else PUBLISHED_48KHZ)
            torch.save(language_model.state_dict(), path.with_suffix(".lm.th"))
        made = get_codec(f"encodec_{kilohertz}khz@{KBPS:g}{options}:weights={path}")
        return Contender(lambda x: made.encode(x.numpy(), RATES[kilohertz]), made.decode, None)

    return make


CONTENDERS: dict[str, tuple[Callable[[int, Path], Contender], tuple[int, ...]]] = {
    "published package": (published, (24, 48)),
    "transformers": (transformers, (24, 48)),
    "ours": (ours, (24, 48)),
    "ours, a second at a time": (streaming(75), (24,)),
    "ours, a frame at a time": (streaming(1), (24,)),
    "ours, to an ECDC file": (codec(""), (24, 48)),
    "ours, entropy coded": (codec(":entropy=lm"), (24, 48)),
}
"""What each row of the table is, and the models (in kHz) that it has."""


def _fast(kilohertz: int, path: Path) -> tuple[Any, Any, int]:
    from audiocodecs.encodec.checkpoints import load_fast
    from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ

    settings = ENCODEC_24KHZ if kilohertz == 24 else ENCODEC_48KHZ
    return load_fast(path, settings), settings, settings.codebooks_at(KBPS)


def _package_model(kilohertz: int) -> Any:
    sys.modules["torchaudio"] = types.ModuleType("torchaudio")  # it imports it and needs it for nothing here
    warnings.simplefilter("ignore")
    import encodec

    del sys.modules["torchaudio"]
    make = {24: encodec.EncodecModel.encodec_model_24khz, 48: encodec.EncodecModel.encodec_model_48khz}[kilohertz]
    return make(pretrained=False).eval()
