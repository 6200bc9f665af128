"""Codes to bits and back with a language model, exactly as in the published ECDC files.

The format gives no protection: data that was written where a probability came out differently in its last bit
decodes to noise, or stops with an error. Our own files (docs/rvqf.md) use `exact_model` in its place.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from audiocodecs.encodec.entropy.arithmetic_coder import ArithmeticDecoder, ArithmeticEncoder, published_cdfs
from audiocodecs.encodec.entropy.language_model import LanguageModel, States


class PublishedCoding:
    """Codes the segments of ECDC files; for `ecdc.pack_segments` and `ecdc.unpack_entropy_coded`.

    Parameters
    ----------
    model : LanguageModel
    """

    def __init__(self, model: LanguageModel) -> None:
        self.model = model

    def encode(self, codes: NDArray[np.integer]) -> bytes:
        """Bytes of a segment's codes (n_q, frames)."""
        encoder = ArithmeticEncoder()
        states: States | None = None
        tokens = torch.zeros(1, len(codes), 1, dtype=torch.int64)
        for offset, column in enumerate(codes.T.tolist()):
            probabilities, states = self.model.step(tokens, states, offset)
            for code, cdf in zip(column, published_cdfs(probabilities), strict=True):
                encoder.push(code, cdf)
            tokens = torch.tensor(column).view(1, -1, 1) + 1
        return encoder.finish()

    def decode(self, data: bytes, start: int, n_q: int, frames: int) -> tuple[NDArray[np.int64], int]:
        """Codes (n_q, frames) of a segment whose bytes begin at `start` of `data`, and how many bytes it took.

        Raises
        ------
        CodecError
            If the data ends too early or does not fit the model.
        """
        decoder = ArithmeticDecoder(data, start)
        states: States | None = None
        tokens = torch.zeros(1, n_q, 1, dtype=torch.int64)
        columns: list[list[int]] = []
        for offset in range(frames):
            probabilities, states = self.model.step(tokens, states, offset)
            columns.append([decoder.pull(cdf) for cdf in published_cdfs(probabilities)])
            tokens = torch.tensor(columns[-1]).view(1, -1, 1) + 1
        return np.array(columns, np.int64).reshape(frames, n_q).T.copy(), decoder.consumed
