"""Weights of a language model in 8-bit integers with a scale for each row, and their file.

Made from a float model with operations that IEEE 754 rounds correctly, so that every machine gets the same ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from audiocodecs.base import CodecUnavailable
from audiocodecs.encodec.entropy.settings import LanguageModelSettings

KEY = "language_model"
FORMAT = 1
LARGEST = 127
_SCALE = ".scale"

Array = NDArray[Any]


@dataclass(frozen=True)
class ExactWeights:
    """What an exact language model is made of.

    Attributes
    ----------
    settings : LanguageModelSettings
    tensors : dict of str to ndarray
        Matrices by their published names in int8, the scale of each row as `NAME.scale` in float32;
        biases and norms in float32.
    prefix : bytes
        First 8 bytes of the sha256 of the file that they come from.
    about : dict
        What training says of itself.
    """

    settings: LanguageModelSettings
    tensors: Mapping[str, Array]
    prefix: bytes
    about: Mapping[str, object] = field(default_factory=dict)

    def matrix(self, name: str) -> tuple[Array, Array]:
        """Int8 (rows, columns) and float32 (rows,)."""
        return self.tensors[name], self.tensors[name + _SCALE]


def quantised(state: Mapping[str, Array]) -> dict[str, Array]:
    """Tensors of `ExactWeights` from a float32 state dict."""
    found = {}
    for name, values in state.items():
        values = np.asarray(values, np.float32)
        if values.ndim == 1:
            found[name] = values
            continue
        wide = values.astype(np.float64)
        scale = (np.abs(wide).max(1) / LARGEST).astype(np.float32)
        scale[scale == 0] = 1
        rounded = np.rint(wide / scale[:, None].astype(np.float64))
        found[name] = np.clip(rounded, -LARGEST, LARGEST).astype(np.int8)
        found[name + _SCALE] = scale
    return found


def dequantised(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Float32 state dict whose `quantised` tensors are these."""
    return {
        name: values * tensors[name + _SCALE][:, None] if name + _SCALE in tensors else values
        for name, values in tensors.items()
        if not name.endswith(_SCALE)
    }


def save_weights(path: Path, settings: LanguageModelSettings, state: Mapping[str, Array], about: object) -> None:
    """Write a language model in integers, whole or not at all."""
    # One key: safetensors writes several in any order, and equal weights shall be equal files.
    metadata = {KEY: json.dumps({"format": FORMAT, "settings": asdict(settings), "about": about})}
    partial = path.with_name(path.name + ".part")
    save_file(quantised(state), partial, metadata=metadata)
    partial.replace(path)


@cache
def load_weights(path: Path) -> ExactWeights:
    """Read what `save_weights` wrote; the same file is read once.

    Raises
    ------
    CodecUnavailable
        If there is no such file, or it is damaged.
    """
    if not path.is_file():
        raise CodecUnavailable(f"There is no language model at {path}.", _AGAIN)
    digest = hashlib.sha256(path.read_bytes()).digest()
    try:
        with safe_open(path, "np") as file:
            about = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        settings = LanguageModelSettings(**about["settings"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CodecUnavailable(f"{path} does not hold a language model: {error}.", _AGAIN) from error
    return ExactWeights(settings, tensors, digest[:8], about.get("about", {}))


_AGAIN = "If it belongs to the package, install the package again; else give a file that training wrote."
