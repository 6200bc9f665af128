import numpy as np
import pytest

from audiocodecs import audio
from audiocodecs.base import CodecError
from audiocodecs.registry import get_codec

MASK_RATES = [16000, 24000, 44100, 48000]


def response(spec, rate):
    """Level in dB at each frequency, from what the codec makes of an impulse; and what it made."""
    impulse = np.zeros((1, 1 << 14), np.float32)
    impulse[0, 1 << 13] = 1
    codec = get_codec(spec)
    filtered, _ = codec.decode(codec.encode(impulse, rate))
    spectrum = np.abs(np.fft.rfft(filtered[0].astype(np.float64), 1 << 17))
    return np.fft.rfftfreq(1 << 17, 1 / rate), 20 * np.log10(spectrum + 1e-12), filtered[0]


@pytest.mark.parametrize("rate", MASK_RATES)
def test_the_low_anchor_is_inside_the_mask_of_bs1534(rate):
    frequency, level, _ = response("lowpass@3500", rate)
    assert np.abs(level[frequency <= 3500]).max() <= 0.1
    assert level[frequency >= 4000].max() <= -25
    assert level[frequency >= 4500].max() <= -50


@pytest.mark.parametrize("rate", [24000, 32000, 44100, 48000, 96000])
def test_the_mid_anchor_is_as_steep_in_proportion(rate):
    frequency, level, _ = response("lowpass@7000", rate)
    assert np.abs(level[frequency <= 7000]).max() <= 0.1
    assert level[frequency >= 8000].max() <= -25
    assert level[frequency >= 9000].max() <= -50


def test_the_mid_anchor_at_16_khz_keeps_its_pass_band_and_falls_to_the_end():
    frequency, level, _ = response("lowpass@7000", 16000)
    assert np.abs(level[frequency <= 7000]).max() <= 0.1
    assert level[-1] <= -25


def test_where_there_is_nothing_to_take_away_the_samples_stay(excerpt):
    clip = excerpt("speech_en_prompts", 1, 8000)
    codec = get_codec("lowpass@7000")
    assert np.array_equal(codec.decode(codec.encode(clip, 8000))[0], clip)


@pytest.mark.parametrize("rate", MASK_RATES)
@pytest.mark.parametrize("spec", ["lowpass@3500", "lowpass@7000"])
def test_an_anchor_is_linear_phase_without_delay(spec, rate):
    _, _, filtered = response(spec, rate)
    middle = 1 << 13
    assert np.argmax(filtered) == middle
    assert np.allclose(filtered[middle + 1 : middle + 500], filtered[middle - 1 : middle - 500 : -1], atol=1e-7)


@pytest.mark.parametrize("name", ["speech_en_prompts", "music_tabla"])
@pytest.mark.parametrize("spec", ["reference", "lowpass@3500", "lowpass@7000"])
def test_the_anchors_of_a_clip_have_its_length_and_lag_nothing(excerpt, spec, name):
    clip = excerpt(name, 2)
    codec = get_codec(spec)
    decoded, rate = codec.decode(codec.encode(clip, 48000))
    assert (decoded.shape, rate, decoded.dtype) == (clip.shape, 48000, np.float32)
    assert audio.lag(clip, decoded, rate) == 0


def test_a_clip_that_starts_and_ends_in_sound_keeps_its_level_there():
    tone = np.cos(2 * np.pi * 500 * np.arange(4800) / 48000).astype(np.float32)[None]
    codec = get_codec("lowpass@3500")
    decoded, _ = codec.decode(codec.encode(tone, 48000))
    assert np.abs(decoded - tone).max() < 0.02


@pytest.mark.parametrize("n", [1, 2, 50])
def test_a_clip_of_a_few_samples_can_be_filtered(n):
    codec = get_codec("lowpass@3500")
    clip = np.full((2, n), 0.25, np.float32)
    assert np.allclose(codec.decode(codec.encode(clip, 48000))[0], clip, atol=1e-3)


def test_the_reference_is_the_clip_to_the_bit(excerpt):
    clip = excerpt("music_tabla", 1)
    codec = get_codec("reference")
    assert np.array_equal(codec.decode(codec.encode(clip, 48000))[0], clip)


@pytest.mark.parametrize("spec", ["reference", "lowpass@3500"])
def test_what_codes_nothing_has_no_rate_and_no_file(excerpt, spec):
    codec = get_codec(spec)
    encoded = codec.encode(excerpt("music_tabla", 1), 48000)
    assert (codec.nominal_kbps(codec.spec), encoded.kbps, encoded.container_kbps) == (None, None, None)
    with pytest.raises(CodecError, match="no file format"):
        codec.read(b"RIFF")


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (np.zeros((1, 0), np.float32), "0 samples"),
        (np.zeros((3, 100), np.float32), "mono or stereo, not 3"),
        (np.zeros(100, np.float32), "shape"),
        (np.full((1, 100), np.nan, np.float32), "NaN"),
    ],
)
def test_what_is_no_audio_is_refused(samples, says):
    with pytest.raises(CodecError, match=says):
        get_codec("lowpass@3500").encode(samples, 48000)
