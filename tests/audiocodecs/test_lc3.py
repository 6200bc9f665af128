from dataclasses import replace

import numpy as np
import pytest

from audiocodecs import audio, frames_file, metrics
from audiocodecs.base import CodecError
from audiocodecs.registry import get_codec


def roundtrip(spec, clip, rate):
    codec = get_codec(spec)
    encoded = codec.encode(clip, rate)
    found = codec.read(encoded.container)
    assert found == encoded
    return encoded, codec.decode(found)[0]


@pytest.mark.parametrize("spec", ["lc3@16", "lc3@32", "lc3@48", "lc3@64", "lc3@96"])
@pytest.mark.parametrize("name", ["speech_en_prompts", "speech_ga_words", "music_metal"])
def test_decoded_lc3_is_in_time_with_its_clip(excerpt, spec, name):
    clip = excerpt(name, 3)[:1, :-77]
    _, decoded = roundtrip(spec, clip, 48000)
    assert decoded.shape == clip.shape
    assert abs(audio.lag(clip, decoded, 48000)) <= 2
    assert abs(audio.envelope_lag(clip, decoded, 48000)) <= 0.001
    assert audio.loudness(decoded, 48000) == pytest.approx(audio.loudness(clip, 48000), abs=3)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 96000])
def test_any_sample_rate_comes_back_in_time(excerpt, rate):
    clip = excerpt("speech_en_prompts", 1.0371, rate)
    encoded, decoded = roundtrip("lc3@32", clip, rate)
    assert (encoded.rate, decoded.shape, decoded.dtype) == (rate, clip.shape, np.float32)
    assert abs(audio.lag(clip, decoded, rate)) <= max(1, 2 * rate / 48000)


@pytest.mark.parametrize(("kbps", "exact"), [(16, 16), (17, 16.8), (24, 24), (96, 96), (320, 320)])
def test_the_rate_is_that_of_whole_bytes_in_10_ms(excerpt, kbps, exact):
    clip = excerpt("speech_en_prompts", 2)
    encoded, _ = roundtrip(f"lc3@{kbps}", clip[:, :-480], 48000)  # a frame more carries the delayed end
    assert len(encoded.payload) == 200 * exact * 10 / 8
    assert encoded.kbps == pytest.approx(exact, rel=0.006)


def test_more_bits_sound_better(excerpt):
    clip = excerpt("speech_en_prompts", 3)
    figures = [metrics.measure("pesq", clip, roundtrip(f"lc3@{kbps}", clip, 48000)[1], 48000) for kbps in (16, 32, 96)]
    assert 2.5 < figures[0] < figures[1] < figures[2]
    assert figures[2] > 4.4


@pytest.mark.parametrize(("kbps", "most_hz"), [(32, 8000), (48, 12000), (64, 16000), (80, 24000)])
def test_the_bandwidth_is_that_of_the_setting_for_the_bitrate(kbps, most_hz):
    noise = (0.1 * np.random.default_rng(0).standard_normal((1, 96000))).astype(np.float32)
    _, decoded = roundtrip(f"lc3@{kbps}", noise, 48000)
    power = np.abs(np.fft.rfft(decoded[0])) ** 2
    hz = np.fft.rfftfreq(decoded.shape[1], 1 / 48000)
    assert power[hz > most_hz].sum() < 1e-4 * power.sum()
    assert power[(hz > 0.7 * most_hz) & (hz < 0.8 * most_hz)].sum() > 1e-2 * power.sum()


def test_the_channels_of_stereo_stay_apart_and_share_the_bitrate(excerpt):
    clip = excerpt("music_tabla", 2)
    clip[1] = 0
    encoded, decoded = roundtrip("lc3@64", clip, 48000)
    assert encoded.kbps == pytest.approx(64, rel=0.006)
    assert np.abs(decoded[1]).max() < 1e-4
    alone = roundtrip("lc3@32", clip[:1], 48000)[1]
    assert np.array_equal(decoded[:1], alone)


def test_stereo_that_the_bitrate_cannot_carry_is_refused(excerpt):
    with pytest.raises(CodecError, match="LC3 carries mono, not stereo"):
        get_codec("lc3@24").encode(excerpt("music_tabla", 1), 48000)


@pytest.fixture(scope="module")
def file(excerpt):
    return get_codec("lc3@32").encode(excerpt("speech_en_prompts", 1), 48000).container


def test_forged_frames_decode_to_some_sound(file):
    random, codec = np.random.default_rng(3), get_codec("lc3@32")
    known = frames_file.read(file, "lc3", "LC3")
    for _ in range(30):
        forged = frames_file.write(replace(known, payload=random.bytes(len(known.payload))))
        assert codec.decode(codec.read(forged))[0].shape == (1, 48000)


def test_the_version_names_the_libraries():
    assert "liblc3 1." in get_codec("lc3@32").version
    assert "soxr" in get_codec("lc3@32").version
