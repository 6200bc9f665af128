"""Encoder and decoder over rows: a stack of layers on each side of the LSTM.

The stacks go through each item of a batch alone, which keeps a tile of it in the cache. The
LSTM takes all items at once, as each step reads all of its weights, for one item or many.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from audiocodecs.encodec import conv as plain
from audiocodecs.encodec import seanet
from audiocodecs.encodec.fast.conv import Conv
from audiocodecs.encodec.fast.recurrent import Lstm, LstmState
from audiocodecs.encodec.fast.residual import ResidualBlock
from audiocodecs.encodec.fast.stack import Layer, Stack, StackState
from audiocodecs.encodec.fast.transposed import ConvTranspose
from audiocodecs.encodec.lstm import SkipLSTM

TILE_FRAMES = 125
"""Frames to take through the layers at once. Measured: docs/speed.md."""


@dataclass
class HalfState:
    """State of an encoder or a decoder.

    Attributes
    ----------
    before, after : list of StackState
        Of each item of the batch.
    lstm : LstmState
    """

    before: list[StackState]
    lstm: LstmState
    after: list[StackState]


@dataclass(frozen=True)
class Half:
    """Encoder or decoder.

    Attributes
    ----------
    before : Stack
    lstm : Lstm
    after : Stack
    """

    before: Stack
    lstm: Lstm
    after: Stack

    @classmethod
    def of(cls, module: seanet.Encoder | seanet.Decoder, whole: bool) -> Half:
        """Make of a module whose weights are final; `whole` if it has to take all its input at once."""
        before: list[Layer] = []
        after: list[Layer] = []
        lstm: Lstm | None = None
        activated = False
        for part in module.model:
            layers = before if lstm is None else after
            if isinstance(part, nn.ELU):
                activated = True
                continue
            if isinstance(part, SkipLSTM):
                lstm = Lstm.of(part)
            elif isinstance(part, plain.Conv):
                layers.append(Conv.of(part, activated=activated))
            elif isinstance(part, plain.ConvTranspose):
                layers.append(ConvTranspose.of(part))
            elif isinstance(part, seanet.ResidualBlock):
                layers.append(ResidualBlock.of(part))
            else:
                raise TypeError(f"There is no fast layer for {type(part).__name__}.")
            activated = False
        if lstm is None:
            raise TypeError("The module has no LSTM.")
        samples = isinstance(module, seanet.Encoder)
        most = 1 << 40
        tiles = (TILE_FRAMES * seanet.HOP if samples else TILE_FRAMES, TILE_FRAMES)
        return cls(
            Stack(tuple(before), most if whole else tiles[0]), lstm, Stack(tuple(after), most if whole else tiles[1])
        )

    def start(self, batch: int) -> HalfState:
        """State before the first row of each of `batch` items."""
        return HalfState(
            [self.before.start() for _ in range(batch)],
            self.lstm.start(batch),
            [self.after.start() for _ in range(batch)],
        )

    def push(self, x: Tensor, state: HalfState, last: bool) -> Tensor:
        """Map (batch, channels, n) to the columns (batch, channels, m) that are ready."""
        frames = [self.before.push(item.t(), kept, last) for item, kept in zip(x, state.before, strict=True)]
        together = self.lstm.push(torch.stack(frames, dim=1), state.lstm)
        return torch.stack(
            [
                self.after.push(item.contiguous(), kept, last).t()
                for item, kept in zip(together.unbind(1), state.after, strict=True)
            ]
        )
