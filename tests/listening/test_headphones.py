"""The sounds of the headphone tests have the published parameters, measured in the file that a rater gets."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pytest
import soundfile

from audiocodecs.loudness import loudness
from listening import headphones

RATES = [16000, 24000, 32000, 44100, 48000]
LOUDNESS = -26.0


@pytest.fixture(params=RATES)
def rate(request):
    return request.param


def heard(trial, rate, loudness=LOUDNESS, seed=1):
    """Samples of the WAV file, shape (n, 2)."""
    data = headphones.wav(headphones.sound(trial, rate, loudness, seed), rate)
    assert soundfile.info(io.BytesIO(data)).subtype == "PCM_16"
    samples, found = soundfile.read(io.BytesIO(data), always_2d=True)
    assert found == rate
    assert samples.shape[1] == 2
    return samples


def intervals(samples, rate):
    """First and last sample of each stretch of sound: a pause of 0.1 s or more parts two."""
    loud = np.flatnonzero(np.abs(samples).max(axis=1) > 0)
    ends = np.flatnonzero(np.diff(loud) > 0.1 * rate)
    return list(zip(loud[np.r_[0, ends + 1]], loud[np.r_[ends, -1]] + 1, strict=True))


def rms(samples):
    return np.sqrt(np.mean(samples**2, axis=0))


def db(ratio):
    return 20 * np.log10(ratio)


def middle(samples, first, last, rate, edge=0.1):
    """An interval without its ramps."""
    return samples[first + round(edge * rate) : last - round(edge * rate)]


@pytest.mark.parametrize(("test", "gap"), [("antiphase", 0.5), ("huggins", 1.0)])
def test_three_sounds_of_a_second_with_their_gaps(test, gap, rate):
    for trial in headphones.draw(test, seed=7):
        samples = heard(trial, rate)
        found = intervals(samples, rate)
        assert len(found) == 3
        near = 0.003 * rate  # the ramps begin below a step of 16 bits
        for first, last in found:
            assert last - first == pytest.approx(rate, abs=2 * near)
        for (_, last), (first, _) in zip(found, found[1:], strict=False):
            assert first - last == pytest.approx(gap * rate, abs=2 * near)
        for (first, _), start in zip(found, headphones.starts(test), strict=True):
            assert first == pytest.approx(start * rate, abs=near)
        assert np.abs(samples).max() < 1


def test_tones_of_200_hz_at_the_published_levels_and_phases(rate):
    for trial in headphones.draw("antiphase", seed=3):
        samples = heard(trial, rate)
        tones = {kind: middle(samples, *span, rate) for kind, span in zip(trial, intervals(samples, rate), strict=True)}
        full = rms(tones["full"])
        for kind, tone in tones.items():
            n = len(tone)
            spectrum = np.abs(np.fft.rfft(tone[:, 0] * np.hanning(n), n * 8))
            assert np.fft.rfftfreq(n * 8, 1 / rate)[spectrum.argmax()] == pytest.approx(200, abs=0.1)
            expected = -6 if kind == "quiet" else 0
            assert db(rms(tone) / full) == pytest.approx([expected, expected], abs=0.02)
            turned = np.corrcoef(tone.T)[0, 1]
            assert turned == pytest.approx(-1 if kind == "antiphase" else 1, abs=1e-6)
        in_the_air = {kind: rms(tone.sum(axis=1)) for kind, tone in tones.items()}
        assert in_the_air["antiphase"] < in_the_air["full"] / 1000
        assert db(in_the_air["quiet"] / in_the_air["full"]) == pytest.approx(-6, abs=0.02)


def test_tones_rise_and_fall_in_100_ms(rate):
    samples = heard(("full", "quiet", "antiphase"), rate)
    start = round(0.3 * rate)
    tone = samples[start : start + rate, 0]
    envelope = np.array([np.abs(tone[at : at + rate // 200]).max() for at in range(0, rate, rate // 200)])  # of 5 ms
    envelope /= envelope[30:170].max()
    for side in (envelope, envelope[::-1]):
        assert side[0] < 0.01
        assert side[9] == pytest.approx(0.5, abs=0.06)  # 45 to 50 ms, half way up
        assert side[16] < 0.97
        assert side[20:100].min() > 0.98


def test_all_noises_but_one_are_alike_in_both_ears(rate):
    for trial in headphones.draw("huggins", seed=11):
        samples = heard(trial, rate)
        noises = [samples[first:last] for first, last in intervals(samples, rate)]
        alike = [bool((noise[:, 0] == noise[:, 1]).all()) for noise in noises]
        assert alike.count(False) == 1
        assert alike.index(False) + 1 == headphones.right_answer(trial)
        for one, other in ((0, 1), (0, 2), (1, 2)):
            n = rate // 2
            assert abs(np.corrcoef(noises[one][1000:n, 0], noises[other][1000:n, 0])[0, 1]) < 0.1


def test_the_right_ear_is_turned_by_180_degrees_in_600_hz_and_6_percent_and_nowhere_else(rate):
    samples = heard(("noise", "pitch", "noise"), rate)
    start = round((0.3 + 1 + 1) * rate)
    noise = samples[start : start + rate]  # one second: bins of 1 Hz
    left, right = np.fft.rfft(noise, axis=0).T
    angle, hertz = np.abs(np.angle(right * np.conj(left))), np.arange(len(left))
    inside = (hertz >= 567) & (hertz <= 633)  # the noise's ramps blur by some Hz
    outside = ((hertz >= 50) & (hertz <= 560)) | (hertz >= 640)
    beside = outside & (hertz >= 545) & (hertz <= 655)
    assert np.mean(angle[inside] > np.radians(150)) > 0.95
    assert np.mean(angle[outside] < np.radians(10)) > 0.98
    assert np.mean(angle[beside] < np.radians(30)) > 0.9
    assert abs(db(np.sqrt((np.abs(right) ** 2).sum() / (np.abs(left) ** 2).sum()))) < 0.05
    for ear in (left, right):  # neither ear alone has the tone
        power = np.abs(ear) ** 2
        assert abs(db(np.sqrt(power[inside].mean() / power[300:1000].mean()))) < 2


def test_the_noise_is_white_and_gaussian(rate):
    samples = heard(("noise", "noise", "pitch"), rate)
    noise = middle(samples, *intervals(samples, rate)[0], rate)[:, 0]
    power = np.abs(np.fft.rfft(noise)) ** 2
    quarters = [part.mean() for part in np.array_split(power, 4)]
    assert 10 * np.log10(max(quarters) / min(quarters)) < 0.5
    assert np.mean((noise / noise.std()) ** 4) == pytest.approx(3, abs=0.15)


@pytest.mark.parametrize("wanted", [-40, -23, -14])
def test_both_are_about_as_loud_as_the_clips_and_never_clip(rate, wanted):
    for trial in (("full", "quiet", "antiphase"), ("noise", "pitch", "noise")):
        samples = heard(trial, rate, wanted)
        assert np.abs(samples).max() < 0.9
        first, last = intervals(samples, rate)[0]
        one_ear = samples[first:last, :1].T.astype(np.float32)
        assert loudness(one_ear, rate) == pytest.approx(wanted, abs=0.6)


def test_the_six_antiphase_trials_are_the_six_orders():
    for seed in range(20):
        trials = headphones.draw("antiphase", seed)
        assert len(set(trials)) == len(trials) == 6
        assert Counter(map(headphones.right_answer, trials)) == {1: 2, 2: 2, 3: 2}
        assert Counter(trial.index("antiphase") for trial in trials) == {0: 2, 1: 2, 2: 2}


def test_the_hidden_tone_is_drawn_for_each_trial():
    drawn = [tuple(map(headphones.right_answer, headphones.draw("huggins", seed))) for seed in range(600)]
    assert Counter(place for places in drawn for place in places) == pytest.approx({1: 1200, 2: 1200, 3: 1200}, abs=120)
    assert len(set(drawn)) > 350  # of 729


@pytest.mark.parametrize("test", ["antiphase", "huggins"])
def test_a_seed_gives_the_same_trials_and_each_attempt_others(test):
    attempts = [headphones.draw(test, 5, attempt) for attempt in range(1, 6)]
    assert attempts == [headphones.draw(test, 5, attempt) for attempt in range(1, 6)]
    assert len({tuple(attempt) for attempt in attempts}) == 5


@pytest.mark.parametrize("test", ["antiphase", "huggins"])
def test_files_of_a_test_have_one_length_and_one_header(test, rate):
    files = [
        headphones.wav(headphones.sound(trial, rate, LOUDNESS, seed), rate)
        for seed, trial in enumerate(headphones.draw(test, 9))
    ]
    assert len({len(file) for file in files}) == 1
    assert len({file[:44] for file in files}) == 1
    assert len(set(files)) == 6
