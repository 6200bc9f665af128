"""A small language model whose tables are far from equal, and codes that it finds likely."""

import numpy as np
import pytest
import torch

from audiocodecs.encodec.entropy.block_coding import BlockCoding
from audiocodecs.encodec.entropy.exact_model import ExactLanguageModel, Stepper
from audiocodecs.encodec.entropy.exact_weights import ExactWeights, quantised
from audiocodecs.encodec.entropy.language_model import LanguageModel
from audiocodecs.encodec.entropy.settings import LanguageModelSettings

SMALL = LanguageModelSettings(5, dim=48, layers=2, heads=4, hidden=192, past_context=30)
WITHIN = LanguageModelSettings(5, dim=48, layers=2, heads=4, hidden=192, past_context=30, within_frame=True)


def made(settings):
    """Random weights, some of them large."""
    torch.manual_seed(11)
    model = LanguageModel(settings)
    with torch.no_grad():
        for linear in model.linears:
            linear.weight.mul_(12)
        for layer in model.transformer.layers:
            layer.self_attn.in_proj_weight.mul_(3)
        if settings.within_frame:
            for embedding in model.within:
                embedding.weight.normal_(0, 0.2)
    return model.eval().requires_grad_(False)


def exact(model, prefix=b"language"):
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    return ExactLanguageModel(ExactWeights(model.settings, quantised(state), prefix))


@pytest.fixture(scope="session", params=[SMALL, WITHIN], ids=["as published", "within the frame"])
def float_model(request):
    return made(request.param)


@pytest.fixture(scope="session")
def exact_model(float_model):
    return exact(float_model)


@pytest.fixture(scope="session")
def coding(exact_model):
    return BlockCoding(exact_model)


@pytest.fixture(scope="session")
def likely(exact_model):
    """Codes drawn from the model itself, which starts anew every 20 frames: int64 (4, 95)."""
    random = np.random.default_rng(4)
    codes = np.zeros((4, 95), np.int64)
    for start in range(0, 95, 20):
        stepper, tokens = Stepper(exact_model, 1, 20), np.zeros((1, 4), np.int64)
        for frame in range(start, min(95, start + 20)):
            hidden = stepper.step(tokens)
            for k in range(4):
                ends = exact_model.ends(hidden, k)[0]
                codes[k, frame] = ends.searchsorted(random.integers(ends[-1]), "right")
                hidden = exact_model.within(hidden, k, codes[k, frame : frame + 1])
            tokens = codes[:, frame][None] + 1
    return codes
