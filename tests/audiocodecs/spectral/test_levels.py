"""The level of stereo, which a coarse quantizer lowers."""

from __future__ import annotations

import numpy as np
import pytest

from audiocodecs import audio
from audiocodecs.registry import get_codec
from audiocodecs.spectral import levels


def side(samples):
    return samples[0] - samples[1]


def decibels(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))


@pytest.mark.parametrize("name", ["music_metal", "music_orchestral", "music_synth"])
def test_stereo_keeps_its_level_and_its_width(excerpt, name):
    clip = excerpt(name, 6)
    codec = get_codec("spectral_48khz@12")
    decoded, _ = codec.decode(codec.encode(clip, 48000))
    assert abs(audio.loudness(decoded, 48000) - audio.loudness(clip, 48000)) < 1
    assert abs(decibels(side(decoded)) - decibels(side(clip))) < 2


def test_without_the_rounds_the_side_is_too_quiet(excerpt, monkeypatch):
    clip = excerpt("music_orchestral", 6)
    codec = get_codec("spectral_48khz@12:entropy=none")
    monkeypatch.setattr(levels, "ROUNDS", 0)
    decoded, _ = codec.decode(codec.encode(clip, 48000))
    assert decibels(side(decoded)) < decibels(side(clip)) - 4


def test_the_level_does_not_jump_from_piece_to_piece(excerpt):
    clip = np.tile(excerpt("music_synth", 4), (1, 8))[:, : round(27.9 * 48000)]
    codec = get_codec("spectral_48khz@6:entropy=none")
    decoded, _ = codec.decode(codec.encode(clip, 48000))

    def error(start, stop):
        part = slice(round(start * 48000), round(stop * 48000))
        return decibels(side(decoded[:, part])) - decibels(side(clip[:, part]))

    assert abs(error(27.35, 27.85) - error(23.35, 23.85)) < 1  # the last piece begins at 27.3 s


def test_silence_stays_silent_and_a_short_clip_is_coded_as_it_is():
    codec = get_codec("spectral_48khz@12:entropy=none")
    silence = np.zeros((2, 96000), np.float32)
    assert np.abs(codec.decode(codec.encode(silence, 48000))[0]).max() < 0.01
    short = (0.1 * np.random.default_rng(1).standard_normal((2, 20000))).astype(np.float32)
    assert np.isfinite(codec.decode(codec.encode(short, 48000))[0]).all()
