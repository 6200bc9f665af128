"""Weights on disk: safetensors in float16, the model's shape in the file's own metadata."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from audiocodecs.base import CodecUnavailable
from audiocodecs.spectral.model import ModelConfig, SpectralModel

FOLDER = Path(__file__).parent / "weights"
KEY = "spectral"
FORMAT = 1
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


def save_weights(model: SpectralModel, path: Path, steps: int, seconds: float) -> None:
    """Write the weights in float16, whole or not at all."""
    tensors = {
        name: tensor.detach().to(torch.float16).contiguous()
        for name, tensor in model.state_dict().items()
        if name not in TRAINING_ONLY
    }
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
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        model = SpectralModel(ModelConfig.of(about["config"]))
        missing, unknown = model.load_state_dict(tensors, strict=False)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CodecUnavailable(f"{path} does not hold weights of the spectral codec: {error}.", AGAIN) from error
    if unknown or set(missing) - set(TRAINING_ONLY):
        raise CodecUnavailable(f"{path} does not hold weights of the spectral codec: it has other tensors.", AGAIN)
    model.eval().requires_grad_(False)
    return Weights(model, digest, int(about["steps"]), float(about["audio_hours"]))
