"""What training compares: magnitudes on the ear's scales, and phase where phase can be had.

Each loss takes reference and decoded audio, float32 (batch, n), and returns a scalar. Channels of
stereo come as a batch. Window lengths are those at 24 kHz; at 48 kHz they have twice the samples.
The balancer then gives each its share of the gradient, whatever its scale.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

AT_RATE = 24_000
"""Rate that the window lengths below are for, Hz."""


def mel_filters(window: int, mels: int, rate: int) -> Tensor:
    """Triangular filters of equal height on the mel scale (O'Shaughnessy): (mels, window // 2 + 1)."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    points = 700 * (10 ** (torch.linspace(0, top, mels + 2, dtype=torch.float64) / 2595) - 1)
    bins = torch.arange(window // 2 + 1, dtype=torch.float64) * rate / window
    rise = (bins - points[:-2, None]) / (points[1:-1] - points[:-2])[:, None]
    fall = (points[2:, None] - bins) / (points[2:] - points[1:-1])[:, None]
    return torch.minimum(rise, fall).clamp(min=0).float()


def audible(target: Tensor, share: float, least: float) -> Tensor:
    """What to add before a logarithm, so that differences far below a crop's loudest do not count: (batch, 1, 1).

    Without it much of the gradient asks for the exact level of silence.
    """
    return (share * target.amax((1, 2), keepdim=True)).clamp(min=least)


class MelLosses(nn.Module):
    """Differences of mel magnitudes over several window lengths.

    `mel`: mean absolute difference of log10, of what is `audible`.
    `loudness`: the same of the square root of magnitude, near the ear's loudness
    (power to the 0.25; Zwicker's exponent is 0.23), so that what is loud counts.
    """

    SCALES = ((2048, 80), (1024, 80), (512, 48), (256, 24))

    def __init__(self, rate: int) -> None:
        super().__init__()
        self.scales = [(window * rate // AT_RATE, mels) for window, mels in self.SCALES]
        for window, mels in self.scales:
            self.register_buffer(f"filters{window}", mel_filters(window, mels, rate), persistent=False)
            self.register_buffer(f"hann{window}", torch.hann_window(window), persistent=False)

    def _mel(self, audio: Tensor, window: int) -> Tensor:
        spectrum = torch.stft(
            audio, window, window // 4, window=getattr(self, f"hann{window}"), center=False, return_complex=True
        )
        magnitude = torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-10)
        filters: Tensor = getattr(self, f"filters{window}")
        return filters @ magnitude

    def forward(self, reference: Tensor, decoded: Tensor) -> dict[str, Tensor]:
        """Losses by name."""
        mel = decoded.new_zeros(())
        loudness = decoded.new_zeros(())
        for window, _ in self.scales:
            target, got = self._mel(reference, window), self._mel(decoded, window)
            floor = audible(target, 2e-3, 3e-3)
            mel = mel + ((target + floor).log10() - (got + floor).log10()).abs().mean()
            root = target.sqrt()
            loudness = loudness + (root - got.clamp(min=1e-6).sqrt()).abs().mean() / root.mean().clamp(min=1e-3)
        return {"mel": mel / len(self.scales), "loudness": loudness / len(self.scales)}


def erb_bands(window: int, bands: int, rate: int, low: float = 50.0) -> Tensor:
    """Which bins are in which of `bands` bands equally wide on the ERB scale: 0/1, (bands, window // 2 + 1).

    References
    ----------
    B. Glasberg, B. Moore, "Derivation of auditory filter shapes from notched-noise data", Hearing Research 47 (1990).
    """
    lowest, highest = (21.4 * math.log10(1 + 0.00437 * hertz) for hertz in (low, rate / 2))
    scale = torch.linspace(lowest, highest, bands + 1, dtype=torch.float64)
    edges = (10 ** (scale / 21.4) - 1) / 0.00437
    bins = torch.arange(window // 2 + 1, dtype=torch.float64) * rate / window
    return ((bins >= edges[:-1, None]) & (bins < edges[1:, None])).float()


class PowerLosses(nn.Module):
    """Differences of log power in auditory bands over long windows.

    `power`: mean absolute difference, cell by cell.
    `level`: the same of each band's mean power over the whole crop. What is uncertain comes out
    too quiet otherwise: the median of a log is far below the mean of a power.

    A band of a long window averages many independent values of a noise, so that noise of the right
    power costs little. Losses of finer resolution ask for less noise than there was: they alone
    leave speech hollow.
    """

    SCALES = ((2048, 32), (1024, 24))

    def __init__(self, rate: int) -> None:
        super().__init__()
        self.scales = [(window * rate // AT_RATE, bands) for window, bands in self.SCALES]
        for window, bands in self.scales:
            self.register_buffer(f"bands{window}", erb_bands(window, bands, rate), persistent=False)
            self.register_buffer(f"hann{window}", torch.hann_window(window), persistent=False)

    def _power(self, audio: Tensor, window: int) -> Tensor:
        spectrum = torch.stft(
            audio, window, window // 4, window=getattr(self, f"hann{window}"), center=False, return_complex=True
        )
        bands: Tensor = getattr(self, f"bands{window}")
        return bands @ (spectrum.real**2 + spectrum.imag**2) / window

    def forward(self, reference: Tensor, decoded: Tensor) -> dict[str, Tensor]:
        """Losses by name."""
        power = decoded.new_zeros(())
        level = decoded.new_zeros(())
        for window, _ in self.scales:
            target, got = self._power(reference, window), self._power(decoded, window)
            floor = audible(target, 3e-6, 1e-5)
            power = power + ((target + floor).log10() - (got + floor).log10()).abs().mean()
            means = [(x.mean(2, keepdim=True) + floor).log10() for x in (target, got)]
            level = level + (means[0] - means[1]).abs().mean()
        return {"power": power / len(self.scales), "level": level / len(self.scales)}


class WaveLoss(nn.Module):
    """Compressed complex spectrum below `top` Hz: where PESQ and ears hear the waveform.

    Magnitudes enter as their square root, so that the error is relative to the level as the
    quantizer's is.
    """

    WINDOWS = (512, 1024)

    def __init__(self, rate: int, top: float = 1600.0) -> None:
        super().__init__()
        self.windows = [window * rate // AT_RATE for window in self.WINDOWS]
        self.bins = [int(top * window / rate) for window in self.windows]
        for window in self.windows:
            self.register_buffer(f"hann{window}", torch.hann_window(window), persistent=False)

    def _low(self, audio: Tensor, window: int, bins: int) -> Tensor:
        spectrum = torch.stft(
            audio, window, window // 4, window=getattr(self, f"hann{window}"), center=False, return_complex=True
        )[:, 1 : bins + 1]
        parts = torch.view_as_real(spectrum)
        return parts * (parts.square().sum(-1, keepdim=True) + 1e-4) ** -0.25

    def forward(self, reference: Tensor, decoded: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """Losses by name; `weights` (batch,) says how much each sample's waveform counts."""
        total = decoded.new_zeros(())
        for window, bins in zip(self.windows, self.bins, strict=True):
            target, got = self._low(reference, window, bins), self._low(decoded, window, bins)
            error = (target - got).square().mean((1, 2, 3)) * weights
            total = total + error.mean() / target.square().mean().clamp(min=1e-3)
        return {"wave": total / len(self.windows)}
