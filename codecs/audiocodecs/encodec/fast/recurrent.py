"""The LSTM over frames, carrying its state from push to push."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from audiocodecs.encodec.fast import kernels
from audiocodecs.encodec.lstm import SkipLSTM

_LSTM = 2  # number of the cell in torch's operator for oneDNN


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
class Lstm:
    """The layers, and their input added to what comes out.

    Attributes
    ----------
    module : nn.LSTM
    laid_out : tuple of tuple of Tensor
        Weights of each layer, of the input and of the last output, in the layout that oneDNN chose: torch's module
        lays them out anew in each call, which takes longer than 15 frames do. None without oneDNN.
    """

    module: nn.LSTM
    laid_out: tuple[tuple[Tensor, Tensor], ...]

    @classmethod
    def of(cls, skip: SkipLSTM) -> Lstm:
        """Make of a module whose weights are final."""
        module = skip.lstm
        if not kernels.HAS_ONEDNN:
            return cls(module, ())
        channels, laid_out = module.hidden_size, []
        for inputs, recurrent, *_ in module.all_weights:
            laid_out.append(
                torch.ops.mkldnn._reorder_mkldnn_rnn_layer_weight(
                    inputs.detach(), recurrent.detach(), channels, False, True, False, [1, 1, channels]
                )
            )
        return cls(module, tuple((inputs, recurrent) for inputs, recurrent in laid_out))

    def start(self, batch: int) -> LstmState:
        """State before the first frame."""
        shape = (self.module.num_layers, batch, self.module.hidden_size)
        return LstmState(torch.zeros(shape), torch.zeros(shape))

    def push(self, frames: Tensor, state: LstmState) -> Tensor:
        """Map (frames, batch, channels) to the same shape."""
        if not len(frames):
            return frames
        if not self.laid_out:
            y, (state.hidden, state.cell) = self.module(frames, (state.hidden, state.cell))
            return torch.add(frames, y)
        y = frames
        hidden, cell = [], []
        for at, (weights, (_, _, *biases)) in enumerate(zip(self.laid_out, self.module.all_weights, strict=True)):
            before = state.hidden[at : at + 1], state.cell[at : at + 1]
            y, last_hidden, last_cell, _ = torch.ops.aten.mkldnn_rnn_layer(
                y, *weights, *biases, *before, reverse=False, batch_sizes=[], mode=_LSTM,
                hidden_size=self.module.hidden_size, num_layers=1, has_biases=True, bidirectional=False,
                batch_first=False, train=False,
            )  # fmt: skip
            hidden.append(last_hidden)
            cell.append(last_cell)
        state.hidden, state.cell = torch.cat(hidden), torch.cat(cell)
        return torch.add(frames, y)
