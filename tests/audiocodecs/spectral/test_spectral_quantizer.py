"""The residual vector quantizer: prediction, nested stages, learning."""

from __future__ import annotations

import pytest
import torch

from audiocodecs.spectral.quantizer import PredictiveResidualQuantizer, QuantizerConfig, kmeans, nearest, search


def _latents(segments: int = 40, frames: int = 60, size: int = 6) -> torch.Tensor:
    """Slowly moving dimensions first, independent ones last."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(segments, frames, size, generator=generator)
    out = noise.clone()
    for t in range(1, frames):
        out[:, t, :3] = 0.9 * out[:, t - 1, :3] + 0.44 * noise[:, t, :3]
    return out


def _quantizer(prediction: float) -> PredictiveResidualQuantizer:
    config = QuantizerConfig(codebooks=4, entries=16)
    weights = torch.tensor([prediction] * 3 + [0.0] * 3)
    quantizer = PredictiveResidualQuantizer(config, weights)
    quantizer.initialise(_latents(), torch.Generator().manual_seed(1))
    return quantizer


def _encode(quantizer: PredictiveResidualQuantizer, latent: torch.Tensor, count: int, width: int = 1) -> torch.Tensor:
    return torch.stack([quantizer.encode(clip, count, width=width)[0] for clip in latent])


def _error(quantizer: PredictiveResidualQuantizer, count: int, width: int = 1) -> float:
    decoded, _ = quantizer.decode(_encode(quantizer, _latents(), count, width))
    return float((_latents() - decoded).square().mean())


def test_every_stage_takes_error_away():
    quantizer = _quantizer(0.8)
    errors = [_error(quantizer, count) for count in (2, 3, 4)]
    assert errors[0] > errors[1] > errors[2]


def test_prediction_takes_error_away_where_frames_resemble_each_other():
    assert _error(_quantizer(0.8), 2) < 0.95 * _error(_quantizer(0.0), 2)


def test_a_wider_search_takes_error_away():
    quantizer = _quantizer(0.8)
    for count in (2, 4):
        assert _error(quantizer, count, width=8) < 0.98 * _error(quantizer, count)


def test_a_search_of_width_one_takes_the_nearest_entry_of_each_stage():
    quantizer = _quantizer(0.8)
    vectors = _latents()[0]
    codes, residual = search(vectors, quantizer.codebooks, 1)
    for stage, book in enumerate(quantizer.codebooks):
        chosen = nearest(vectors, book)
        assert torch.equal(codes[:, stage], chosen)
        vectors = vectors - book[chosen]
    assert torch.allclose(residual, vectors, atol=1e-6)


def test_fewer_codebooks_give_the_first_codes_of_more():
    quantizer = _quantizer(0.8)
    most = _encode(quantizer, _latents(), 4)
    for count in (2, 3):
        assert torch.equal(_encode(quantizer, _latents(), count), most[..., :count])


def test_decoding_in_two_parts_is_decoding_at_once():
    quantizer = _quantizer(0.8)
    codes = _encode(quantizer, _latents(), 4)
    whole, _ = quantizer.decode(codes)
    first, state = quantizer.decode(codes[:, :25])
    second, _ = quantizer.decode(codes[:, 25:], state)
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-6)


def test_encoding_in_two_parts_is_encoding_at_once():
    quantizer = _quantizer(0.8)
    clip = _latents()[0]
    whole, _ = quantizer.encode(clip, 4, width=4)
    first, state = quantizer.encode(clip[:25], 4, width=4)
    second, _ = quantizer.encode(clip[25:], 4, state, width=4)
    assert torch.equal(torch.cat([first, second]), whole)


def test_training_quantises_each_sample_with_its_own_number_of_codebooks():
    quantizer = _quantizer(0.8)
    latent = _latents()[:3]
    got = quantizer.quantize(latent, torch.tensor([2, 4, 3]), learn=False)
    for row, count in enumerate((2, 4, 3)):
        codes = _encode(quantizer, latent[row : row + 1], count)
        assert torch.allclose(got[row], quantizer.decode(codes)[0][0], atol=1e-5)


@pytest.mark.slow
def test_codebooks_follow_latents_that_move():
    quantizer = _quantizer(0.0)
    moved = _latents() + 3
    before = float((moved - quantizer.quantize(moved, torch.full((40,), 4), learn=False)).square().mean())
    for _ in range(400):
        quantizer.quantize(moved, torch.full((40,), 4))
        quantizer.update()
    after = float((moved - quantizer.quantize(moved, torch.full((40,), 4), learn=False)).square().mean())
    assert after < before / 2


def test_entries_that_nothing_uses_are_replaced():
    quantizer = _quantizer(0.0)
    quantizer.sums[3, :5] = 1e6 * quantizer.counts[3, :5, None]
    quantizer.counts[3, :5] = 0.001
    replaced = quantizer.update(_latents(), torch.Generator().manual_seed(2))
    assert replaced == 5
    assert float(quantizer.codebooks[3].abs().max()) < 10


def test_refining_takes_error_away():
    quantizer = _quantizer(0.8)
    quantizer.codebooks += 0.3 * torch.randn(quantizer.codebooks.shape, generator=torch.Generator().manual_seed(3))
    before = _error(quantizer, 4)
    quantizer.refine(_latents(), torch.Generator().manual_seed(4))
    assert _error(quantizer, 4) < 0.8 * before


def test_kmeans_finds_separate_clusters():
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = centres.repeat(50, 1) + 0.1 * torch.randn(150, 2, generator=generator)
    found = kmeans(points, 3, 10, generator, start=centres + 2)
    assert torch.allclose(found[nearest(centres, found)], centres, atol=0.1)


def test_every_count_has_the_codes_of_a_search_that_ends_there():
    quantizer = _quantizer(0.8)
    clip = _latents()[0]
    codes, error, state = quantizer.encode_every_count(clip, width=4)
    for place, count in enumerate((2, 3, 4)):
        alone, last = quantizer.encode(clip, count, width=4)
        assert torch.equal(codes[:, place, :count], alone)
        assert (codes[:, place, count:] == -1).all()
        decoded, _ = quantizer.decode(codes[None, :, place])
        assert torch.allclose(error[:, place], (clip - decoded[0]).square().sum(-1), atol=1e-4)
    assert torch.equal(state, last)


def test_more_codebooks_take_error_away_and_leave_the_first_as_they_were():
    few = _quantizer(0.8)
    more = PredictiveResidualQuantizer(QuantizerConfig(codebooks=6, entries=16), few.prediction)
    more.codebooks[:4] = few.codebooks
    more.extend(4, _latents(), torch.Generator().manual_seed(2))
    assert torch.equal(more.codebooks[:4], few.codebooks)
    assert _error(more, 6) < 0.8 * _error(more, 4)
