"""The two layouts in which EnCodec's weights are published: that of their authors, and that of transformers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

TWO_LAYOUTS = (
    "Give a file in one of two layouts: the published checkpoint's (a plain state dict, saved with torch.save), or "
    "that of EncodecModel in transformers (model.safetensors)."
)

_RENAMED = (
    (".model.", ".layers."),
    (".conv.conv.", ".conv."),
    (".convtr.convtr.", ".conv."),
    (".conv.norm.", ".norm."),
    (".convtr.norm.", ".norm."),
    ("quantizer.vq.", "quantizer."),
    ("._codebook.", ".codebook."),
)
_WEIGHT_NORM = (("parametrizations.weight.original0", "weight_g"), ("parametrizations.weight.original1", "weight_v"))


def in_transformers(key: str) -> str:
    """Name of an entry of the published layout in transformers, as its latest versions write it.

    >>> in_transformers("decoder.model.3.convtr.convtr.weight_g")
    'decoder.layers.3.conv.parametrizations.weight.original0'
    """
    key = _without_model(key)
    for theirs, ours in _WEIGHT_NORM:
        key = key.replace(ours, theirs)
    return key


def read(path: Path) -> object:
    """What a file of weights holds, by its content: safetensors, or else what `torch.save` wrote."""
    with path.open("rb") as file:
        start = file.read(9)
    if start[8:] == b"{":
        return load_file(path)
    # mmap: the tensors' bytes are read when they are used, so that a look at the layout is quick
    return torch.load(path, map_location="cpu", weights_only=True, mmap=start.startswith(b"PK"))


def published(state: Mapping[str, Tensor], keys: Iterable[str]) -> Mapping[str, Tensor]:
    """A state dict in the published layout, if it has that of transformers; itself otherwise.

    Parameters
    ----------
    state : mapping of str to Tensor
    keys : iterable of str
        Entries of the published layout. They tell convolutions from transposed ones, which transformers names alike.
    """
    if not any(name.startswith("encoder.layers.") for name in state):
        return state
    names = {_without_model(key): key for key in keys}
    return {names.get(plain := _plain(name), plain): value for name, value in state.items()}


def _without_model(key: str) -> str:
    for ours, theirs in _RENAMED:
        key = key.replace(ours, theirs)
    return key


def _plain(name: str) -> str:
    """A name in transformers without the detour of parametrized weights, which earlier versions do not have."""
    for theirs, ours in _WEIGHT_NORM:
        name = name.replace(theirs, ours)
    return name
