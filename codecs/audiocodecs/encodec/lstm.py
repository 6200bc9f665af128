"""The recurrent layer of EnCodec."""

from __future__ import annotations

from torch import Tensor, nn


class SkipLSTM(nn.Module):
    """Two LSTM layers on (batch, channels, frames), added to their input."""

    def __init__(self, channels: int, layers: int = 2) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, layers)

    def forward(self, x: Tensor) -> Tensor:
        """Run over all frames from the zero state."""
        frames_first = x.permute(2, 0, 1)
        y: Tensor = self.lstm(frames_first)[0] + frames_first
        return y.permute(1, 2, 0)
