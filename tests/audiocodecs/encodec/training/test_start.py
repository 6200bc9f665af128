"""How weights begin."""

from __future__ import annotations

from dataclasses import replace

import torch

from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ, EncodecModel
from audiocodecs.encodec.training.start import enliven


def spread(model: EncodecModel, audio: torch.Tensor) -> float:
    """How far the latents move with the signal."""
    with torch.no_grad():
        return float(model.encoder(audio).var((0, 2)).mean().sqrt())


def test_the_latents_of_a_fresh_model_move_with_the_signal():
    torch.manual_seed(0)
    audio = 0.1 * torch.randn(2, 1, 24_000)
    model = EncodecModel(replace(ENCODEC_24KHZ, filters=16))
    before = spread(model, audio)
    enliven(model, 1.7)
    assert spread(model, audio) > 0.05
    assert spread(model, audio) > 20 * before


def test_group_norm_needs_no_help_and_gets_none():
    model = EncodecModel(replace(ENCODEC_48KHZ, filters=2))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    enliven(model, 1.7)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
