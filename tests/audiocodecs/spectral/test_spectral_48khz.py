"""What a user of spectral_48khz gets: stereo."""

from __future__ import annotations

import numpy as np
import pytest

from audiocodecs import audio, metrics
from audiocodecs.base import CodecError
from audiocodecs.registry import get_codec
from tests.audiocodecs.spectral.conftest import CLIPS

RATES = (3, 6, 12, 24)


@pytest.fixture(scope="module")
def music():
    """Three seconds of held-out music at 48 kHz, shape (2, n)."""
    found = audio.read(CLIPS / "music_orchestral.flac")
    return audio.resample(found.samples, found.rate, 48_000)[:, 48_000 : 4 * 48_000]


@pytest.fixture(scope="module")
def coded(music):
    codecs = {kbps: get_codec(f"spectral_48khz@{kbps}:entropy=none") for kbps in RATES}
    return {kbps: codec.encode(music, 48_000) for kbps, codec in codecs.items()}


@pytest.fixture(scope="module")
def decoded(coded):
    codec = get_codec("spectral_48khz@6")
    return {kbps: codec.decode(encoded)[0] for kbps, encoded in coded.items()}


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("n", [1, 639, 641, 9_001])
def test_any_rate_and_length_comes_back_with_its_length(music, rate, n):
    codec = get_codec("spectral_48khz@3")
    clip = audio.resample(music, 48_000, rate)[:, :n]
    found, back = codec.decode(codec.encode(clip, rate))
    assert (found.shape, back, found.dtype) == ((2, n), rate, np.float32)
    assert np.isfinite(found).all()


def test_the_measured_rate_is_the_rate_in_the_name(coded):
    for kbps, encoded in coded.items():
        assert encoded.kbps == pytest.approx(kbps, rel=0.01)


def test_every_rate_improves_on_the_one_below(music, decoded):
    for name in ("si_sdr", "mel_distance"):
        figures = [metrics.measure(name, music, decoded[kbps], 48_000) for kbps in RATES]
        assert figures == sorted(figures, reverse=not metrics.METRICS[name].higher_is_better), name


def test_decoded_music_is_aligned_and_as_loud(music, decoded):
    for kbps in (6, 12, 24):
        assert abs(audio.lag(music, decoded[kbps], 48_000)) <= 3
        change = 10 * np.log10(np.mean(decoded[kbps] ** 2) / np.mean(music**2))
        assert abs(change) < 4


def test_stereo_stays_stereo(music, decoded):
    narrow = music.copy()
    narrow[1] *= 0.1
    codec = get_codec("spectral_48khz@12")
    found, _ = codec.decode(codec.encode(narrow, 48_000))
    levels = [10 * np.log10(np.mean(x[0] ** 2) / np.mean(x[1] ** 2)) for x in (narrow, found)]
    assert 5 < levels[1] < levels[0] + 3


def test_channels_of_opposite_sign_are_not_lost(music):
    """A codec that looks at the mean of the channels would be silent here; this one is too quiet (its card says so)."""
    voice = music[:1]
    antiphase = np.concatenate([voice, -voice])
    codec = get_codec("spectral_48khz@12")
    found, _ = codec.decode(codec.encode(antiphase, 48_000))
    change = 10 * np.log10(np.mean(found**2) / np.mean(antiphase**2))
    assert -14 < change < 3
    assert np.corrcoef(found[0], found[1])[0, 1] < -0.8


def test_mono_is_refused_with_what_to_do():
    with pytest.raises(CodecError, match="stereo"):
        get_codec("spectral_48khz@6").encode(np.zeros((1, 100), np.float32), 48_000)


@pytest.mark.parametrize("kbps", [3, pytest.param(12, marks=pytest.mark.slow)])
def test_the_coded_rate_is_the_rate_in_the_name(music, kbps):
    codec = get_codec(f"spectral_48khz@{kbps}")
    encoded = codec.encode(music, 48_000)
    assert encoded.kbps == pytest.approx(kbps, rel=0.02)
    # Any setting of the codec reads it, as the file says how it was written.
    plain = get_codec("spectral_48khz@6:entropy=none")
    assert np.array_equal(plain.decode(plain.read(encoded.container))[0], codec.decode(encoded)[0])


@pytest.mark.parametrize("side", [0.0, -1.0, 3.0], ids=["equal channels", "swapped", "wide"])
def test_unusual_stereo_has_the_coded_rate_too(music, side):
    """The language model was trained on music as it is; what it does not expect costs codebooks, not the rate."""
    middle, difference = music[0] + music[1], side * (music[0] - music[1])
    clip = np.stack([middle + difference, middle - difference])[:, :48_000] / 4
    assert get_codec("spectral_48khz@12").encode(clip, 48_000).kbps == pytest.approx(12, rel=0.02)
