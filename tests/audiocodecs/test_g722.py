import numpy as np
import pytest

from audiocodecs import audio
from audiocodecs.base import CodecError
from audiocodecs.registry import get_codec


def roundtrip(spec, clip, rate):
    codec = get_codec(spec)
    encoded = codec.encode(clip, rate)
    return encoded, codec.decode(encoded)[0]


@pytest.mark.parametrize("name", ["speech_en_prompts", "speech_ro_words", "music_tabla"])
def test_decoded_g722_is_in_time_with_its_clip_and_has_64_kbps(excerpt, name):
    clip = audio.to_channels(excerpt(name, 4)[:, :-13], 1)
    encoded, decoded = roundtrip("g722@64", clip, 48000)
    assert decoded.shape == clip.shape
    assert abs(audio.lag(clip, decoded, 48000)) <= 3
    assert abs(audio.envelope_lag(clip, decoded, 48000)) <= 0.001
    assert encoded.kbps == encoded.container_kbps == pytest.approx(64, rel=0.001)


def test_the_band_up_to_7_khz_is_kept_and_nothing_above(excerpt):
    clip = excerpt("speech_en_prompts", 3)
    decoded = roundtrip("g722@64", clip, 48000)[1]
    inside = [audio.resample(audio.resample(one, 48000, 14000), 14000, 48000) for one in (clip, decoded)]
    assert np.std(inside[1] - inside[0]) < 0.2 * np.std(inside[0])
    assert np.std(decoded - audio.resample(audio.resample(decoded, 48000, 16000), 16000, 48000)) < 1e-3


def test_what_exceeds_full_scale_is_clipped_and_does_not_wrap():
    clip = np.full((1, 4800), 1.5, np.float32)
    assert roundtrip("g722@64", clip, 16000)[1][:, 100:-100].min() > 0.9


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 96000])
def test_any_sample_rate_comes_back_in_time_with_its_length(excerpt, rate):
    clip = excerpt("speech_en_prompts", 1.0371, rate)
    encoded, decoded = roundtrip("g722@64", clip, rate)
    assert (encoded.rate, decoded.shape, decoded.dtype) == (rate, clip.shape, np.float32)
    assert abs(audio.lag(clip, decoded, rate)) <= max(1, rate / 1000)


@pytest.mark.parametrize("n", [1, 2, 16001, 16002])
def test_a_file_is_decoded_without_what_the_encoder_knew(n):
    clip = (0.1 * np.random.default_rng(0).standard_normal((1, n))).astype(np.float32)
    codec = get_codec("g722@64")
    encoded = codec.encode(clip, 16000)
    found = codec.read(encoded.container)
    assert (found.rate, found.channels, found.payload) == (16000, 1, encoded.payload)
    assert found.samples == n + n % 2
    assert np.array_equal(codec.decode(found)[0][:, :n], codec.decode(encoded)[0])


def test_a_file_without_sound_or_longer_than_an_hour_is_refused():
    codec = get_codec("g722@64")
    assert codec.read(bytes(3600 * 8000 + 11)).seconds == 3600
    for size, says in ((0, "cut off"), (11, "cut off"), (3600 * 8000 + 12, "longer than 3600 s")):
        with pytest.raises(CodecError, match=says):
            codec.read(bytes(size))


def test_the_version_names_the_libraries():
    for name in ("libavcodec 6", "PyAV", "soxr"):
        assert name in get_codec("g722@64").version
