"""Losses between generator and discriminators (Défossez et al. 2022, eq. 3 and section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def discriminator_loss(real_logits: Sequence[Tensor], fake_logits: Sequence[Tensor]) -> Tensor:
    """Hinge loss of the discriminators, mean over scales: max(0, 1 - D(x)) + max(0, 1 + D(y)).

    It is 2 while they cannot tell, and 0 when they always can.
    """
    parts = [
        F.relu(1 - real).mean() + F.relu(1 + fake).mean() for real, fake in zip(real_logits, fake_logits, strict=True)
    ]
    return torch.stack(parts).mean()


def generator_loss(fake_logits: Sequence[Tensor]) -> Tensor:
    """Hinge loss of the generator, mean over scales: max(0, 1 - D(y))."""
    return torch.stack([F.relu(1 - fake).mean() for fake in fake_logits]).mean()


def feature_matching_loss(
    real_features: Sequence[Sequence[Tensor]], fake_features: Sequence[Sequence[Tensor]]
) -> Tensor:
    """Mean absolute difference of each hidden layer's output, divided by its mean |D(x)|; mean over layers and scales.

    No gradient goes to the real side.
    """
    parts = []
    for real_scale, fake_scale in zip(real_features, fake_features, strict=True):
        for real, fake in zip(real_scale, fake_scale, strict=True):
            # in the features' own precision, which may be bfloat16: half the memory to go through; sums are float32
            target = real.detach()
            difference = (fake - target).abs().mean(dtype=torch.float32)
            parts.append(difference / target.abs().mean(dtype=torch.float32).clamp(min=1e-8))
    return torch.stack(parts).mean()


def judge_share(real_logits: Sequence[Tensor], fake_logits: Sequence[Tensor]) -> Tensor:
    """How often the discriminators are right about the sign, 0.5 by chance: the figure to watch beside the loss."""
    with torch.no_grad():
        parts = [
            0.5 * ((real > 0).float().mean() + (fake < 0).float().mean())
            for real, fake in zip(real_logits, fake_logits, strict=True)
        ]
        return torch.stack(parts).mean()
