"""Batches of prepared audio."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from audiocodecs.base import CodecError
from audiocodecs.encodec.training.data import Batches, DataConfig, reverberate

KINDS = {"music": ("tune",), "noise": ("noi*",)}


def constant(level, n=48_000):
    return np.full(n, level, np.int16)


def test_a_batch_depends_on_its_step_and_the_seed_alone(corpus):
    config = DataConfig((str(corpus),), samples=3000, batch=4, kinds=KINDS)
    batches = Batches(config, 24_000, 1, seed=1)
    expected = [batches.batch(step) for step in range(5, 9)]
    assert expected[0].shape == (4, 1, 3000)
    assert expected[0].dtype == np.float32
    for workers in (0, 2):
        again = Batches(DataConfig(**{**vars(config), "workers": workers}), 24_000, 1, seed=1)
        for got, wanted in zip(islice(again.after(5), 4), expected, strict=True):
            assert np.array_equal(got, wanted)
    assert not np.array_equal(expected[0], expected[1])
    assert not np.array_equal(Batches(config, 24_000, 1, seed=2).batch(5), expected[0])


def test_the_same_batch_comes_again_and_again_for_the_diagnosis(corpus):
    batches = Batches(DataConfig((str(corpus),), samples=3000, batch=2, same_batch=True), 24_000, 1, seed=1)
    assert np.array_equal(batches.batch(0), batches.batch(7))


def test_crops_are_of_one_two_or_three_sources_as_often_as_published(prepared):
    # constant sources of powers of two tell from the sum who is in it
    folder = prepared({"speech": (constant(1024), 24_000), "tune": (constant(2048), 24_000)})
    config = DataConfig(
        (str(folder),), samples=10, batch=3000, kinds={"music": ("dat?/tune",)}, quietest_db=0, loudest_db=0, reverb=0
    )
    levels = np.round(Batches(config, 24_000, 1, seed=0).batch(0)[:, 0, 0] * 32).astype(int)
    shares = {level: float(np.mean(levels == level)) for level in set(levels)}
    # speech alone .32 and music alone .32; two: 2, 3, 4; three without music: 3
    expected = {1: 0.32, 2: 0.32 + 0.06, 3: 0.12 + 0.12, 4: 0.06}
    assert shares == pytest.approx(expected, abs=0.03)


def test_gains_lie_between_minus_10_and_6_db_and_nothing_clips(prepared):
    folder = prepared({"loud": (constant(16_384), 24_000)})
    config = DataConfig((str(folder),), samples=10, batch=500, reverb=0, two=0, three=0)
    levels = 20 * np.log10(Batches(config, 24_000, 1, seed=0).batch(0)[:, 0, 0] / 0.5)
    assert levels.min() == pytest.approx(-10, abs=0.3)
    assert levels.max() == pytest.approx(6, abs=0.3)
    mixed = DataConfig((str(folder),), samples=10, batch=500, reverb=0, single=0, two=0)
    assert Batches(mixed, 24_000, 1, seed=0).batch(0).max() <= 1


def test_a_model_of_two_channels_gets_both_and_mono_sources_in_both(prepared):
    stereo = np.stack([constant(3000), constant(-1000)], axis=1)
    plain = {"samples": 10, "batch": 20, "reverb": 0, "single": 1, "two": 0, "three": 0}
    folder = prepared({"stereo": (stereo, 48_000)})
    batch = Batches(DataConfig((str(folder),), **plain), 48_000, 2, seed=0).batch(0)
    np.testing.assert_allclose(batch[:, 0], -3 * batch[:, 1], rtol=1e-5)
    batch = Batches(DataConfig((str(folder),), **plain), 48_000, 1, seed=0).batch(0)
    assert batch.shape == (20, 1, 10)
    folder = prepared({"mono": (constant(3000), 48_000)}, "mono")
    batch = Batches(DataConfig((str(folder),), **plain), 48_000, 2, seed=0).batch(0)
    assert np.array_equal(batch[:, 0], batch[:, 1])


def test_reverberation_fades_by_60_db_in_its_time_and_keeps_the_power():
    random = np.random.default_rng(0)
    click = np.zeros((1, 48_000), np.float32)
    click[0, 0] = 1
    wet = reverberate(click, 0.5, 24_000, random)[0]
    early, late = (10 * np.log10(np.mean(wet[s : s + 1200] ** 2)) for s in (1200, 6000))
    assert early - late == pytest.approx(60 * 4800 / 24_000 / 0.5, abs=4)
    assert np.sum(wet**2) == pytest.approx(1, rel=1e-3)
    speech = random.standard_normal((2, 24_000)).astype(np.float32)
    assert np.mean(reverberate(speech, 0.4, 24_000, random) ** 2) == pytest.approx(np.mean(speech**2), rel=1e-3)


def test_audio_that_is_missing_or_of_another_rate_is_said_to_be(prepared, tmp_path):
    with pytest.raises(CodecError, match=r"Run python -m audiocodecs\.spectral\.data"):
        Batches(DataConfig((str(tmp_path),)), 24_000, 1, seed=0)
    folder = prepared({"speech": (constant(1000), 24_000)})
    with pytest.raises(CodecError, match="prepared at 24000 Hz and this model has 48000 Hz"):
        Batches(DataConfig((str(folder),)), 48_000, 2, seed=0)
    with pytest.raises(CodecError, match="'tunes'"):
        Batches(DataConfig((str(folder),), kinds={"music": ("tunes",)}), 24_000, 1, seed=0)
    with pytest.raises(CodecError, match="no source is longer than a crop"):
        Batches(DataConfig((str(folder),), samples=96_000), 24_000, 1, seed=0)
