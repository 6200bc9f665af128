"""Weights on disk: safetensors, the model's shape in the file's own metadata.

Training writes float16. What is shipped has half the size: large tensors in 8 bits, each row with its own scale.

>>> # python -m audiocodecs.spectral.weights RUN/weights.safetensors SHIPPED.safetensors
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from audiocodecs.base import CodecUnavailable
from audiocodecs.spectral.model import ModelConfig, SpectralModel

FOLDER = Path(__file__).parent / "weights"
KEY = "spectral"
FORMAT = 2
SCALE = ".row_scale"
"""Ending of the name of the scales of a tensor in 8 bits."""
LARGE = 20_000
"""Elements from which a tensor is large."""
AGAIN = "It belongs to the package: install the package again."

TRAINING_ONLY = ("quantizer.counts", "quantizer.sums")


@dataclass(frozen=True)
class Weights:
    """A model ready to run.

    Attributes
    ----------
    sha256 : str
        Of the file.
    steps : int
    audio_hours : float
        How long it was trained, and the audio that all its batches held together.
    """

    model: SpectralModel
    sha256: str
    steps: int
    audio_hours: float

    @property
    def prefix(self) -> str:
        """What versions and files name the weights by."""
        return self.sha256[:8]


def save_weights(model: SpectralModel, path: Path, steps: int, seconds: float, eight_bits: bool = False) -> None:
    """Write the weights in float16, or large ones in 8 bits; whole or not at all."""
    tensors: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        if name in TRAINING_ONLY:
            continue
        if eight_bits and tensor.dim() > 1 and tensor.numel() >= LARGE:
            scale = (tensor.abs().amax(-1, keepdim=True) / 127).clamp(min=1e-8)
            tensors[name] = (tensor / scale).round().to(torch.int8).contiguous()
            tensors[name + SCALE] = scale.contiguous()
        else:
            tensors[name] = tensor.detach().to(torch.float16).contiguous()
    about = {"format": FORMAT, "config": model.config.table(), "steps": steps, "audio_hours": round(seconds / 3600, 2)}
    # One key: safetensors writes several in any order, and equal weights shall be equal files.
    metadata = {KEY: json.dumps(about)}
    partial = path.with_name(path.name + ".part")
    save_file(tensors, partial, metadata=metadata)
    partial.replace(path)


@cache
def load_weights(path: Path) -> Weights:
    """Read weights as float32; the same file is read once.

    Raises
    ------
    CodecUnavailable
        If there is no such file, or it is damaged.
    """
    if not path.is_file():
        raise CodecUnavailable(
            f"The weights file {path.name} of the spectral codec is missing.",
            AGAIN,
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})[KEY])
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        tensors = {
            name: tensor.float() * stored[name + SCALE] if name + SCALE in stored else tensor.float()
            for name, tensor in stored.items()
            if not name.endswith(SCALE)
        }
        model = SpectralModel(ModelConfig.of(about["config"]))
        missing, unknown = model.load_state_dict(tensors, strict=False)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CodecUnavailable(f"{path} does not hold weights of the spectral codec: {error}.", AGAIN) from error
    if unknown or set(missing) - set(TRAINING_ONLY):
        raise CodecUnavailable(f"{path} does not hold weights of the spectral codec: it has other tensors.", AGAIN)
    model.eval().requires_grad_(False)
    return Weights(model, digest, int(about["steps"]), float(about["audio_hours"]))


def main(argv: list[str] | None = None) -> None:
    """Write weights again, large tensors in 8 bits."""
    parser = argparse.ArgumentParser(description="Write weights of the spectral codec again in 8 bits, as shipped.")
    parser.add_argument("weights", type=Path, help="file that training wrote")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args(argv)
    found = load_weights(arguments.weights)
    save_weights(found.model, arguments.out, found.steps, found.audio_hours * 3600, eight_bits=True)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
