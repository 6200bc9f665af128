"""Gives each loss its share of the gradient at the decoded audio, whatever its scale.

References
----------
A. Défossez, J. Copet, G. Synnaeve, Y. Adi, "High Fidelity Neural Audio Compression",
arXiv 2210.13438, section 3.4, eq. 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Balancer:
    """Adds gradients up as `total * weight_i / sum(weights) * g_i / average(|g_i|)`.

    Parameters
    ----------
    weights : mapping of str to float
        Shares by loss name.
    decay : float
        Of the moving average of each gradient's norm; 0.999 as published. It is corrected for its
        start, for each loss from the first step that it takes part in.
    total : float
        Norm of the sum, if the parts agree.
    per_item : bool
        Whether the norm is that of one item of the batch, averaged over the batch (as published), or that
        of the batch as a whole.
    epsilon : float
        Least norm.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        decay: float = 0.999,
        total: float = 1.0,
        per_item: bool = False,
        epsilon: float = 1e-12,
    ) -> None:
        self.weights = dict(weights)
        self.decay, self.total, self.per_item, self.epsilon = decay, total, per_item, epsilon
        self.norms: dict[str, float] = {}
        self.steps: dict[str, int] = {}

    def gradient(
        self, losses: Mapping[str, Tensor], decoded: Tensor, weights: Mapping[str, float] | None = None
    ) -> Tensor:
        """Balanced gradient of `losses` at `decoded`, in the shape of `decoded`.

        Parameters
        ----------
        losses : mapping of str to Tensor
            Scalars that depend on `decoded`; those without a weight are left out.
        decoded : Tensor
            Leaf or not; its graph before it is not touched.
        weights : mapping of str to float, optional
            In place of the balancer's own, as while one of them is being raised. A loss of weight 0 takes
            no part.
        """
        asked = self.weights if weights is None else weights
        used = {name: weight for name, weight in asked.items() if weight > 0}
        gradients = {name: torch.autograd.grad(losses[name], [decoded], retain_graph=True)[0] for name in used}
        # all norms at once: reading a number makes the CPU wait for the GPU
        found = torch.stack([self._norm(gradient) for gradient in gradients.values()]).tolist() if used else []
        balanced = torch.zeros_like(decoded)
        for (name, gradient), norm in zip(gradients.items(), found, strict=True):
            average = self._follow(name, norm)
            balanced += gradient * (self.total * used[name] / max(average, self.epsilon))
        return balanced / sum(used.values())

    def _norm(self, gradient: Tensor) -> Tensor:
        norm: Tensor = gradient.flatten(1).norm(dim=1).mean() if self.per_item else gradient.norm()
        return norm

    def _follow(self, name: str, norm: float) -> float:
        self.steps[name] = self.steps.get(name, 0) + 1
        self.norms[name] = self.decay * self.norms.get(name, 0.0) + (1 - self.decay) * norm
        return self.norms[name] / (1 - self.decay ** self.steps[name])

    def state_dict(self) -> dict[str, Any]:
        """All that changes."""
        return {"norms": dict(self.norms), "steps": dict(self.steps)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`; in an older one, all losses share one count of steps."""
        self.norms = dict(state["norms"])
        steps = state["steps"]
        self.steps = dict.fromkeys(self.norms, steps) if isinstance(steps, int) else dict(steps)
