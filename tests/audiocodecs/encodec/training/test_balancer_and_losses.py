"""The balancer, and the losses that compare audio."""

from __future__ import annotations

import pytest
import torch

from audiocodecs.encodec.training.balancer import Balancer
from audiocodecs.encodec.training.losses import FrequencyLoss, mel_filters, time_loss


def _two_losses(decoded):
    return {"a": 1000 * decoded[..., 0].sum(), "b": 0.01 * decoded[..., 1].sum()}


def test_each_loss_gets_its_share_of_the_gradient_whatever_its_scale():
    balancer = Balancer({"a": 3.0, "b": 1.0})
    decoded = torch.zeros(1, 2, requires_grad=True)
    for _ in range(3):
        gradient = balancer.gradient(_two_losses(decoded), decoded)
        torch.testing.assert_close(gradient, torch.tensor([[0.75, 0.25]]))


def test_a_norm_that_jumps_is_followed_by_the_corrected_average():
    balancer = Balancer({"a": 1.0}, decay=0.9)
    decoded = torch.zeros(1, 1, requires_grad=True)
    balancer.gradient({"a": decoded.sum()}, decoded)
    gradient = balancer.gradient({"a": 3 * decoded.sum()}, decoded)
    average = (0.9 * 0.1 * 1 + 0.1 * 3) / (1 - 0.9**2)
    assert float(gradient.detach()) == pytest.approx(3 / average)


def test_a_loss_that_joins_later_gets_no_more_than_its_share():
    balancer = Balancer({"a": 1.0, "b": 1.0})
    decoded = torch.zeros(1, 2, requires_grad=True)
    for _ in range(50):
        alone = balancer.gradient(_two_losses(decoded), decoded, weights={"a": 1.0, "b": 0.0})
        torch.testing.assert_close(alone, torch.tensor([[1.0, 0.0]]))
    joined = balancer.gradient(_two_losses(decoded), decoded)
    torch.testing.assert_close(joined, torch.tensor([[0.5, 0.5]]))


def test_per_item_the_norm_does_not_depend_on_the_size_of_the_batch():
    for batch in (1, 8):
        decoded = torch.zeros(batch, 2, requires_grad=True)
        gradient = Balancer({"a": 1.0}, per_item=True).gradient({"a": decoded.sum()}, decoded)
        torch.testing.assert_close(gradient.norm(dim=1), torch.ones(batch))


def test_a_balancer_goes_on_from_its_state_and_from_that_of_older_checkpoints():
    decoded = torch.zeros(1, 2, requires_grad=True)
    first, second = Balancer({"a": 1.0, "b": 1.0}), Balancer({"a": 1.0, "b": 1.0})
    first.gradient(_two_losses(decoded), decoded)
    second.load_state_dict(first.state_dict())
    third = Balancer({"a": 1.0, "b": 1.0})
    third.load_state_dict({"norms": first.norms, "steps": 1})
    expected = first.gradient(_two_losses(decoded), decoded)
    assert torch.equal(second.gradient(_two_losses(decoded), decoded), expected)
    assert torch.equal(third.gradient(_two_losses(decoded), decoded), expected)


def test_mel_filters_overlap_without_gaps_where_bins_are_dense():
    filters = mel_filters(2048, 64, 24_000)
    assert filters.shape == (64, 1025)
    inside = filters.sum(0)[30:950]
    assert float(inside.min()) > 0.9
    assert float(inside.max()) < 1.1


def test_the_losses_are_nothing_for_equal_audio_and_grow_with_the_difference():
    torch.manual_seed(0)
    audio = 0.1 * torch.randn(2, 2, 4000)
    loss = FrequencyLoss(24_000)
    same = loss(audio, audio, log=True)
    assert float(same["frequency"]) < 1e-6
    assert float(time_loss(audio, audio)) == 0
    small, large = (loss(audio, audio + level * torch.randn_like(audio), log=True) for level in (0.001, 0.03))
    assert all(float(small[name]) < float(large[name]) for name in ("frequency", "log_mel"))


def test_the_frequency_loss_hears_magnitudes_and_not_phase():
    t = torch.arange(8000) / 24_000
    sine, cosine = (0.3 * f(2 * torch.pi * 1000 * t)[None, None] for f in (torch.sin, torch.cos))
    other = 0.3 * torch.sin(2 * torch.pi * 1500 * t)[None, None]
    loss = FrequencyLoss(24_000, windows=(512, 1024, 2048))
    assert float(loss(sine, cosine)["frequency"]) < 0.05 * float(loss(sine, other)["frequency"])
    assert float(time_loss(sine, cosine)) > 0.2


def test_silence_gives_a_finite_gradient():
    decoded = torch.zeros(1, 1, 4000, requires_grad=True)
    sum(FrequencyLoss(24_000)(torch.zeros(1, 1, 4000), decoded, log=True).values()).backward()
    assert torch.isfinite(decoded.grad).all()
