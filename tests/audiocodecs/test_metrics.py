import sys

import numpy as np
import pytest

from audiocodecs import metrics
from audiocodecs.metrics import METRICS, MetricError, MetricUnavailable, measure
from audiocodecs.registry import get_codec

RNG = np.random.default_rng(3)


def coded(spec, clip, rate=48000):
    codec = get_codec(spec)
    return codec.decode(codec.encode(clip, rate))[0]


@pytest.fixture(scope="module")
def speech(excerpt):
    return excerpt("speech_en_prompts", 4)


@pytest.mark.parametrize(
    ("name", "perfect"),
    [
        ("visqol", 4.732),
        ("visqol_speech", 4.6),
        ("pesq", 4.644),
        ("stoi", 1.0),
        ("si_sdr", 100.0),
        ("log_spectral_distance", 0.0),
        ("log_mel_distance", 0.0),
        ("mel_distance", 0.0),
    ],
)
def test_a_clip_against_itself_gets_the_best_figure(speech, name, perfect):
    assert measure(name, speech, speech, 48000) == pytest.approx(perfect, abs=0.15)


@pytest.mark.parametrize(
    "name", ["visqol_speech", "pesq", "stoi", "si_sdr", "log_spectral_distance", "log_mel_distance", "mel_distance"]
)
def test_every_metric_prefers_opus_at_24_to_opus_at_6(speech, name):
    good, bad = (measure(name, speech, coded(spec, speech), 48000) for spec in ("opus@24", "opus@6"))
    assert (good > bad) == METRICS[name].higher_is_better


def test_visqol_prefers_mp3_at_128_to_the_low_anchor_on_stereo_music(excerpt):
    clip = excerpt("music_metal", 3, 44100)
    good, bad = (measure("visqol", clip, coded(spec, clip, 44100), 44100) for spec in ("mp3@128", "lowpass@3500"))
    assert good > 4 > 3 > bad


@pytest.mark.parametrize("decibels", [-10, 0, 20])
def test_si_sdr_of_added_noise_is_the_ratio_whatever_the_scale(decibels):
    signal, noise = RNG.standard_normal((2, 2, 48000))
    noise *= np.sqrt((signal**2).sum() / (noise**2).sum()) * 10 ** (-decibels / 20)
    for scale in (0.01, 1, 3):
        found = measure("si_sdr", signal.astype(np.float32), (scale * (signal + noise)).astype(np.float32), 48000)
        assert found == pytest.approx(decibels, abs=0.2)


@pytest.mark.parametrize(
    ("name", "unit"), [("log_spectral_distance", 1.0), ("log_mel_distance", 1.0), ("mel_distance", 20.0)]
)
@pytest.mark.parametrize("rate", [8000, 24000, 48000])
def test_a_gain_of_six_decibels_is_a_distance_of_six(name, unit, rate):
    signal = (0.1 * RNG.standard_normal((1, 2 * rate))).astype(np.float32)
    assert unit * measure(name, signal, 2 * signal, rate) == pytest.approx(6.02, abs=0.05)


@pytest.mark.parametrize("name", METRICS)
def test_where_there_is_nothing_to_compare_a_metric_says_so(name):
    noise = (0.1 * RNG.standard_normal((1, 48000))).astype(np.float32)
    with pytest.raises(MetricError, match="reference is silent"):
        measure(name, np.zeros_like(noise), noise, 48000)
    with pytest.raises(MetricError, match="differ in shape"):
        measure(name, noise, noise[:, 1:], 48000)
    with pytest.raises(MetricError, match="NaN"):
        measure(name, noise, noise * np.nan, 48000)


@pytest.mark.parametrize("name", ["visqol", "visqol_speech", "pesq", "stoi"])
def test_too_short_or_silent_output_is_an_error_and_no_figure(name):
    noise = (0.1 * RNG.standard_normal((1, 48000))).astype(np.float32)
    with pytest.raises(MetricError, match=r"shorter than 0\.5 s"):
        measure(name, noise[:, :100], noise[:, :100], 48000)
    with pytest.raises(MetricError, match="silent"):
        measure(name, noise, np.zeros_like(noise), 48000)


def test_stoi_and_pesq_say_it_where_there_is_no_speech():
    click = np.zeros((1, 48000), np.float32)
    click[0, 100] = 1
    with pytest.raises(MetricError, match="too little that is not silence"):
        measure("stoi", click, click, 48000)


@pytest.mark.parametrize(
    ("name", "module"),
    [("visqol", "visqol"), ("visqol_speech", "ai_edge_litert"), ("pesq", "pesq"), ("stoi", "pystoi")],
)
def test_without_its_package_a_metric_is_unavailable_and_says_what_to_install(monkeypatch, speech, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MetricUnavailable, match=module) as caught:
        measure(name, speech, speech, 48000)
    assert caught.value.remedy.startswith("Run pip install")
    metrics.check("si_sdr")


def test_a_metric_that_is_not_there_is_refused_with_those_that_are(speech):
    with pytest.raises(MetricError, match="no metric 'mos'.*pesq"):
        measure("mos", speech, speech, 48000)
