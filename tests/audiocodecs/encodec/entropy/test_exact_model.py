import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from audiocodecs.base import CodecUnavailable
from audiocodecs.encodec.entropy import blas_threads, exact_layers, exact_tables
from audiocodecs.encodec.entropy.exact_layers import ExactAttention, ExactLinear, ExactNorm
from audiocodecs.encodec.entropy.exact_model import ExactLanguageModel, Stepper
from audiocodecs.encodec.entropy.exact_weights import ExactWeights, quantised


def test_the_tables_are_the_nearest_integers():
    found = exact_tables.exponentials(64, 16)
    expected = 65536 * np.exp(-np.arange(len(found) - 1) / 64)
    assert abs(found[:-1] - expected).max() <= 0.5
    assert found[-1] == 0
    steps, reach = 128, 12
    x = np.arange(-reach * steps, reach * steps + 1) / steps
    gelu = np.array([steps * value / 2 * math.erfc(-value / math.sqrt(2)) for value in x])
    assert abs(exact_tables.gelu(steps, reach) - gelu).max() <= 0.5
    phase = np.arange(400)[:, None] / 10_000 ** (np.arange(100) / 99)
    waves = 64 * np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
    assert abs(exact_tables.sinusoids(400, 200, 64) - waves).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(("columns", "spread"), [(48, 40), (800, 30), (800, 127)])
def test_a_product_is_exact_even_where_it_could_not_be_larger(columns, spread):
    random = np.random.default_rng(1)
    matrix = np.clip(np.rint(random.normal(0, spread, (40, columns))), -127, 127).astype(np.int8)
    matrix[0] = 127
    scale = np.full(40, 2.0**-6, np.float32)
    linear = ExactLinear(matrix, scale, np.zeros(40, np.float32), exact_layers.STEPS * 64)
    x = random.integers(-exact_layers.REACH, exact_layers.REACH + 1, (7, columns))
    x[0] = exact_layers.REACH
    expected = x @ matrix.astype(np.int64).T
    if abs(expected).max() < 1 << 24:
        np.testing.assert_array_equal(linear(x.astype(np.float32)), expected)
    np.testing.assert_allclose(linear(x.astype(np.float32)), expected, rtol=1e-7)
    for part in linear._parts:
        assert abs(part).sum(0).max() * exact_layers.REACH < 1 << 24


def test_norm_and_attention_are_those_of_torch_to_their_grid():
    random = np.random.default_rng(2)
    x = np.rint(random.normal(0, 3, (20, 48)) * exact_layers.SUM_STEPS).astype(np.float32)
    gain, bias = (random.normal(1, 0.3, 48).astype(np.float32) for _ in range(2))
    found = ExactNorm(gain, bias)(x) / exact_layers.STEPS
    expected = F.layer_norm(torch.from_numpy(x / exact_layers.SUM_STEPS), (48,), *map(torch.from_numpy, (gain, bias)))
    assert abs(found - expected.numpy()).max() <= 0.51 / exact_layers.STEPS
    q, k, v = (np.rint(random.normal(0, 2, (4, 30, 12)) * exact_layers.STEPS).astype(np.float32) for _ in range(3))
    found = ExactAttention(12)(q, k, v) / exact_layers.STEPS
    expected = F.scaled_dot_product_attention(*(torch.from_numpy(part / exact_layers.STEPS) for part in (q, k, v)))
    assert abs(found - expected.numpy()).max() < 0.03


def test_it_predicts_as_the_float_model_does(float_model, exact_model, likely):
    codes = likely[:, :60]
    with torch.no_grad():
        expected = float_model(torch.from_numpy(codes[None])).softmax(-1)[:, 0].numpy()
    hidden, lost = exact_model.hidden(codes), []
    for k, row in enumerate(codes):
        sizes = np.diff(exact_model.ends(hidden, k), axis=1, prepend=0)
        assert sizes.min() >= 1
        found = sizes / sizes.sum(1, keepdims=True)
        lost.append(np.where(expected[k] > 0, expected[k] * np.log2(expected[k] / found), 0).sum(1).mean())
        hidden = exact_model.within(hidden, k, row)
    entropy = -(expected * np.log2(np.maximum(expected, 1e-30))).sum(-1).mean()
    assert entropy < 8
    assert max(lost) < 0.05, lost


@pytest.mark.parametrize("frames", [1, 29, 30, 31, 32, 75])
def test_frame_by_frame_is_all_at_once(exact_model, likely, frames):
    codes = likely[:, :frames]
    hidden = exact_model.hidden(codes)
    stepper = Stepper(exact_model, 1, frames)
    tokens = np.zeros((1, 4), np.int64)
    for frame in range(frames):
        np.testing.assert_array_equal(stepper.step(tokens)[0], hidden[frame])
        tokens = codes[:, frame][None] + 1


def test_small_products_use_one_thread_and_the_others_what_they_had():
    library = blas_threads._library()
    if library is None:
        pytest.skip("numpy has another library for its matrix products")
    before = library.get()
    library.set(2)
    try:
        with blas_threads.one_blas_thread():
            assert library.get() == 1
            with blas_threads.one_blas_thread():
                pass
            assert library.get() == 1
        assert library.get() == 2
    finally:
        library.set(before)


def test_a_machine_whose_products_are_not_exact_is_noticed(float_model, monkeypatch):
    state = quantised({name: value.numpy() for name, value in float_model.state_dict().items()})
    weights = ExactWeights(float_model.settings, state, b"language")
    assert all(linear.is_exact() for layer in ExactLanguageModel(weights).layers for linear in layer.linears)

    class Bfloat16(np.ndarray):
        """Products as a library in a faster mode gives them."""

        def __rmatmul__(self, other):
            return (other @ np.asarray(self)).view(np.int32).__and__(-65536).view(np.float32)

    contiguous = np.ascontiguousarray
    monkeypatch.setattr(exact_layers.np, "ascontiguousarray", lambda array: contiguous(array).view(Bfloat16))
    with pytest.raises(CodecUnavailable, match="not exact"):
        ExactLanguageModel(weights)
