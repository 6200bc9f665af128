"""EnCodec at 48 kHz as a codec: stereo, mono, segments, and what its level does to antiphase."""

import tracemalloc

import numpy as np
import pytest

from audiocodecs import registry
from audiocodecs.base import CodecError, CodecUnavailable, Spec
from audiocodecs.encodec import ecdc


@pytest.fixture
def codec(published_48):
    return published_48.parse(Spec("encodec_48khz", 6.0))


@pytest.fixture
def music(stereo_clips):
    return stereo_clips["music_guitar"].numpy()[:, 48_000:150_000]


@pytest.mark.parametrize("rate", [44_100, *(pytest.param(rate, marks=pytest.mark.slow) for rate in (24_000, 48_000))])
def test_a_stereo_clip_of_any_rate_comes_back_with_its_rate_and_length(codec, music, rate):
    encoded = codec.encode(music[:, :60_001], rate)
    decoded, found = codec.decode(encoded)
    assert (found, decoded.shape, decoded.dtype) == (rate, (2, 60_001), np.float32)
    assert encoded.container.endswith(encoded.payload)


@pytest.mark.parametrize("kbps", [3.0, *(pytest.param(kbps, marks=pytest.mark.slow) for kbps in (6.0, 12.0, 24.0))])
def test_the_rate_is_the_nominal_one_and_a_level_for_each_segment(published_48, music, kbps):
    encoded = published_48.parse(Spec("encodec_48khz", kbps)).encode(music[:, : 47_520 * 2], 48_000)
    # Two segments of 150 and 149 frames; a level has 32 bits.
    assert len(encoded.payload) == sum(-(-frames * int(kbps / 1.5) * 10 // 8) + 4 for frames in (150, 149))


@pytest.mark.parametrize(
    "samples", [1, 321, 47_521, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 319, 47_520, 47_700, 48_001))]
)
def test_the_shortest_clips_and_the_shortest_last_segments_survive(published_48, music, samples):
    codec = published_48.parse(Spec("encodec_48khz", 3.0))
    decoded, _ = codec.decode(codec.encode(music[:, :samples], 48_000))
    assert decoded.shape == (2, samples)
    assert np.isfinite(decoded).all()


def test_mono_is_coded_as_two_equal_channels_and_comes_back_as_mono(published_48, codec, music):
    mono, both = music[:1, :50_000], np.repeat(music[:1, :50_000], 2, axis=0)
    encoded = codec.encode(mono, 48_000)
    assert encoded.container == codec.encode(both, 48_000).container
    stereo = codec.decode(codec.read(encoded.container))[0]
    assert stereo.shape == (2, 50_000)  # the published format does not say that it was mono
    np.testing.assert_allclose(codec.decode(encoded)[0], stereo.mean(axis=0, keepdims=True), atol=1e-7)

    ours = published_48.parse(Spec("encodec_48khz", 6.0, (("container", "rvqf"),)))
    read = ours.read(ours.encode(mono, 48_000).container)
    assert read.channels == 1
    np.testing.assert_array_equal(ours.decode(read)[0], codec.decode(encoded)[0])


def test_silence_stays_silent(codec):
    decoded, _ = codec.decode(codec.encode(np.zeros((2, 60_000), np.float32), 48_000))
    assert abs(decoded).max() < 1e-6


@pytest.mark.slow
def test_antiphase_stereo_is_lost_as_in_the_published_program(codec, music, theirs_48):
    """What docs/researchers.md says of it: the level is that of the channels' mean, which is nothing here."""
    left = music[:1, :60_000]
    decoded, _ = codec.decode(codec.encode(np.concatenate([left, -left]), 48_000))
    assert abs(decoded).max() < 1e-3 * abs(left).max()
    theirs_48.set_target_bandwidth(6.0)
    import torch

    with torch.inference_mode():
        sound = theirs_48(torch.from_numpy(np.concatenate([left, -left]))[None])[0].numpy()
    assert abs(sound).max() < 1e-3 * abs(left).max()
    nearly = np.concatenate([left, -0.9 * left])  # heard again, because something is left of the mean
    assert codec.decode(codec.encode(nearly, 48_000))[0].std() > 1e-3


def test_damaged_files_are_refused_whatever_they_claim(codec, music):
    encoded = codec.encode(music[:, :60_000], 48_000)
    header = len(encoded.container) - len(encoded.payload)
    nan = encoded.container[:header] + b"\x7f\xc0\0\0" + encoded.container[header + 4 :]
    years = ecdc.write_header(ecdc.Header("encodec_48khz", 10**14, 2)) + bytes(1000)
    tracemalloc.start()
    for data, text in [
        (encoded.container[:-1], "cut off"),
        (encoded.container + b"x", "after its end"),
        (years, "it says 100000000000000 samples"),
        (encoded.container.replace(b"_48khz", b"_24khz"), "written by 'encodec_24khz'"),
    ]:
        with pytest.raises(CodecError, match=text):
            codec.read(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    with pytest.raises(CodecError, match="the level nan"):
        codec.decode(codec.read(nan))


def test_audio_louder_than_a_level_can_say_is_refused(codec):
    with pytest.raises(CodecError, match="louder than a file can say"):
        codec.encode(np.full((2, 100), 1e30, np.float32), 48_000)


def test_without_the_weights_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(tmp_path))
    with pytest.raises(CodecUnavailable, match="encodec_48khz-7e698e3e.th") as caught:
        registry.get_codec("encodec_48khz@12")
    assert "make models" in caught.value.remedy


def test_weights_of_the_other_model_are_refused_by_name(weights_file, weights_file_48):
    for spec, text in [
        (f"encodec_48khz@6:weights={weights_file}", "laid out as those of encodec_24khz"),
        (f"encodec_24khz@6:weights={weights_file_48}", "laid out as those of encodec_48khz"),
    ]:
        with pytest.raises(CodecUnavailable, match=text):
            registry.get_codec(spec)


def test_the_registry_has_it_in_mono_and_stereo(weights_file_48):
    codec = registry.get_codec(f"encodec_48khz@24:weights={weights_file_48}")
    assert codec.channels == {1, 2}
    assert codec.n_q == 16
    assert codec.weights.startswith(weights_file_48.name)
