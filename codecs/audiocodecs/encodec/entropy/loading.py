"""Language models from files in the published layout."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from audiocodecs.base import CodecUnavailable
from audiocodecs.encodec.entropy.language_model import LanguageModel, LanguageModelSettings

_loading = threading.Lock()
_REMEDY = "Give a file in the layout of the published language model: a plain state dict, saved with torch.save."


def load_language_model(path: Path, settings: LanguageModelSettings) -> LanguageModel:
    """Language model with the weights of `path`, ready for inference; the last two stay in memory.

    Raises
    ------
    CodecUnavailable
        If the file is not there or not a state dict of such a model.
    """
    if not path.is_file():
        raise CodecUnavailable(f"There is no language model at {path}.", _REMEDY)
    stat = path.stat()
    with _loading:  # or two threads would load the same file at once
        return _load(path, settings, stat.st_mtime_ns, stat.st_size)


def read_state(path: Path, settings: LanguageModelSettings) -> Mapping[str, Tensor]:
    """State dict of `path`, its names and shapes as `settings` say; raises CodecUnavailable."""
    try:
        state: Mapping[str, Tensor] = torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except Exception as error:  # torch.load promises no set of errors for files that are not its own
        raise CodecUnavailable(f"{path} cannot be read as PyTorch weights: {error}.", _REMEDY) from error
    if fault := _fault(state, settings):
        raise CodecUnavailable(f"{path} does not hold a language model of that size: {fault}.", _REMEDY)
    return state


@lru_cache(maxsize=2)
def _load(path: Path, settings: LanguageModelSettings, mtime_ns: int, size: int) -> LanguageModel:
    model = LanguageModel(settings)
    model.load_state_dict(read_state(path, settings))
    return model.eval().requires_grad_(False)


def _fault(state: object, settings: LanguageModelSettings) -> str:
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        return "it is not a plain state dict"
    with torch.device("meta"):
        expected = LanguageModel(settings).state_dict()
    if missing := [key for key in expected if key not in state]:
        return f"{len(missing)} entries are missing, the first {missing[0]}"
    if unknown := [key for key in state if key not in expected]:
        return f"{len(unknown)} entries are unknown, the first {unknown[0]}"
    for key, value in expected.items():
        if state[key].shape != value.shape:
            return f"{key} has the shape {tuple(state[key].shape)}, not {tuple(value.shape)}"
    return ""
