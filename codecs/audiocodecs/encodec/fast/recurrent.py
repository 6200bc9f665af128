"""The LSTM over frames, carrying its state from push to push."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from audiocodecs.encodec.lstm import SkipLSTM

MANY = 128
"""From so many frames at once on, torch's LSTM is faster than a loop: it lays out its weights anew in each call."""


@dataclass
class LstmState:
    """What the LSTM keeps between pushes.

    Attributes
    ----------
    hidden, cell : Tensor (layers, batch, channels)
    """

    hidden: Tensor
    cell: Tensor


@dataclass(frozen=True)
class LstmLayer:
    """Weights of one layer, in torch's order of gates: input, forget, cell, output.

    Attributes
    ----------
    inputs, recurrent : Tensor (channels, 4 * channels)
    bias : Tensor (4 * channels,)
    """

    inputs: Tensor
    recurrent: Tensor
    bias: Tensor

    def run(self, frames: Tensor, hidden: Tensor, cell: Tensor) -> Tensor:
        """Map (frames, batch, channels) to the same; `hidden` and `cell` (batch, channels) are brought up to date."""
        count, batch, channels = frames.shape
        gates = torch.addmm(self.bias, frames.reshape(-1, channels), self.inputs).view(count, batch, 4 * channels)
        out = torch.empty_like(frames)
        for gate, y in zip(gates, out, strict=True):
            gate.addmm_(hidden, self.recurrent)
            enter, keep, new, show = gate.chunk(4, 1)
            cell.mul_(keep.sigmoid()).addcmul_(enter.sigmoid(), new.tanh())
            torch.mul(show.sigmoid(), cell.tanh(), out=y)
            hidden = y
        return out


@dataclass(frozen=True)
class Lstm:
    """The layers, and their input added to what comes out.

    Attributes
    ----------
    module : nn.LSTM
        For many frames at once.
    layers : tuple of LstmLayer
        The same weights, for few.
    """

    module: nn.LSTM
    layers: tuple[LstmLayer, ...]

    @classmethod
    def of(cls, skip: SkipLSTM) -> Lstm:
        """Make of a module whose weights are final."""
        module = skip.lstm
        weights = {name: value.detach() for name, value in module.named_parameters()}
        layers = tuple(
            LstmLayer(
                inputs=weights[f"weight_ih_l{i}"].t(),
                recurrent=weights[f"weight_hh_l{i}"].t(),
                bias=weights[f"bias_ih_l{i}"] + weights[f"bias_hh_l{i}"],
            )
            for i in range(module.num_layers)
        )
        return cls(module, layers)

    def start(self, batch: int) -> LstmState:
        """State before the first frame."""
        shape = (self.module.num_layers, batch, self.module.hidden_size)
        return LstmState(torch.zeros(shape), torch.zeros(shape))

    def push(self, frames: Tensor, state: LstmState) -> Tensor:
        """Map (frames, batch, channels) to the same shape."""
        if len(frames) >= MANY:
            y, (state.hidden, state.cell) = self.module(frames, (state.hidden, state.cell))
            return torch.add(frames, y)
        y = frames
        for layer, hidden, cell in zip(self.layers, state.hidden, state.cell, strict=True):
            y = layer.run(y, hidden, cell)
            if len(y):
                hidden.copy_(y[-1])
        return frames + y
