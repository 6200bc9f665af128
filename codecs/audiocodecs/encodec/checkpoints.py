"""The published checkpoints: what they are called, where they lie, whether they are whole, loading.

They are looked for in ENCODEC_MODEL_DIR, or else in `models/` under VAR_DIR, whose
default is `var/` beside the project. `python -m audiocodecs fetch` puts them there.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from audiocodecs.base import CodecUnavailable
from audiocodecs.encodec import layouts
from audiocodecs.encodec.fast import FastEncodec
from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ, EncodecModel, Settings
from audiocodecs.encodec.model_dir import model_dir

FETCH = "Run `make models` (`python -m audiocodecs fetch`), or set ENCODEC_MODEL_DIR to the folder that holds it."
CODE_LICENCE = "MIT (since April 2023)"
WEIGHTS_LICENCE = (
    "not stated in the repository that publishes them; the model card of the 48 kHz model elsewhere says MIT. "
    "Ask its authors before you pass them on"
)


@dataclass(frozen=True)
class Checkpoint:
    """A published file of weights.

    Attributes
    ----------
    name : str
        Name of the model; that of a language model begins with `encodec_lm`.
    file : str
    sha256 : str
        First hex digits of the file's sha256; the file's name ends in them.
    bytes : int
        Size, to three digits.
    """

    name: str
    file: str
    sha256: str
    bytes: int


PUBLISHED = {
    checkpoint.name: checkpoint
    for checkpoint in (
        Checkpoint("encodec_24khz", "encodec_24khz-d7cc33bc.th", "d7cc33bc", 93_100_000),
        Checkpoint("encodec_48khz", "encodec_48khz-7e698e3e.th", "7e698e3e", 76_300_000),
        Checkpoint("encodec_lm_24khz", "encodec_lm_24khz-1608e3c0.th", "1608e3c0", 62_200_000),
        Checkpoint("encodec_lm_48khz", "encodec_lm_48khz-7add9fc3.th", "7add9fc3", 35_900_000),
    )
}
"""The four published files; a language model serves the entropy coding of the model of its rate."""


@dataclass(frozen=True)
class Status:
    """Whether a checkpoint can be used.

    Attributes
    ----------
    checkpoint : Checkpoint
    path : Path
        Where it is, or would be.
    state : str
        "present", "absent" or "damaged".
    reason, remedy : str
        Sentences for the operator; both empty if it is present.
    """

    checkpoint: Checkpoint
    path: Path
    state: Literal["present", "absent", "damaged"]
    reason: str = ""
    remedy: str = ""


def status(checkpoint: Checkpoint = PUBLISHED["encodec_24khz"], directory: Path | None = None) -> Status:
    """Look for a checkpoint in `directory` (default `model_dir()`) and check its sha256.

    The hash is computed again only when the file has changed.
    """
    path = (directory or model_dir()) / checkpoint.file
    if not path.is_file():
        return Status(
            checkpoint, path, "absent", f"The EnCodec weights {checkpoint.file} are not in {path.parent}.", FETCH
        )
    try:
        found = sha256(path)
    except OSError as error:
        return Status(checkpoint, path, "damaged", f"{path} cannot be read: {error}.", "Make the file readable.")
    if not found.startswith(checkpoint.sha256):
        reason = f"{path} is damaged: its sha256 starts with {found[:8]}, not {checkpoint.sha256}."
        return Status(checkpoint, path, "damaged", reason, "Delete it. " + FETCH)
    return Status(checkpoint, path, "present")


def require(checkpoint: Checkpoint) -> Path:
    """Path of a checkpoint that is present and whole; raises CodecUnavailable."""
    found = status(checkpoint)
    if found.state != "present":
        raise CodecUnavailable(found.reason, found.remedy)
    return found.path


def require_own(path: Path, settings: Settings = ENCODEC_24KHZ) -> Path:
    """Path of a user's own weights, after a look at their layout; raises CodecUnavailable."""
    if not path.is_file():
        raise CodecUnavailable(f"There are no weights at {path}.", layouts.TWO_LAYOUTS)
    _check_layout(path, settings, *_stamp(path))
    return path


def sha256(path: Path) -> str:
    """Hex sha256 of a file, remembered until the file changes."""
    return _sha256(path, *_stamp(path))


