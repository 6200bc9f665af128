"""Gains before attacks, against pre-echo."""

from __future__ import annotations

import numpy as np
import pytest

from audiocodecs import rvqf
from audiocodecs.registry import get_codec
from audiocodecs.spectral.transients import PARTS, apply, gains_before_attacks

HOP = 320


def clip_with_clicks(places, channels, rate, noise):
    random = np.random.default_rng(1)
    clip = (noise * random.standard_normal((channels, 2 * rate))).astype(np.float32)
    decay = np.exp(-np.arange(rate // 20) / (0.004 * rate))
    for place in places:
        start = round(place * rate)
        clip[:, start : start + len(decay)] += 0.4 * random.standard_normal(len(decay)) * decay
    return clip


@pytest.mark.parametrize(
    ("spec", "channels", "rate"), [("spectral_24khz@12", 1, 24000), ("spectral_48khz@12", 2, 48000)]
)
@pytest.mark.parametrize("noise", [0, 0.002])
def test_pre_echo_is_at_least_15_db_below_a_click(spec, channels, rate, noise):
    places = (0.5, 1.013, 1.5017)
    codec = get_codec(spec)
    clip = clip_with_clicks(places, channels, rate, noise)
    encoded = codec.encode(clip, rate)
    decoded, _ = codec.decode(codec.read(encoded.container))
    for place in places:
        start = round(place * rate)
        before = decoded[:, start - round(0.02 * rate) : start - round(0.002 * rate)]
        click = decoded[:, start : start + round(0.005 * rate)]
        assert 10 * np.log10(np.square(click).mean() / np.square(before).mean()) > 15


def test_the_gain_brings_what_comes_before_an_attack_down_to_the_original():
    original, decoded = np.full((2, 1, 10 * HOP), 1e-3, np.float32)
    attack = 5 * HOP + 3 * HOP // PARTS
    original[:, attack:] = decoded[:, attack:] = 0.5
    decoded[:, attack - 400 : attack] = 0.05
    gains = gains_before_attacks(original, decoded, HOP, most=9)
    assert np.flatnonzero(gains).tolist() == [4, 5]
    assert np.count_nonzero(gains_before_attacks(original, decoded, HOP, most=1)) == 1
    shaped = apply(decoded, gains, HOP)
    assert np.abs(shaped[:, 5 * HOP : attack - 20]).max() < 1.5e-3
    assert np.array_equal(shaped[:, attack:], decoded[:, attack:])
    assert np.array_equal(shaped[:, : 4 * HOP], decoded[:, : 4 * HOP])


def test_without_an_attack_there_is_no_gain(excerpt):
    steady = (0.1 * np.random.default_rng(0).standard_normal((1, 24000))).astype(np.float32)
    assert not gains_before_attacks(steady, 3 * steady, HOP, most=9).any()
    silence = np.zeros((2, 1000), np.float32)
    assert not gains_before_attacks(silence, silence, HOP, most=9).any()


def test_gains_take_a_small_part_of_the_lowest_rate():
    rate = 24000
    clip = np.zeros((1, 3 * rate), np.float32)
    clip[:, :: rate // 50] = 0.9
    codec = get_codec("spectral_24khz@1.5")
    encoded = codec.encode(clip, rate)
    assert encoded.kbps < 1.9


def test_a_gain_that_lasts_for_a_hop_goes_on_without_a_step_into_the_next():
    gains = np.zeros(4, np.uint8)
    gains[1], gains[2] = PARTS - 1 + PARTS * 4, 3 + PARTS * 4
    shaped = apply(np.ones((1, 4 * HOP), np.float32), gains, HOP)[0]
    assert np.abs(np.diff(shaped)).max() < 0.06
    assert shaped[2 * HOP - 5 : 2 * HOP + 5] == pytest.approx(10 ** (-12 / 20))
    assert shaped[2 * HOP + 4 * HOP // PARTS :] == pytest.approx(1)


def test_a_constant_rate_has_no_gains():
    codec = get_codec("spectral_24khz@6:entropy=none")
    encoded = codec.encode(clip_with_clicks((0.5,), 1, 24000, 0), 24000)
    assert rvqf.read_header(encoded.container).gains is False
