import re

import numpy as np
import pytest
import torch

from audiocodecs import audio, metrics, registry
from audiocodecs.base import CodecError, CodecUnavailable, Spec, UnknownCodec
from audiocodecs.encodec import ecdc
from audiocodecs.encodec.codec import Encodec24, Encodec48


@pytest.fixture
def codec(published):
    return published.parse(Spec("encodec_24khz", 6.0))


@pytest.mark.parametrize("rate", [8000, 44100, *(pytest.param(n, marks=pytest.mark.slow) for n in (24000, 48000))])
def test_a_clip_of_any_rate_comes_back_with_its_rate_and_length(codec, clips, rate):
    samples = audio.resample(clips["speech_en_prompts"][:, :30_001].numpy(), 24_000, rate)
    encoded = codec.encode(samples, rate)
    decoded, found = codec.decode(encoded)
    assert (found, decoded.shape, decoded.dtype) == (rate, samples.shape, np.float32)
    assert encoded.kbps == pytest.approx(6, rel=0.02)
    assert encoded.container.endswith(encoded.payload)
    assert len(encoded.container) == len(encoded.payload) + 66


@pytest.mark.parametrize("samples", [1, 2, 319, 320, 321])
def test_the_shortest_clips_survive(codec, samples):
    noise = np.random.default_rng(1).standard_normal((1, samples)).astype(np.float32) * 0.1
    for rate in (24_000, 48_000):
        decoded, _ = codec.decode(codec.encode(noise, rate))
        assert decoded.shape == noise.shape
        assert np.isfinite(decoded).all()


def test_silence_dc_and_full_scale_are_coded(codec):
    for signal in (np.zeros(4800), np.full(4800, 0.9), np.sign(np.sin(np.arange(4800) / 7))):
        decoded, _ = codec.decode(codec.encode(signal[None].astype(np.float32), 24_000))
        assert np.isfinite(decoded).all()


def test_encoding_twice_gives_the_same_bytes(codec, short):
    assert codec.encode(short, 24_000) == codec.encode(short, 24_000)


def test_a_file_of_another_bitrate_is_decoded_with_its_own_codebooks(published, codec, short):
    high = published.parse(Spec("encodec_24khz", 12.0))
    encoded = high.encode(short, 24_000)
    np.testing.assert_array_equal(codec.decode(codec.read(encoded.container))[0], high.decode(encoded)[0])


def test_stereo_empty_and_nan_audio_are_refused(codec):
    for samples, text in [
        (np.zeros((2, 100)), "carries mono"),
        (np.zeros((1, 0)), "no audio"),
        (np.full((1, 100), np.nan), "NaN"),
    ]:
        with pytest.raises(CodecError, match=text):
            codec.encode(samples.astype(np.float32), 8000)


def test_a_foreign_or_damaged_file_is_refused(codec, short):
    container = codec.encode(short, 24_000).container
    for data, text in [
        (container[:-1], "cut off"),
        (container + b"x", "after its end"),
        (b"RIFF" + container[4:], "not an ECDC file"),
        (container.replace(b"encodec_24khz", b"encodec_48khz"), "encodec_48khz"),
        (ecdc.write_ecdc("encodec_24khz", 320, np.zeros((33, 1), int)), "33 codebooks"),
        (ecdc.write_header(ecdc.Header("encodec_24khz", 10**9, 2)), "cut off"),
    ]:
        with pytest.raises(CodecError, match=text):
            codec.read(data)


def test_the_spec_names_its_weights(published):
    codec = published.parse(Spec("encodec_24khz", 6.0))
    assert str(codec.spec) == "encodec_24khz@6:weights=published"
    assert codec.weights == "published"
    assert str(published.parse(codec.spec).spec) == str(codec.spec)
    assert published.checkpoint.sha256 in codec.version
    assert torch.__version__ in codec.version


def test_own_weights_are_named_by_their_absolute_path(weights_file, monkeypatch, short):
    monkeypatch.chdir(weights_file.parent)
    codec = registry.get_codec(f"encodec_24khz@3:weights={weights_file.name}")
    assert str(codec.spec) == f"encodec_24khz@3:weights={weights_file}"
    assert codec.weights.startswith(weights_file.name)
    assert codec.nominal_kbps(codec.spec) == 3
    assert len(codec.encode(short, 24_000).payload) == 90 * 4 * 10 // 8


