"""How weights begin, so that the signal passes from the first step on."""

from __future__ import annotations

import torch

from audiocodecs.encodec.conv import WeightNorm
from audiocodecs.encodec.model import EncodecModel


@torch.no_grad()
def enliven(model: EncodecModel, gain: float) -> None:
    """Raise the weights of a fresh model with weight norm by `gain` and set the biases of its convolutions to zero.

    As it is usually drawn, a convolution hands on a third of its input's power. After the encoder's dozen layers
    the latents hardly move with the signal, and the decoder learns from them nothing but a mean; quantized,
    they then collapse. With a gain near the root of three the power stays. Group norm keeps it by itself.
    """
    for module in model.modules():
        if isinstance(module, WeightNorm):
            module.weight_g.mul_(gain)
            module.bias.zero_()
