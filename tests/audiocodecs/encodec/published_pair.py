"""Our model beside the published package's, and what counts as the same codes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from audiocodecs.encodec.continuous import ContinuousEncoder, decode_continuous
from audiocodecs.encodec.ecdc import Segment
from audiocodecs.encodec.fast import FastEncodec
from audiocodecs.encodec.segments import SegmentEncoder, decode_segments, level, segment_frames, segment_lengths

ROUNDING = 1e-5
"""How far apart latents may be, in proportion to their length, by the order of sums alone."""


@dataclass(frozen=True)
class Pair:
    """The package's model and ours, with the same weights.

    Attributes
    ----------
    theirs : encodec.EncodecModel
    fast : FastEncodec
    clip : Tensor (channels, n)
    """

    theirs: Any
    fast: FastEncodec
    clip: torch.Tensor

    @property
    def settings(self):
        return self.fast.settings

    @torch.inference_mode()
    def their_codes(self, clip, kbps):
        """Segments that the package makes of a clip."""
        self.theirs.set_target_bandwidth(kbps)
        return [
            Segment(codes[0].numpy(), None if scale is None else float(scale))
            for codes, scale in self.theirs.encode(clip[None])
        ]

    @torch.inference_mode()
    def their_sound(self, segments):
        """Samples (channels, n) that the package makes of segments."""
        frames = [
            (torch.from_numpy(part.codes)[None], None if part.scale is None else torch.tensor([part.scale]))
            for part in segments
        ]
        return self.theirs.decode(frames)[0]

    def our_codes(self, clip, kbps):
        """Segments that our coders make of a clip."""
        n_q = self.settings.codebooks_at(kbps)
        if self.settings.segment_samples is None:
            encoder = ContinuousEncoder(self.fast, n_q)
            parts = encoder.push(clip) + encoder.finish()
            return [Segment(np.concatenate([part.codes for part in parts], axis=1))]
        encoder = SegmentEncoder(self.fast, self.settings, n_q)
        return encoder.push(clip) + encoder.finish()

    def our_sound(self, segments):
        """Samples (channels, n) that our decoders make of segments."""
        if self.settings.segment_samples is None:
            return torch.cat(list(decode_continuous(self.fast, segments)), dim=1)
        return torch.cat(list(decode_segments(self.fast, self.settings, segments)), dim=1)

    def latents(self, clip):
        """Of each segment, (frames, 128) in double precision."""
        found = []
        stride = self.settings.stride_samples or 0
        for index, length in enumerate(segment_lengths(clip.shape[1], self.settings)):
            x = clip[None, :, index * stride : index * stride + length]
            if self.settings.normalize:
                x = x / level(x)
            found.append(self.fast.encode_latents(x)[0].t().double())
        return found

    def assert_same_codes(self, clip, found, expected):
        """Fail unless they are equal but for close calls; returns how many frames have one.

        After the first code of a frame that differs, the later ones code something else.
        """
        frames = segment_frames(clip.shape[1], self.settings)
        assert [part.codes.shape[1] for part in found] == [part.codes.shape[1] for part in expected] == frames
        close = 0
        latents = None
        for index, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
            assert ours.codes.shape == theirs.codes.shape
            assert (ours.scale is None) == (theirs.scale is None)
            assert ours.scale is None or abs(ours.scale - theirs.scale) <= 1e-6 * theirs.scale
            for frame in np.flatnonzero((ours.codes != theirs.codes).any(axis=0)):
                latents = latents or self.latents(clip)
                self._assert_close_call(latents[index][frame], ours.codes[:, frame], theirs.codes[:, frame])
                close += 1
        assert close <= 1 + sum(frames) // 100
        return close

    def _assert_close_call(self, latent, ours, theirs):
        books = [book.vectors.double() for book in self.fast.quantizer.codebooks]
        first = int(np.flatnonzero(ours != theirs)[0])
        residual = latent - sum((books[k][ours[k]] for k in range(first)), torch.zeros_like(latent))
        one, other = books[first][ours[first]], books[first][theirs[first]]
        gap = abs((residual - one).pow(2).sum() - (residual - other).pow(2).sum())
        # Moving the latent by d changes the gap by at most 2 * |d| * |one - other|.
        assert gap <= 2 * ROUNDING * latent.norm() * (one - other).norm(), f"codebook {first}: {gap:.2e} apart"