def load(path: Path, settings: Settings = ENCODEC_24KHZ) -> EncodecModel:
    """Model with the weights of `path`, ready for inference; one per process and file.

    Parameters
    ----------
    path : Path
    settings : Settings
        Which model; the file says how many filters it has.

    Raises
    ------
    CodecUnavailable
        If the file does not hold this model in either of the two layouts of `layouts`.
    """
    with _loading:  # or two threads would load the same file at once
        return _load(path, settings, *_stamp(path))


def load_fast(path: Path, settings: Settings = ENCODEC_24KHZ) -> FastEncodec:
    """The same model, built for speed on the CPU; one per process and file."""
    model = load(path, settings)
    with _loading:
        return _fast(model)


def load_on(device: torch.device, path: Path, settings: Settings = ENCODEC_24KHZ) -> EncodecModel:
    """The same model on a GPU; one per process, file and device."""
    with _loading:
        return _load_on(device, path, settings, *_stamp(path))


_loading = threading.Lock()


def _stamp(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=16)
def _sha256(path: Path, mtime_ns: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=2)
def _load(path: Path, settings: Settings, mtime_ns: int, size: int) -> EncodecModel:
    state = _state(path, settings)
    model = EncodecModel(_with_filters(settings, state))
    model.load_state_dict(state)
    return model.prepare()


@lru_cache(maxsize=2)
def _load_on(device: torch.device, path: Path, settings: Settings, mtime_ns: int, size: int) -> EncodecModel:
    state = _state(path, settings)
    model = EncodecModel(_with_filters(settings, state))
    model.load_state_dict(state)
    return model.prepare().to(device)


@lru_cache(maxsize=2)
def _fast(model: EncodecModel) -> FastEncodec:
    return FastEncodec.of(model)


@lru_cache(maxsize=16)
def _check_layout(path: Path, settings: Settings, mtime_ns: int, size: int) -> None:
    _state(path, settings)


def _state(path: Path, settings: Settings) -> Mapping[str, Tensor]:
    try:
        state = layouts.read(path)
    except Exception as error:  # torch.load promises no set of errors for files that are not its own
        raise CodecUnavailable(f"{path} cannot be read as PyTorch weights: {error}.", layouts.TWO_LAYOUTS) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CodecUnavailable(f"{path} is not a plain state dict.", layouts.TWO_LAYOUTS)
    found = layouts.published(state, {**_expected(ENCODEC_24KHZ), **_expected(ENCODEC_48KHZ)})
    if fault := _fault(found, settings):
        raise CodecUnavailable(f"{path} does not hold weights of {settings.name}: {fault}.", layouts.TWO_LAYOUTS)
    return found


def _expected(settings: Settings) -> dict[str, Tensor]:
    """Entries of a model's state dict, without their values."""
    with torch.device("meta"):
        return EncodecModel(settings).state_dict()


_FIRST = "encoder.model.0.conv.conv."


def _with_filters(settings: Settings, state: Mapping[str, Tensor]) -> Settings:
    """The settings with the number of filters that the first weight shows, if it is one that a model can have."""
    weight = state.get(_FIRST + "weight_v", state.get(_FIRST + "weight"))
    filters = 0 if weight is None or weight.ndim != 3 else weight.shape[0]
    return replace(settings, filters=filters) if filters in (8, 16, 32, 64) else settings


def _fault(state: Mapping[str, Tensor], settings: Settings) -> str:
    for other in (ENCODEC_24KHZ, ENCODEC_48KHZ):
        if other.norm != settings.norm and _FIRST + _MARK[other.norm] in state:
            return f"they are laid out as those of {other.name}"
    expected = _expected(_with_filters(settings, state))
    if missing := [key for key in expected if key not in state]:
        return f"{len(missing)} entries are missing, the first {missing[0]}"
    if unknown := [key for key in state if key not in expected]:
        return f"{len(unknown)} entries are unknown, the first {unknown[0]}"
    for key, value in expected.items():
        if state[key].shape != value.shape:
            return f"{key} has the shape {tuple(state[key].shape)}, not {tuple(value.shape)}"
    return ""


_MARK = {"weight_norm": "weight_v", "time_group_norm": "weight"}
