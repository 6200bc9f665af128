"""Keeping the level: what quantizing takes from loud regions is asked for on top.

A coarse quantizer shrinks: the decoded side signal and low frequencies come out too quiet. So the encoder decodes what
it would send, compares the power in a few regions with the original's, and raises the bands' log amplitudes in the
latents by what is missing, some rounds over. File and decoder know nothing of it.

Stereo alone: in mono at 6 kbit/s it brought the level from -1.0 to 0.0 LU and took 0.04 of PESQ and 0.26 of ViSQOL.
"""

from __future__ import annotations

import torch
from torch import Tensor

from audiocodecs.spectral.model import SpectralModel
from audiocodecs.spectral.parametric import random_signs

EDGES = (150.0, 600.0, 1500.0, 3000.0)
"""Borders of the regions of each signal, Hz. What lies above the last of them in the middle is only lowered: raised, it
made percussion worse (ViSQOL 3.6 to 3.0)."""
ROUNDS = 5
STEP = 0.8
LEAST, MOST = -0.3, 2.0
"""Limits of a rise, nepers."""
FEWEST_FRAMES = 75
"""One second: shorter pieces say little about levels, and from piece to piece the rise fades over as long."""
_SILENCE = 1e-7


def rise_of(model: SpectralModel, latent: Tensor, power: Tensor, count: int) -> Tensor:
    """How far the bands of a piece are raised, so that decoded audio has the power of the original: (bands,), nepers.

    Parameters
    ----------
    model : SpectralModel
    latent : Tensor, shape (t, d)
    power : Tensor, shape (bands,)
        Mean power of the original's bands over these frames.
    count : int
        Codebooks of each frame.

    """
    parametric, frames = model.parametric, len(latent)
    region = _regions(model)
    sums = torch.zeros(int(region.max()) + 1)
    most = torch.where(region == len(EDGES), 0.0, MOST)

    def by_region(bands: Tensor) -> Tensor:
        return sums.index_add(0, region, bands * parametric.widths)[region] + _SILENCE

    wanted = by_region(power)
    signs = random_signs(0, frames, parametric.width)
    counts = torch.full((1, frames), float(count))
    rise = torch.zeros(parametric.bands)
    for _ in range(ROUNDS):
        codes, _ = model.quantizer.encode(raised(model, latent, rise), count)
        spectrum = model.spectrum(model.quantizer.decode(codes[None])[0], counts, signs)
        got = by_region(parametric.band_power(spectrum.square()).mean((0, 1)))
        rise = (rise + STEP * 0.5 * torch.log(wanted / got)).clamp(min=LEAST).minimum(most)
    return rise


def raised(model: SpectralModel, latent: Tensor, rise: Tensor) -> Tensor:
    """Latents (t, d) whose bands are raised by (bands,), or by (t, bands)."""
    found = latent.clone()
    found[:, : rise.shape[-1]] += rise * model.parametric.band_weight
    return found


class Levels:
    """Raises the latents of a clip, piece by piece."""

    def __init__(self, model: SpectralModel, codebooks: int) -> None:
        self._model, self._codebooks = model, codebooks
        self._last: Tensor | None = None

    def raise_piece(self, latent: Tensor, power: Tensor) -> Tensor:
        """Latents of the next piece, (t, d), of which so many codebooks keep the level; `power` as in `rise_of`."""
        if self._model.config.channels == 1:
            return latent
        if len(latent) < FEWEST_FRAMES:
            return latent if self._last is None else raised(self._model, latent, self._last)
        rise = rise_of(self._model, latent, power, self._codebooks)
        before = rise if self._last is None else self._last
        share = (torch.arange(len(latent)) / FEWEST_FRAMES).clamp(max=1)[:, None]
        self._last = rise
        return raised(self._model, latent, torch.lerp(before, rise, share))


def _regions(model: SpectralModel) -> Tensor:
    """Region of each band, those of the middle first: int64 (bands,)."""
    parametric, config = model.parametric, model.config
    coefficient = torch.arange(parametric.width)
    hertz = (coefficient % config.hop) * (config.rate / 2 / config.hop)
    region = torch.bucketize(hertz, torch.tensor(EDGES)) + (len(EDGES) + 1) * (coefficient // config.hop)
    first = torch.searchsorted(parametric.index, torch.arange(parametric.bands))
    return region[first]
