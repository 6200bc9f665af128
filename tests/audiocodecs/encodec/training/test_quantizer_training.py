"""How the residual quantizer learns."""

from __future__ import annotations

import pytest
import torch

from audiocodecs.encodec.quantizer import ResidualQuantizer
from audiocodecs.encodec.training.quantizer import QuantizerConfig, QuantizerTraining, kmeans, perplexity


@pytest.fixture
def generator():
    torch.manual_seed(0)
    return torch.Generator().manual_seed(0)


@pytest.fixture
def training():
    """Four codebooks in eight dimensions."""
    return QuantizerTraining(ResidualQuantizer(4, dimension=8), QuantizerConfig(kmeans_rounds=5))


def test_kmeans_lowers_the_error_and_uses_every_entry(generator):
    vectors = torch.randn(4000, 4)

    def error(centres):
        return float(torch.cdist(vectors, centres).min(1).values.square().mean())

    (start, _), (found, sizes) = (kmeans(vectors, 64, rounds, torch.Generator().manual_seed(0)) for rounds in (0, 50))
    assert error(found) < 0.75 * error(start)
    assert float(sizes.min()) > 0
    assert float(sizes.sum()) == 4000


def test_more_codebooks_leave_less_error(training, generator):
    latents = torch.randn(5000, 8)
    training.initialise(latents, 4, generator)
    batch = torch.randn(4, 8, 50)
    errors = [float((training.quantize(batch, n_q).latents - batch).square().mean()) for n_q in (1, 2, 4)]
    assert errors[0] > 1.3 * errors[1] > 1.3**2 * errors[2]


def test_it_codes_as_the_model_does(training, generator):
    training.initialise(torch.randn(1500, 8), 4, generator)
    latents = torch.randn(2, 8, 30)
    quantized = training.quantize(latents, 3)
    for item in range(2):
        codes = training.quantizer.encode(latents[item], 3)
        assert torch.equal(quantized.codes[:, item], codes)
        torch.testing.assert_close(quantized.latents[item], training.quantizer.decode(codes))


def test_the_gradient_passes_straight_through_the_sum(training, generator):
    training.initialise(torch.randn(1500, 8), 4, generator)
    latents = torch.randn(2, 8, 30, requires_grad=True)
    outside = torch.randn(2, 8, 30)
    training.quantize(latents, 4).latents.backward(outside)
    assert torch.equal(latents.grad, outside)


def test_the_commitment_gradient_reaches_every_codebook_and_not_the_first_alone(training, generator):
    training.initialise(torch.randn(1500, 8), 4, generator)
    latents = torch.randn(2, 8, 30, requires_grad=True)
    training.quantize(latents, 4).commitment.backward()
    # by hand: each codebook pulls what it was given to what it chose, those choices held
    residual, expected = latents.detach(), torch.zeros(2, 8, 30)
    for n_q in range(1, 5):
        missing = latents.detach() - training.quantize(latents.detach(), n_q).latents
        expected += 2 * missing / missing.numel() / 4
    torch.testing.assert_close(latents.grad, expected)
    residual = latents.detach() - training.quantize(latents.detach(), 1).latents
    first_alone = 2 * residual / residual.numel() / 4
    assert float((latents.grad - first_alone).norm()) > 0.5 * float(first_alone.norm())


def test_codebooks_follow_the_latents(training, generator):
    training.initialise(torch.randn(5000, 8), 2, generator)
    before = float(training.quantize(torch.randn(8, 8, 100) + 3, 2).commitment)
    for _ in range(100):
        training.quantize(torch.randn(8, 8, 100) + 3, 2, generator)
    after = float(training.quantize(torch.randn(8, 8, 100) + 3, 2).commitment)
    assert after < 0.3 * before


def test_a_codebook_does_not_move_where_the_latents_do_not(training, generator):
    latents = torch.randn(64, 8, 75)
    training.initialise(latents.transpose(1, 2).reshape(-1, 8), 1, generator)
    before = training.quantizer.codebooks[0].embed.clone()
    alive = training.quantizer.codebooks[0].cluster_size > 3
    training.quantize(latents, 1, generator)
    change = (training.quantizer.codebooks[0].embed - before)[alive].norm() / before[alive].norm()
    assert float(change) < 0.02


def test_dead_codes_get_vectors_of_the_batch_and_keep_them(training, generator):
    training.initialise(torch.randn(5000, 8), 1, generator)
    codebook = training.quantizer.codebooks[0]
    codebook.embed[:500] = 100.0
    codebook.embed_avg[:500] = 100.0
    codebook.cluster_size[:500] = 1.0
    assert training.quantize(torch.randn(8, 8, 100), 1, generator).replaced >= 500
    assert float(codebook.embed.abs().max()) < 10
    used = training.quantize(torch.randn(64, 8, 75), 1).codes
    assert perplexity(used, 1024) > 400


def test_without_a_generator_nothing_is_learned(training, generator):
    training.initialise(torch.randn(1500, 8), 4, generator)
    before = {name: tensor.clone() for name, tensor in training.quantizer.state_dict().items()}
    training.quantize(torch.randn(2, 8, 30), 4)
    assert all(torch.equal(before[name], tensor) for name, tensor in training.quantizer.state_dict().items())


def test_perplexity_counts_the_codes_in_use():
    assert perplexity(torch.arange(100).repeat(3), 1024) == pytest.approx(100, rel=1e-4)
    assert perplexity(torch.zeros(50, dtype=torch.int64), 1024) == pytest.approx(1)
