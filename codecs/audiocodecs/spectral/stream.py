"""Audio to codes and back in pieces, so that memory stays bounded however long the clip is.

Pieces give what the whole would give: each is run with the frames before it that the network can
see, and the one after. Only the level of stereo is kept piece by piece (`levels`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocodecs.spectral.levels import Levels
from audiocodecs.spectral.mdct import frame_count
from audiocodecs.spectral.model import KERNEL, SpectralModel
from audiocodecs.spectral.parametric import random_signs
from audiocodecs.spectral.quantizer import BASE

PIECE_FRAMES = 2048
LOST_NEPERS = 0.35
"""How far the bands of a lost frame lie below the last: 3 dB."""
SEARCH_WORK = 128
"""Codebooks times width of the encoder's search and channels: what keeps encoding faster than ten times real time."""


def search_width(codebooks: int, channels: int) -> int:
    """Beginnings that the search keeps: 8 up to 16 codebooks in mono and 8 in stereo, 2 at 32 in stereo."""
    return min(8, SEARCH_WORK // (codebooks * channels))


def _pieces(frames: int) -> Iterator[tuple[int, int]]:
    for start in range(0, frames, PIECE_FRAMES):
        yield start, min(frames, start + PIECE_FRAMES)


@torch.inference_mode()
def encode_audio(model: SpectralModel, samples: NDArray[np.float32], codebooks: int) -> NDArray[np.int64]:
    """Code audio at the model's rate.

    Parameters
    ----------
    model : SpectralModel
    samples : ndarray of float32, shape (channels, n)
    codebooks : int
        At least 2.

    Returns
    -------
    ndarray of int64, shape (codebooks, ceil(n / hop) + 1)
    """
    width = search_width(codebooks, len(samples))
    parts: list[NDArray[np.int64]] = []
    state: Tensor | None = None
    for latent in _latents(model, samples, codebooks):
        piece, state = model.quantizer.encode(latent, codebooks, state, width)
        parts.append(piece.T.numpy())
    return np.concatenate(parts, axis=1)


@torch.inference_mode()
def encode_every_count(
    model: SpectralModel, samples: NDArray[np.float32], mean: float
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Code audio with each number of codebooks from 2 on: what `rate_control.choose_codes` chooses from.

    Parameters
    ----------
    model : SpectralModel
    samples : ndarray of float32, shape (channels, n)
    mean : float
        Codebooks that frames will have on average.

    Returns
    -------
    codes : ndarray of int16, shape (ceil(n / hop) + 1, counts, codebooks)
        -1 where there is none.
    error : ndarray of float32, shape (ceil(n / hop) + 1, counts)
        Squared error of the latents.
    """
    width = search_width(model.config.quantizer.codebooks, len(samples))
    parts, errors = [], []
    state: Tensor | None = None
    for latent in _latents(model, samples, max(BASE, round(mean))):
        piece, error, state = model.quantizer.encode_every_count(latent, state, width)
        parts.append(piece.numpy().astype(np.int16))
        errors.append(error.numpy())
    return np.concatenate(parts), np.concatenate(errors)


def _latents(model: SpectralModel, samples: NDArray[np.float32], codebooks: int) -> Iterator[Tensor]:
    """Latents of all frames, (t, d) at a time, of which so many codebooks keep the level."""
    hop = model.config.hop
    channels, n = samples.shape
    frames = frame_count(n, hop)
    padded = torch.zeros(1, channels, (frames + 1) * hop)
    padded[0, :, hop : hop + n] = torch.from_numpy(samples)
    context = model.config.encoder_blocks * (KERNEL - 1)
    levels = Levels(model, codebooks)
    for start, stop in _pieces(frames):
        first, last = max(0, start - context), min(frames, stop + 1)
        mdct, mdst = model.analyse(padded[..., first * hop : (last + 1) * hop], padded=True)
        piece = slice(start - first, stop - first)
        power = model.parametric.band_power((mdct.square() + mdst.square()) / 2)[0, piece].mean(0)
        yield levels.raise_piece(model.latents(mdct, mdst)[0, piece], power)


@torch.inference_mode()
def decode_codes(model: SpectralModel, codes: NDArray[np.int64], samples: int) -> NDArray[np.float32]:
    """Audio of codes.

    Parameters
    ----------
    model : SpectralModel
    codes : ndarray of int64, shape (codebooks, ceil(samples / hop) + 1)
        -1 where a frame has no code of a codebook. A frame that was lost has none; it sounds as the one before, lower.
    samples : int
        Length of the audio at the model's rate.

    Returns
    -------
    ndarray of float32, shape (channels, samples)
    """
    frames = codes.shape[1]
    config, hop = model.config, model.config.hop
    context = config.decoder_blocks * (KERNEL - 1)
    every = torch.from_numpy(codes.T.copy())[None]
    counts = (every >= 0).sum(-1).clamp(min=BASE).float()
    lowered = torch.zeros_like(model.quantizer.prediction)
    bands = model.parametric.bands
    lowered[:bands] = model.parametric.band_weight * LOST_NEPERS
    out = np.empty((config.channels, (frames - 1) * hop), np.float32)
    past = torch.zeros(1, 0, len(model.quantizer.prediction))
    state: Tensor | None = None
    before: Tensor | None = None
    for start, stop in _pieces(frames):
        latent, state = model.quantizer.decode(every[:, start:stop], state, lowered)
        seen = torch.cat([past, latent], dim=1)
        behind = past.shape[1]
        past = seen[:, max(0, seen.shape[1] - context) :]
        if stop < frames:
            ahead, _ = model.quantizer.decode(every[:, stop : stop + 1], state, lowered)
            seen = torch.cat([seen, ahead], dim=1)
        signs = random_signs(start - behind, seen.shape[1], config.channels * hop)
        spectrum = model.spectrum(seen, counts[:, start - behind : start - behind + seen.shape[1]], signs)[
            :, behind : behind + stop - start
        ]
        joined = spectrum if before is None else torch.cat([before, spectrum], dim=1)
        audio = model.synthesise(joined)[0].numpy()
        begin = max(0, start - 1) * hop
        out[:, begin : begin + audio.shape[1]] = audio
        before = spectrum[:, -1:]
    return out[:, :samples]
