"""Writing what training made: checkpoints to go on from, and weights to use.

A file is written beside its final name, synced and renamed, so that a killed run or a full disk leaves
the last whole one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from audiocodecs.encodec.model import EncodecModel


def save_whole(state: Mapping[str, Any], path: Path) -> None:
    """Write `state` with torch.save, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        torch.save(dict(state), file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def exported_state(model: EncodecModel, half: bool = False) -> dict[str, Tensor]:
    """State dict in the published layout, on the CPU.

    Parameters
    ----------
    model : EncodecModel
    half : bool
        Half precision, and without the averages that only training needs (their entries stay, as zeros
        that take no room): a third of the size. Any program that reads the published files reads it.
    """
    state: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        value = tensor.detach().to("cpu", copy=True)
        if half:
            dropped = name.endswith((".embed_avg", ".cluster_size")) or not value.any()
            value = torch.zeros(1, dtype=torch.float16).expand(value.shape) if dropped else value.half()
        state[name] = value
    return state
