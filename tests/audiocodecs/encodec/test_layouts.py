"""Weights in the layout of transformers give the same codes and samples as the same weights as published."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from audiocodecs.base import CodecUnavailable
from audiocodecs.encodec import checkpoints
from audiocodecs.encodec.layouts import in_transformers
from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ, EncodecModel
from audiocodecs.registry import get_codec

OF_BOTH = (ENCODEC_24KHZ, ENCODEC_48KHZ)


def small_weights(settings):
    torch.manual_seed(3)
    model = EncodecModel(replace(settings, filters=8))
    for codebook in model.quantizer.codebooks:
        codebook.embed.normal_(std=0.3)
    state = model.state_dict()
    for name in state:
        if name.endswith("weight_g"):
            state[name] *= 1.8  # as initialised, the latents hardly move with the signal
    return state


def earlier(name):
    """A name as versions of transformers before parametrized weights wrote it, and the published files have it."""
    return name.replace("parametrizations.weight.original0", "weight_g").replace(
        "parametrizations.weight.original1", "weight_v"
    )


@pytest.mark.parametrize(
    ("model", "spelling"),
    [
        pytest.param(ENCODEC_24KHZ, str, id="24 kHz", marks=pytest.mark.slow),
        pytest.param(ENCODEC_24KHZ, earlier, id="24 kHz, earlier names"),
        pytest.param(ENCODEC_48KHZ, str, id="48 kHz"),
    ],
)
def test_weights_of_transformers_give_the_same_codes_and_samples(tmp_path, model, spelling):
    state = small_weights(model)
    torch.save(state, tmp_path / "published.th")
    save_file({spelling(in_transformers(name)): value for name, value in state.items()}, tmp_path / "model.safetensors")
    sound = np.random.default_rng(1).normal(0, 0.1, (model.channels, model.rate // 4)).astype(np.float32)
    encoded, decoded = [], []
    for file in ("published.th", "model.safetensors"):
        codec = get_codec(f"{model.name}@6:weights={tmp_path / file}")
        encoded.append(codec.encode(sound, model.rate))
        decoded.append(codec.decode(encoded[-1])[0])
    assert encoded[0].payload == encoded[1].payload
    assert len(set(encoded[0].payload)) > 20
    assert np.array_equal(*decoded)
    assert np.abs(decoded[0]).max() > 0


def test_every_part_has_the_name_that_transformers_gives_it():
    names = {in_transformers(name) for name in small_weights(ENCODEC_24KHZ)}
    assert {
        "encoder.layers.0.conv.parametrizations.weight.original0",
        "encoder.layers.1.block.1.conv.parametrizations.weight.original1",
        "encoder.layers.1.shortcut.conv.bias",
        "encoder.layers.13.lstm.weight_ih_l0",
        "decoder.layers.3.conv.parametrizations.weight.original0",
        "quantizer.layers.31.codebook.embed",
    } < names
    assert {"encoder.layers.0.conv.weight", "encoder.layers.0.norm.weight", "decoder.layers.3.norm.bias"} < {
        in_transformers(name) for name in small_weights(ENCODEC_48KHZ)
    }


def test_a_file_of_another_layout_is_refused_with_the_two_that_work(tmp_path):
    save_file({"blocks.0.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    torch.save({"blocks.0.weight": torch.zeros(3)}, tmp_path / "other.th")
    (tmp_path / "text.th").write_text("no weights")
    for file in ("other.safetensors", "other.th", "text.th", "absent.th"):
        with pytest.raises(CodecUnavailable) as refused:
            get_codec(f"encodec_24khz@6:weights={tmp_path / file}")
        assert "the published checkpoint's (a plain state dict, saved with torch.save)" in refused.value.remedy
        assert "EncodecModel in transformers (model.safetensors)" in refused.value.remedy


def test_weights_of_the_other_model_are_recognised_in_both_layouts(tmp_path):
    for settings, other in (OF_BOTH, OF_BOTH[::-1]):
        state = small_weights(other)
        save_file({in_transformers(name): value for name, value in state.items()}, tmp_path / "other.safetensors")
        with pytest.raises(CodecUnavailable, match=f"laid out as those of {other.name}"):
            checkpoints.require_own(tmp_path / "other.safetensors", settings)
