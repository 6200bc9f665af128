"""Discriminators beside the spectral codec: the published ones, fed at one level and with compressed spectra.

Trained against a codec that works already, discriminators of the published kind hardly learn on a CPU's
number of steps: crops differ in level by 25 dB, and a few low bins outweigh the rest. So both crops
of a pair are brought to the level of the original, and magnitudes are compressed by a power.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from audiocodecs.encodec.training.adversarial import (
    discriminator_loss,
    feature_matching_loss,
    generator_loss,
    judge_share,
)
from audiocodecs.encodec.training.discriminator import MultiScaleStftDiscriminator, StftDiscriminator, frozen

LEVEL = 0.1


@dataclass(frozen=True)
class AdversaryConfig:
    """The discriminators and how they learn.

    Attributes
    ----------
    windows : tuple of int
        Samples at the model's rate; none switches the discriminators off.
    channels : int
    crops : int
        How many crops of each batch they see.
    learning_rate : float
    probability : float
        How often they learn in a step.
    alone, ramp : int
        Steps in which only they learn, then steps over which their losses come in.
    compression : float
        Exponent of the magnitudes they see.
    """

    windows: tuple[int, ...] = ()
    channels: int = 16
    crops: int = 4
    learning_rate: float = 5e-4
    probability: float = 2 / 3
    alone: int = 150
    ramp: int = 300
    compression: float = 0.5


class CompressedStft(StftDiscriminator):
    """A scale that sees magnitudes to a power, phases as they are."""

    def __init__(self, window: int, channels: int, compression: float) -> None:
        super().__init__(window, channels)
        self.compression = compression

    def spectrum(self, audio: Tensor) -> Tensor:
        """Compressed STFT: (batch, n) to (batch, 2, frames, bins)."""
        parts = super().spectrum(audio)
        power = parts.square().sum(1, keepdim=True)
        return parts * (power + 1e-7) ** ((self.compression - 1) / 2)


class Adversary:
    """Discriminators with their optimizer."""

    def __init__(self, config: AdversaryConfig) -> None:
        self.config = config
        self.network = MultiScaleStftDiscriminator((), config.channels)
        self.network.discriminators.extend(
            CompressedStft(window, config.channels, config.compression) for window in config.windows
        )
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate, betas=(0.5, 0.9))
        self.steps = 0

    @property
    def strength(self) -> float:
        """Of its losses in the codec's step: 0 while it learns alone, then rising to 1."""
        return min(1.0, max(0.0, (self.steps - self.config.alone) / self.config.ramp))

    @property
    def alone(self) -> bool:
        """Whether only the discriminators learn yet."""
        return self.steps < self.config.alone

    def _pair(self, original: Tensor, decoded: Tensor) -> tuple[Tensor, Tensor]:
        original, decoded = original[: self.config.crops], decoded[: self.config.crops]
        level = original.square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-3)
        return original * (LEVEL / level), decoded * (LEVEL / level)

    def losses(self, original: Tensor, decoded: Tensor, bfloat16: bool) -> dict[str, Tensor]:
        """`features` and `adversarial` for the codec; audio (batch, channels, n)."""
        real, fake = self._pair(original, decoded)
        with frozen(self.network), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits, features = self.network(fake)
            with torch.no_grad():
                _, wanted = self.network(real)
        return {"features": feature_matching_loss(wanted, features), "adversarial": generator_loss(logits)}

    def learn(self, original: Tensor, decoded: Tensor, bfloat16: bool) -> dict[str, float]:
        """Make a step of the discriminators: their hinge loss and how often they are right."""
        real, fake = self._pair(original, decoded.detach())
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            real_logits, _ = self.network(real)
            fake_logits, _ = self.network(fake)
        loss = discriminator_loss(real_logits, fake_logits)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimizer.step()
        return {"hinge": float(loss.detach()), "right": float(judge_share(real_logits, fake_logits))}

    def state(self) -> dict[str, Any]:
        """All that `restore` needs."""
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(), "steps": self.steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps = state["steps"]
