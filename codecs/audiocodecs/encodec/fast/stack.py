"""Layers one after the other, in tiles that the processor's cache holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from audiocodecs.encodec.fast.elu import SCALE


class Layer(Protocol):
    """A layer that takes its input in pushes, and keeps what it needs of it in a state of its own kind."""

    def start(self) -> Any:
        """State before the first row."""

    def push(self, x: Tensor, state: Any, last: bool) -> Tensor:
        """Take rows, return those that are ready; all that remain after the last."""


@dataclass
class StackState:
    """The states of the layers, in their order."""

    layers: list[Any]


@dataclass(frozen=True)
class Stack:
    """Layers one after the other.

    Attributes
    ----------
    layers : tuple of Layer
    tile : int
        Rows of input to take through all layers before the next ones are taken.
    """

    layers: tuple[Layer, ...]
    tile: int

    def start(self) -> StackState:
        """State before the first row."""
        return StackState([layer.start() for layer in self.layers])

    def push(self, x: Tensor, state: StackState, last: bool) -> Tensor:
        """Take rows (n, in), return the rows (m, out) that are ready; all that remain after the last."""
        x = x * SCALE
        starts = range(0, len(x), self.tile) or range(1)
        done = [self._push(x[at : at + self.tile], state, last and at == starts[-1]) for at in starts]
        return torch.cat(done).div_(SCALE)

    def _push(self, x: Tensor, state: StackState, last: bool) -> Tensor:
        for layer, kept in zip(self.layers, state.layers, strict=True):
            x = layer.push(x, kept, last)
        return x
