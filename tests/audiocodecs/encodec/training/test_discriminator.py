"""The discriminators and their losses."""

from __future__ import annotations

import importlib
import sys
import types

import pytest
import torch
from torch import Tensor, nn

from audiocodecs.encodec.training.adversarial import discriminator_loss, feature_matching_loss, generator_loss
from audiocodecs.encodec.training.discriminator import (
    MultiScaleStftDiscriminator,
    StftDiscriminator,
    frozen,
    windows_at,
)


def test_a_scale_has_the_published_number_of_parameters():
    scales = MultiScaleStftDiscriminator().discriminators
    assert [sum(p.numel() for p in scale.parameters()) for scale in scales] == [94_466] * 5


class SpectrogramStandIn(nn.Module):
    """For torchaudio's, which is not there: with normalized=True it divides by the root of the window's power."""

    def __init__(self, n_fft, hop_length, win_length, window_fn, normalized, center, pad_mode, power):
        super().__init__()
        assert normalized
        assert not center
        assert power is None
        assert n_fft == win_length
        self.hop = hop_length
        self.register_buffer("window", window_fn(win_length))

    def forward(self, audio: Tensor) -> Tensor:
        frames = audio.unfold(-1, len(self.window), self.hop) * self.window
        return torch.fft.rfft(frames).transpose(-1, -2) / self.window.pow(2).sum().sqrt()


@pytest.fixture
def published_discriminator(package, monkeypatch):
    audio = types.ModuleType("torchaudio")
    audio.transforms = types.SimpleNamespace(Spectrogram=SpectrogramStandIn)
    monkeypatch.setitem(sys.modules, "torchaudio", audio)
    yield importlib.import_module("encodec.msstftd").MultiScaleSTFTDiscriminator
    sys.modules.pop("encodec.msstftd", None)


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
def test_it_judges_as_the_published_package_does_with_the_same_weights(published_discriminator):
    torch.manual_seed(0)
    theirs = published_discriminator(filters=4, n_ffts=[512, 128], hop_lengths=[128, 32], win_lengths=[512, 128])
    ours = MultiScaleStftDiscriminator((512, 128), channels=4)
    ours.load_state_dict({k: v for k, v in theirs.state_dict().items() if not k.endswith("window")})
    audio = torch.randn(2, 1, 3000)
    (logits, features), (their_logits, their_features) = ours(audio), theirs(audio)
    for mine, other in zip(logits, their_logits, strict=True):
        torch.testing.assert_close(mine, other)
    for mine, other in zip(sum(features, []), sum(their_features, []), strict=True):
        torch.testing.assert_close(mine, other)


def test_stereo_channels_are_judged_one_by_one():
    torch.manual_seed(0)
    judge = MultiScaleStftDiscriminator((256,), channels=4)
    audio = torch.randn(2, 2, 2000)
    together, _ = judge(audio)
    right, _ = judge(audio[:, 1:])
    torch.testing.assert_close(together[0][1::2], right[0])


def test_windows_are_doubled_at_48_khz():
    assert windows_at(24_000) == (2048, 1024, 512, 256, 128)
    assert windows_at(48_000) == (4096, 2048, 1024, 512, 256)


def test_audio_shorter_than_a_window_is_refused_with_both_lengths():
    with pytest.raises(ValueError, match="1000 samples is shorter than the longest window, 2048"):
        MultiScaleStftDiscriminator()(torch.zeros(1, 1, 1000))


@pytest.mark.slow
def test_they_learn_to_tell_noise_from_tones():
    torch.manual_seed(0)
    judge = MultiScaleStftDiscriminator((256, 128), channels=8)
    optimizer = torch.optim.Adam(judge.parameters(), 3e-3, betas=(0.5, 0.9))
    t = torch.arange(2400) / 24_000
    for _ in range(30):
        tones = 0.3 * torch.sin(2 * torch.pi * (200 + 2000 * torch.rand(4, 1, 1)) * t)
        noise = 0.2 * torch.randn(4, 1, 2400)
        loss = discriminator_loss(judge(tones)[0], judge(noise)[0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss) < 0.5


def test_hinge_losses_are_as_defined():
    real, fake = [torch.tensor([2.0, 0.5])], [torch.tensor([-2.0, 0.5])]
    assert float(discriminator_loss(real, fake)) == pytest.approx(0.25 + 0.75)
    assert float(generator_loss(fake)) == pytest.approx((3 + 0.5) / 2)


def test_feature_matching_is_relative_to_the_layers_level_and_moves_the_fake_side_only():
    real = torch.tensor([1.0, -3.0], requires_grad=True)
    fake = torch.tensor([2.0, -3.0], requires_grad=True)
    loss = feature_matching_loss([[real]], [[fake]])
    assert float(loss) == pytest.approx(0.5 / 2)
    loss.backward()
    assert real.grad is None
    assert fake.grad is not None
    assert fake.grad[0] > 0


def test_frozen_discriminators_pass_the_gradient_and_keep_none():
    judge = MultiScaleStftDiscriminator((128,), channels=4)
    audio = torch.randn(1, 1, 500, requires_grad=True)
    with frozen(judge):
        generator_loss(judge(audio)[0]).backward()
    assert audio.grad is not None
    assert float(audio.grad.abs().sum()) > 0
    assert all(p.grad is None and p.requires_grad for p in judge.parameters())


def test_with_an_exponent_magnitudes_are_compressed_and_phases_kept():
    audio = torch.randn(1, 500)
    plain, compressed = (StftDiscriminator(128, 4, exponent).spectrum(audio) for exponent in (1.0, 0.5))
    magnitude = plain.square().sum(1).sqrt()
    loud = magnitude > 0.1
    torch.testing.assert_close(compressed.square().sum(1).sqrt()[loud], magnitude.sqrt()[loud], rtol=1e-3, atol=0)
    torch.testing.assert_close(torch.atan2(*compressed[0])[loud[0]], torch.atan2(*plain[0])[loud[0]])
