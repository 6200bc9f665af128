"""The fast layers compute what the modules compute, at every length, for both models and for other sizes of them."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from audiocodecs.encodec.fast import FastEncodec, kernels, torch_threads
from audiocodecs.encodec.fast.elu import SCALE, elu_into
from audiocodecs.encodec.fast.kernels import Convolution, FewOutputs, Windows
from audiocodecs.encodec.fast.model import PUSH_FRAMES
from audiocodecs.encodec.fast.norm import RowNorm
from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ, EncodecModel
from audiocodecs.encodec.seanet import HOP

LENGTHS = [1, 2, 7, 319, 320, 321, 2239, 2240, 2241, 5003, 24_000, 30_011]
QUICK_LENGTHS = [1, 321, 2239, 5003]
TOLERANCE = 1e-5


def assert_near(found, expected):
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=0, atol=TOLERANCE * float(expected.abs().max()))


@pytest.fixture(scope="module", params=["24 kHz", "48 kHz"])
def pair(request, ours, fast, theirs_48, fast_48):
    """The module and its fast form, and a clip batch of two."""
    if request.param == "24 kHz":
        clips = request.getfixturevalue("clips")
        return ours, fast, torch.stack([clips[name][:, 24_000:54_011] for name in ("speech_en_prompts", "music_metal")])
    model = EncodecModel(ENCODEC_48KHZ)
    model.load_state_dict(theirs_48.state_dict())
    clips = request.getfixturevalue("stereo_clips")
    return model.prepare(), fast_48, torch.stack([clips[name][:, 48_000:78_011] for name in sorted(clips)[:2]])


@pytest.mark.parametrize(
    "length", [pytest.param(n, marks=[] if n in QUICK_LENGTHS else pytest.mark.slow) for n in LENGTHS]
)
def test_latents_codes_and_samples_are_the_modules(pair, length):
    model, fast, clips = pair
    x = clips[:, :, :length]
    with torch.inference_mode():
        latents = model.encode_latents(x)
        assert_near(fast.encode_latents(x), latents)
        codes = model.quantize(latents, 8)
        assert torch.equal(fast.quantize(latents, 8), codes)
        assert torch.equal(fast.quantize(latents, 3), codes[:, :3])
        latents = model.dequantize(codes)
        assert_near(fast.dequantize(codes), latents)
        samples = model.decode_latents(latents)
        assert samples.std() > 0.01
        assert_near(fast.decode_latents(latents), samples)


@pytest.mark.slow
def test_a_clip_longer_than_is_worked_on_at_once_is_the_same(ours, fast, clips):
    x = clips["speech_en_prompts"][None, :, : PUSH_FRAMES * HOP + 2_345]
    assert x.shape[2] == PUSH_FRAMES * HOP + 2_345
    with torch.inference_mode():
        latents = ours.encode_latents(x)
        assert_near(fast.encode_latents(x), latents)
        assert_near(fast.decode_latents(latents), ours.decode_latents(latents))


def test_a_batch_gives_what_each_clip_gives(fast, clips):
    x = torch.stack([clip[:, :7_000] for clip in list(clips.values())[:3]])
    together = fast.encode_latents(x)
    for alone, latents in zip(x, together, strict=True):
        assert_near(fast.encode_latents(alone[None])[0], latents)


@pytest.mark.slow
def test_silence_and_very_loud_audio_are_the_same(pair):
    model, fast, clips = pair
    with torch.inference_mode():
        for gain in (0.0, 1e-8, 1e4):
            assert_near(fast.encode_latents(gain * clips), model.encode_latents(gain * clips))


@pytest.mark.parametrize("onednn", [True, False])
@pytest.mark.parametrize("published", [ENCODEC_24KHZ, ENCODEC_48KHZ], ids=lambda published: published.name)
def test_a_model_of_half_the_filters_is_the_same(published, onednn, monkeypatch):
    monkeypatch.setattr(kernels, "HAS_ONEDNN", onednn)
    torch.manual_seed(3)
    model = EncodecModel(replace(published, filters=16)).prepare()
    x = torch.randn(1, published.channels, 4_321)
    with torch.inference_mode():
        latents = model.encode_latents(x)
        fast = FastEncodec.of(model)
        assert_near(fast.encode_latents(x), latents)
        assert_near(fast.decode_latents(latents), model.decode_latents(latents))


def test_building_the_fast_form_leaves_the_module_as_it_was(ours, clips):
    x = clips["music_metal"][None, :, :3_000]
    with torch.inference_mode():
        before = ours.encode_latents(x)
        FastEncodec.of(ours).encode_latents(x)
        assert torch.equal(ours.encode_latents(x), before)


def test_a_model_on_another_device_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="on meta. Use the model itself"):
        FastEncodec.of(EncodecModel().prepare().to("meta"))


@pytest.mark.parametrize("size", [1, 15, 1000, 70_000])
def test_elu_is_torchs(size):
    x = torch.cat(
        [torch.linspace(-200, 200, size), torch.tensor([-0.0, 0.0, -1e-9, 1e-9, -float("inf"), float("inf")])]
    )
    found = elu_into(x * SCALE, torch.empty_like(x)) / SCALE
    torch.testing.assert_close(found, F.elu(x), rtol=1.2e-7, atol=1.2e-7)


@pytest.mark.parametrize("onednn", [True, False])
@pytest.mark.parametrize("windows", [1, 2, 50, 259])
@pytest.mark.parametrize(("kind", "outputs", "inputs", "kernel", "stride"), [
    (Convolution, 24, 16, 3, 1), (Convolution, 24, 16, 10, 5), (Convolution, 640, 16, 2, 1), (Convolution, 4, 3, 5, 2),
    (Windows, 24, 2, 7, 1), (Windows, 24, 3, 5, 2), (FewOutputs, 1, 16, 7, 1), (FewOutputs, 2, 16, 7, 1),
])  # fmt: skip
def test_every_kernel_is_a_convolution(kind, outputs, inputs, kernel, stride, windows, onednn, monkeypatch):
    monkeypatch.setattr(kernels, "HAS_ONEDNN", onednn)
    torch.manual_seed(windows)
    rows = torch.randn(windows * stride + kernel - stride, inputs)
    weight, bias = torch.randn(outputs, inputs, kernel), torch.randn(outputs)
    made = kind.of(weight, bias) if kind is FewOutputs else kind.of(weight, bias, stride)
    expected = F.conv1d(rows.t()[None].double(), weight.double(), bias.double(), stride)[0].t().float()
    assert_near(made(rows, windows), expected)


def test_the_group_norm_of_rows_is_the_modules_even_where_the_mean_is_large():
    torch.manual_seed(1)
    rows = 0.5 * torch.randn(9_001, 32) + 10
    norm = torch.nn.GroupNorm(1, 32)
    with torch.inference_mode():
        norm.weight += torch.randn(32)
        norm.bias += torch.randn(32)
        made = RowNorm.of(norm)
        found = made(rows * SCALE) / SCALE
        expected = norm.double()(rows.t()[None].double())[0].t().float()
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_threads_are_set_for_a_stretch_and_restored_after_an_error():
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(ZeroDivisionError), torch_threads(before + 1):
        torch.get_num_threads() // 0
    assert torch.get_num_threads() == before
    with pytest.raises(ValueError, match="at least one thread"), torch_threads(0):
        pass
