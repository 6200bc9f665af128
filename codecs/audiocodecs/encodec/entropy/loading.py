"""Language models from their files: the published ones, and those that our own training wrote."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from audiocodecs.base import CodecUnavailable
from audiocodecs.encodec.checkpoints import sha256
from audiocodecs.encodec.entropy.block_coding import BlockCoding
from audiocodecs.encodec.entropy.exact_model import ExactLanguageModel
from audiocodecs.encodec.entropy.exact_weights import ExactWeights, load_weights, quantised
from audiocodecs.encodec.entropy.language_model import LanguageModel
from audiocodecs.encodec.entropy.published_coding import PublishedCoding
from audiocodecs.encodec.entropy.settings import LanguageModelSettings

_loading = threading.Lock()
_REMEDY = "Give a file in the layout of the published language model: a plain state dict, saved with torch.save."


def block_coding(path: Path, settings: LanguageModelSettings | None = None) -> BlockCoding:
    """Entropy coding of RVQF blocks with the language model of a file; the last ones stay in memory.

    Parameters
    ----------
    path : Path
        What our training wrote, or with `settings` a state dict in the published layout.
    settings : LanguageModelSettings, optional

    Raises
    ------
    CodecUnavailable
        If the file is not there or not such a model.
    """
    return _block_coding(path, settings, *_stamp(path))


def segment_coding(path: Path, settings: LanguageModelSettings) -> PublishedCoding:
    """Entropy coding of ECDC segments with a language model in the published layout; raises CodecUnavailable."""
    return PublishedCoding(load_language_model(path, settings))


def load_language_model(path: Path, settings: LanguageModelSettings) -> LanguageModel:
    """Language model with the weights of `path`, ready for inference; the last two stay in memory.

    Raises
    ------
    CodecUnavailable
        If the file is not there or not a state dict of such a model.
    """
    return _load(path, settings, *_stamp(path))


def _stamp(path: Path) -> tuple[int, int]:
    if not path.is_file():
        raise CodecUnavailable(f"There is no language model at {path}.", _REMEDY)
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def _block_coding(path: Path, settings: LanguageModelSettings | None, mtime_ns: int, size: int) -> BlockCoding:
    with _loading:  # or two threads would load the same file at once
        return _cached_block_coding(path, settings, mtime_ns, size)


def _load(path: Path, settings: LanguageModelSettings, mtime_ns: int, size: int) -> LanguageModel:
    with _loading:
        return _cached_model(path, settings, mtime_ns, size)


@lru_cache(maxsize=2)
def _cached_block_coding(path: Path, settings: LanguageModelSettings | None, mtime_ns: int, size: int) -> BlockCoding:
    if settings is None:
        return BlockCoding(ExactLanguageModel(load_weights(path)))
    state = {name: value.float().numpy() for name, value in _state(path, settings).items()}
    prefix = bytes.fromhex(sha256(path)[:16])
    return BlockCoding(ExactLanguageModel(ExactWeights(settings, quantised(state), prefix)))


@lru_cache(maxsize=2)
def _cached_model(path: Path, settings: LanguageModelSettings, mtime_ns: int, size: int) -> LanguageModel:
    model = LanguageModel(settings)
    model.load_state_dict(_state(path, settings))
    return model.eval().requires_grad_(False)


def _state(path: Path, settings: LanguageModelSettings) -> Mapping[str, Tensor]:
    try:
        state: Mapping[str, Tensor] = torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except Exception as error:  # torch.load promises no set of errors for files that are not its own
        raise CodecUnavailable(f"{path} cannot be read as PyTorch weights: {error}.", _REMEDY) from error
    if fault := _fault(state, settings):
        raise CodecUnavailable(f"{path} does not hold a language model of that size: {fault}.", _REMEDY)
    return state


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
        if not state[key].isfinite().all():
            return f"{key} holds NaN or infinite numbers"
    return ""