def test_without_the_weights_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(tmp_path))
    for kbps in (1.5, 3, 6, 12, 24):
        with pytest.raises(CodecUnavailable) as caught:
            registry.get_codec(f"encodec_24khz@{kbps}")
        assert "encodec_24khz-d7cc33bc.th" in caught.value.reason
        assert str(tmp_path) in caught.value.reason
        assert "make models" in caught.value.remedy


@pytest.mark.slow
def test_the_small_weights_follow_held_out_speech_closer_with_each_rate(clips):
    speech = clips["speech_en_prompts"].numpy()
    found = []
    for kbps in (1.5, 3, 6, 12):
        codec = registry.get_codec(f"encodec_24khz@{kbps}:weights=small")
        encoded = codec.encode(speech, 24_000)
        assert encoded.kbps == pytest.approx(kbps, rel=0.02)
        decoded, _ = codec.decode(encoded)
        found.append(metrics.measure("si_sdr", speech, decoded, 24_000))
        level = 10 * np.log10(np.mean(decoded**2) / np.mean(speech**2))
        assert abs(level) < 3
    assert found == sorted(found)
    assert found[0] > 1
    assert found[2] > 6


def test_the_small_weights_say_what_they_are_and_what_they_lack():
    codec = registry.get_codec("encodec_24khz@6:weights=small")
    assert re.fullmatch("small [0-9a-f]{8}", codec.weights)
    with pytest.raises(UnknownCodec, match="up to 12 kbit/s.*encodec_24khz@12:weights=small"):
        registry.get_codec("encodec_24khz@24:weights=small")
    with pytest.raises(CodecUnavailable, match="no language model for the weights encodec_24khz_small"):
        registry.get_codec("encodec_24khz@6:weights=small:entropy=lm")
    with pytest.raises(CodecUnavailable, match=r"small EnCodec weights.*spectral_48khz@6"):
        registry.get_codec("encodec_48khz@6:weights=small")


@pytest.mark.parametrize("text", ["encodec_24khz@7", "encodec_24khz", "encodec_24khz@6:speed=fast"])
def test_a_value_or_option_it_does_not_have_is_refused(text):
    with pytest.raises(UnknownCodec):
        registry.get_codec(text)


@pytest.mark.parametrize("folder", ["a:b", "a=b"])
def test_own_weights_under_a_name_that_a_spec_cannot_carry_are_refused(weights_file, tmp_path, monkeypatch, folder):
    place = tmp_path / folder
    place.mkdir()
    (place / "own.th").hardlink_to(weights_file)
    monkeypatch.chdir(place)
    with pytest.raises(UnknownCodec, match="Move the weights"):
        registry.get_codec("encodec_24khz@6:weights=own.th")


@pytest.mark.slow
def test_weights_that_give_nan_are_an_error_and_not_noise(theirs, tmp_path, short):
    state = dict(theirs.state_dict())
    state["decoder.model.15.conv.conv.bias"] = torch.tensor([float("nan")])
    torch.save(state, tmp_path / "nan.th")
    codec = Encodec24.parse(Spec("encodec_24khz", 1.5, (("weights", str(tmp_path / "nan.th")),)))
    with pytest.raises(CodecError, match="NaN"):
        codec.decode(codec.encode(short, 24_000))


def test_a_mono_clip_goes_through_a_tandem_although_ecdc_does_not_say_that_it_is_mono(published_48, monkeypatch):
    monkeypatch.setattr(Encodec48, "checkpoint", published_48.checkpoint)
    noise = (0.1 * np.random.default_rng(3).standard_normal((1, 24000))).astype(np.float32)
    for spec in ("tandem:first=encodec_48khz@6:then=opus@24", "tandem:first=opus@24:then=encodec_48khz@6"):
        codec = registry.get_codec(spec)
        encoded = codec.encode(noise, 24000)
        decoded, _ = codec.decode(codec.read(encoded.container))
        assert decoded.shape == (1, 24000)
