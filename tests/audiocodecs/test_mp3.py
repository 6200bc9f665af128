import numpy as np
import pytest

from audiocodecs import audio, lame
from audiocodecs.base import CodecError, UnknownCodec
from audiocodecs.registry import get_codec


def roundtrip(spec, clip, rate):
    codec = get_codec(spec)
    encoded = codec.encode(clip, rate)
    return encoded, codec.decode(encoded)[0]


@pytest.mark.parametrize("spec", ["mp3@64", "mp3@128"])
@pytest.mark.parametrize("name", ["speech_en_prompts", "music_tabla", "music_metal"])
def test_decoded_mp3_is_in_time_with_its_clip_and_of_its_length(excerpt, spec, name):
    clip = excerpt(name, 4)[:, :-13]
    encoded, decoded = roundtrip(spec, clip, 48000)
    assert decoded.shape == clip.shape
    assert abs(audio.lag(clip, decoded, 48000)) <= 2
    assert encoded.kbps == pytest.approx(float(spec[4:]), rel=0.02)
    assert encoded.kbps < encoded.container_kbps


@pytest.mark.parametrize("rate", [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 96000])
@pytest.mark.parametrize("spec", ["mp3@32", "mp3@320"])
def test_any_sample_rate_comes_back_in_time_with_its_length(excerpt, rate, spec):
    clip = excerpt("speech_en_prompts", 1.0371, rate)
    _, decoded = roundtrip(spec, clip, rate)
    assert decoded.shape == clip.shape
    assert abs(audio.lag(clip, decoded, rate)) <= 2


@pytest.mark.parametrize(
    ("rate", "channels", "kbps", "inside"),
    [
        *((48000, 2, 64, 24000), (48000, 2, 96, 32000), (48000, 2, 128, 48000), (44100, 2, 128, 44100)),
        *((48000, 1, 32, 22050), (48000, 1, 64, 48000), (16000, 1, 32, 16000), (8000, 1, 320, 32000)),
    ],
)
def test_the_rate_inside_is_the_one_that_lame_chooses(excerpt, rate, channels, kbps, inside):
    assert lame.choose(rate, channels, kbps).rate == inside
    clip = audio.to_channels(excerpt("music_tabla", 1, rate), channels)
    codec = get_codec(f"mp3@{kbps}")
    assert codec.read(codec.encode(clip, rate).container).rate == inside


@pytest.mark.parametrize(("spec", "gain_db"), [("mp3@64", -0.45), ("mp3@192", -0.26), ("mp3@320", 0)])
def test_the_level_that_lame_takes_away_is_given_back(excerpt, spec, gain_db):
    clip = excerpt("music_tabla", 4)
    assert 20 * np.log10(lame.choose(48000, 2, round(float(spec[4:]))).gain) == pytest.approx(gain_db, abs=0.01)
    _, decoded = roundtrip(spec, clip, 48000)
    low = [audio.resample(signal, 48000, 8000) for signal in (clip, decoded)]  # what every bitrate carries
    assert 20 * np.log10(np.std(low[1]) / np.std(low[0])) == pytest.approx(0, abs=0.05)


def test_the_version_names_lame_and_the_libraries():
    for name in ("LAME 3.1", "libavcodec", "libsndfile", "soxr"):
        assert name in get_codec("mp3@64").version


@pytest.mark.parametrize("n", [1, 47, 1000, 1152, 48001])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_length_comes_back_exactly(n, channels):
    clip = (0.1 * np.random.default_rng(0).standard_normal((channels, n))).astype(np.float32)
    assert roundtrip("mp3@64", clip, 44100)[1].shape == clip.shape


def test_more_bits_sound_closer_to_the_clip(excerpt):
    clip = excerpt("music_metal", 3)
    errors = [
        float(np.square(roundtrip(spec, clip, 48000)[1] - clip).mean()) for spec in ("mp3@64", "mp3@128", "mp3@320")
    ]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_the_same_clip_gives_the_same_file(excerpt):
    clip = excerpt("music_tabla", 1)
    assert roundtrip("mp3@64", clip, 48000)[0] == roundtrip("mp3@64", clip, 48000)[0]


@pytest.mark.parametrize(("rate", "channels"), [(24000, 2), (44100, 1), (22050, 2), (16000, 1)])
def test_a_file_is_decoded_without_what_the_encoder_knew(excerpt, rate, channels):
    clip = audio.to_channels(excerpt("music_tabla", 2, rate), channels)[:, :-5]
    codec = get_codec("mp3@64")
    encoded = codec.encode(clip, rate)
    assert codec.read(encoded.container) == encoded
    assert np.array_equal(codec.decode(codec.read(encoded.container))[0], codec.decode(encoded)[0])


@pytest.fixture(scope="module")
def file(excerpt):
    return roundtrip("mp3@64", excerpt("speech_en_prompts", 3), 48000)[0].container


@pytest.mark.parametrize("part", [0.0, 0.0001, 0.005, 0.3, 0.5, 0.9, 0.9999])
def test_a_file_cut_off_is_refused(file, part):
    with pytest.raises(CodecError):
        get_codec("mp3@64").read(file[: int(part * len(file))])


@pytest.mark.parametrize("cut", [slice(192, None), slice(0, 384), slice(0, 192 * 50)])
def test_a_file_without_its_tag_or_with_frames_missing_is_refused(file, cut):
    with pytest.raises(CodecError):
        get_codec("mp3@64").read(file[cut])


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xfb", b"Dear raters, " * 100, b"\xff\xff" * 500, bytes(1000)])
def test_what_is_no_mp3_is_refused(data):
    with pytest.raises(CodecError):
        get_codec("mp3@64").read(data)


@pytest.mark.parametrize("spec", ["mp3@63", "mp3", "mp3@64:quality=2"])
def test_a_value_or_option_that_is_not_there_is_refused(spec):
    with pytest.raises(UnknownCodec):
        get_codec(spec)
