"""Coding and decoding of a causal model's audio as it comes, in constant memory."""

from __future__ import annotations

import torch
from torch import Tensor

from audiocodecs.encodec.fast.model import PUSH_FRAMES, FastEncodec
from audiocodecs.encodec.fast.seanet import Half
from audiocodecs.encodec.seanet import HOP


class StreamingEncoder:
    """Samples in pushes of any size to codes, the same as of all samples at once.

    The first codes come after seven frames (2,240 samples, 93.3 ms), as the padding at the
    start mirrors what comes after it. From then on each frame comes with its last sample.

    Parameters
    ----------
    fast : FastEncodec
        Of a causal model. For one with segments there is `segments.SegmentEncoder`.
    n_q : int
        Codebooks.
    """

    def __init__(self, fast: FastEncodec, n_q: int) -> None:
        _check_causal(fast)
        self._fast, self._n_q = fast, n_q
        self._state = fast.encoder.start(1)
        self._finished = False

    @torch.inference_mode()
    def push(self, samples: Tensor) -> Tensor:
        """Take the next samples (channels, n); gives the codes (n_q, t) that are ready, t >= 0."""
        return self._codes(samples, last=False)

    @torch.inference_mode()
    def finish(self) -> Tensor:
        """The last codes, where the last samples do not fill a frame or were too few to begin."""
        codes = self._codes(torch.zeros(self._fast.settings.channels, 0), last=True)
        self._finished = True
        return codes

    def _codes(self, samples: Tensor, last: bool) -> Tensor:
        _check_open(self._finished)
        latents = _in_parts(self._fast.encoder, self._state, samples, PUSH_FRAMES * HOP, last)
        return self._fast.quantize(latents[None], self._n_q)[0]


class StreamingDecoder:
    """Codes in pushes of any size to samples, the same as of all codes at once.

    The first samples come with the seventh frame. From then on each frame gives its 320 at once.

    Parameters
    ----------
    fast : FastEncodec
        Of a causal model. For one with segments there is `segments.SegmentDecoder`.
    """

    def __init__(self, fast: FastEncodec) -> None:
        _check_causal(fast)
        self._fast = fast
        self._state = fast.decoder.start(1)
        self._given = 0
        self._finished = False

    @torch.inference_mode()
    def push(self, codes: Tensor) -> Tensor:
        """Take the next codes (n_q, t), from any leading codebooks; gives the samples (channels, n) that are ready."""
        _check_open(self._finished)
        samples = _in_parts(self._fast.decoder, self._state, self._fast.dequantize(codes[None])[0], PUSH_FRAMES, False)
        self._given += samples.shape[1]
        return samples

    @torch.inference_mode()
    def finish(self, total_samples: int | None = None) -> Tensor:
        """The last samples.

        Parameters
        ----------
        total_samples : int, optional
            Length of the clip, to cut off what its last frame has beyond it. What was given before stays given:
            a caller that gets a clip's last frame by `push` cuts it off there.
        """
        _check_open(self._finished)
        self._finished = True
        samples = _in_parts(self._fast.decoder, self._state, torch.zeros(128, 0), PUSH_FRAMES, True)
        return samples if total_samples is None else samples[:, : max(0, total_samples - self._given)]


def _in_parts(half: Half, state: object, x: Tensor, most: int, last: bool) -> Tensor:
    parts = x.split(most, dim=1)
    return torch.cat([half.push(part[None], state, last) for part in parts], dim=2)[0]


def _check_causal(fast: FastEncodec) -> None:
    if not fast.settings.causal:
        raise ValueError(f"{fast.settings.name} needs a whole segment at once. Use SegmentEncoder and SegmentDecoder.")


def _check_open(finished: bool) -> None:
    if finished:
        raise ValueError("This stream is finished. Make a new one for the next clip.")
