"""What a user of spectral_24khz gets."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from scipy import signal

from audiocodecs import audio, metrics, rvqf
from audiocodecs.base import CodecError, CodecUnavailable, Encoded, UnknownCodec
from audiocodecs.registry import get_codec
from audiocodecs.spectral import stream
from audiocodecs.spectral.codec import language_model_of
from audiocodecs.spectral.mdct import Mdct, frame_count
from audiocodecs.spectral.model import LATENCY_FRAMES
from audiocodecs.spectral.parametric import random_signs
from audiocodecs.spectral.weights import FOLDER, load_weights

LATENCY_SAMPLES = LATENCY_FRAMES * 320


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("n", [1, 319, 320, 321, 4_801])
def test_any_rate_and_length_comes_back_with_its_length(codecs, speech, rate, n):
    clip = audio.resample(speech, 24_000, rate)[:, :n]
    decoded, back = codecs[6].decode(codecs[6].encode(clip, rate))
    assert (decoded.shape, back, decoded.dtype) == ((1, n), rate, np.float32)
    assert np.isfinite(decoded).all()


@pytest.mark.parametrize("kbps", [1.5, 3, 6, 12])
def test_the_measured_rate_is_the_rate_in_the_name(codecs, speech, kbps):
    encoded = codecs[kbps].encode(speech, 24_000)
    assert encoded.kbps == pytest.approx(kbps, rel=0.01)
    assert len(encoded.container) < len(encoded.payload) + 150


@pytest.mark.parametrize("kbps", [3, 6, 12])
def test_decoded_speech_is_aligned(speech, decoded, kbps):
    assert abs(audio.envelope_lag(speech, decoded[kbps], 24_000)) < 0.002
    assert abs(audio.lag(speech, decoded[kbps], 24_000)) <= 3


def test_the_same_bytes_always_give_the_same_samples(codecs, speech):
    encoded = codecs[6].encode(speech, 24_000)
    assert encoded == codecs[6].encode(speech, 24_000)
    torch.manual_seed(5)
    first, _ = codecs[6].decode(encoded)
    torch.manual_seed(6)
    second, _ = codecs[6].decode(encoded)
    assert np.array_equal(first, second)


def test_a_file_read_again_decodes_to_the_same_samples(codecs, speech):
    encoded = codecs[3].encode(speech, 24_000)
    again = codecs[3].read(encoded.container)
    assert again == encoded
    assert np.array_equal(codecs[3].decode(again)[0], codecs[3].decode(encoded)[0])


def test_a_file_decodes_at_the_rate_it_was_written_at_whatever_the_codec_is_set_to(codecs, speech):
    encoded = codecs[12].encode(speech, 24_000)
    assert np.array_equal(codecs[1.5].decode(encoded)[0], codecs[12].decode(encoded)[0])


def test_the_codes_at_the_lowest_rate_are_the_first_of_every_other(speech):
    model = load_weights(FOLDER / "spectral_24khz.safetensors").model
    first = stream.encode_audio(model, speech, 2)
    for codebooks in (4, 8, 16):
        assert np.array_equal(stream.encode_audio(model, speech, codebooks)[:2], first)


def test_pieces_of_a_long_clip_sound_as_the_whole(speech, monkeypatch):
    model = load_weights(FOLDER / "spectral_24khz.safetensors").model
    whole_codes = stream.encode_audio(model, speech, 8)
    whole = stream.decode_codes(model, whole_codes, speech.shape[1])
    monkeypatch.setattr(stream, "PIECE_FRAMES", 41)
    codes = stream.encode_audio(model, speech, 8)
    # Rounding may tip a near tie, which prediction then carries on for some frames.
    assert np.mean(codes != whole_codes) < 0.01
    assert np.abs(stream.decode_codes(model, whole_codes, speech.shape[1]) - whole).max() < 1e-4


def test_what_comes_later_than_the_latency_changes_nothing_before(speech):
    model = load_weights(FOLDER / "spectral_24khz.safetensors").model
    cut = 75 * 320 - 100  # near the end of a frame, where samples wait longest
    other = speech.copy()
    other[:, cut:] = np.random.default_rng(0).uniform(-0.5, 0.5, other.shape[1] - cut)
    first, second = (stream.decode_codes(model, stream.encode_audio(model, x, 8), x.shape[1]) for x in (speech, other))
    same = cut - LATENCY_SAMPLES
    assert LATENCY_SAMPLES / 24_000 <= 0.060
    assert np.abs(first[:, :same] - second[:, :same]).max() < 1e-5
    assert np.abs(first[:, cut:] - second[:, cut:]).max() > 1e-2


def test_silence_stays_quiet(codecs):
    decoded, _ = codecs[6].decode(codecs[6].encode(np.zeros((1, 24_000), np.float32), 24_000))
    assert np.abs(decoded).max() < 0.003


@pytest.mark.parametrize(
    "samples",
    [
        np.full((1, 9_000), 1.0, np.float32),
        np.sign(np.sin(np.arange(9_000)))[None].astype(np.float32),
        np.full((1, 9_000), 1e-30, np.float32),
        np.random.default_rng(0).uniform(-8, 8, (1, 9_000)).astype(np.float32),
    ],
    ids=["direct current", "full-scale square", "denormal", "eight times full scale"],
)
def test_unusual_signals_give_finite_samples(codecs, samples):
    decoded, _ = codecs[1.5].decode(codecs[1.5].encode(samples, 24_000))
    assert np.isfinite(decoded).all()
    assert np.abs(decoded).max() < 1.5


def test_what_cannot_be_carried_is_refused(codecs):
    with pytest.raises(CodecError, match="NaN"):
        codecs[6].encode(np.array([[0, np.nan]], np.float32), 24_000)
    with pytest.raises(CodecError, match="mono"):
        codecs[6].encode(np.zeros((2, 100), np.float32), 24_000)
    with pytest.raises(CodecError, match="0 samples"):
        codecs[6].encode(np.zeros((1, 0), np.float32), 24_000)


def test_other_rates_and_options_are_refused():
    with pytest.raises(UnknownCodec, match="any rate from 1.5 to 12"):
        get_codec("spectral_24khz@13")
    with pytest.raises(UnknownCodec, match="no option"):
        get_codec("spectral_24khz@6:speed=mine")


def _with_header(container: bytes, **changes: object) -> bytes:
    """The file with another header, its checksums right."""
    file = rvqf.read(container, lambda header: None)
    return rvqf.write(dataclasses.replace(file.header, **changes), file.samples, file.codes)


def test_a_damaged_file_is_an_error_and_never_noise(codecs, speech):
    codec = codecs[6]
    container = codec.encode(speech[:, :12_000], 24_000).container
    codec.read(container)
    flipped = bytearray(container)
    flipped[-40] ^= 4
    fewer = rvqf.read(container, lambda header: None)
    five = rvqf.write(dataclasses.replace(fewer.header, codebooks=5), fewer.samples, fewer.codes[:5])
    damaged = {
        "other weights": _with_header(container, weights=bytes(8)),
        "checksum": bytes(flipped),
        "cut off": container[:-7],
        "after its end|damaged": container + b"more",
        "written by": _with_header(container, model="encodec_24khz"),
        "5 codebooks": five,
        "another rate": _with_header(container, rate=48_000),
        "RVQF": b"RIFF" + container,
    }
    for text, data in damaged.items():
        with pytest.raises(CodecError, match=text):
            codec.read(data)
        with pytest.raises(CodecError, match=text):
            codec.decode(Encoded(b"", data, 24_000, 1, 12_000))
    for length in range(0, len(container), 23):
        with pytest.raises(CodecError):
            codec.read(container[:length])


def test_the_version_names_the_weights(codecs):
    digest = load_weights(FOLDER / "spectral_24khz.safetensors").prefix
    assert digest in codecs[6].version
    assert digest in codecs[6].weights


def test_global_settings_of_torch_stay_as_they_were(codecs, speech):
    before = torch.get_num_threads(), torch.is_grad_enabled()
    codecs[6].decode(codecs[6].encode(speech[:, :5_000], 24_000))
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == before


def test_the_transform_gives_back_what_it_was_given(speech):
    mdct = Mdct(320)
    x = torch.from_numpy(speech[:, :10_000])
    coefficients, _ = mdct(x)
    assert coefficients.shape == (1, frame_count(10_000, 320), 320)
    assert torch.allclose(mdct.inverse(coefficients)[:, :10_000], x, atol=1e-5)


def test_the_noise_carrier_is_even_and_does_not_depend_on_where_it_starts():
    signs = random_signs(0, 500, 320)
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    assert abs(float(signs.mean())) < 0.01
    assert abs(float((signs[1:] * signs[:-1]).mean())) < 0.01
    assert abs(float((signs[:, 1:] * signs[:, :-1]).mean())) < 0.01
    assert torch.equal(random_signs(123, 5, 320), signs[123:128])


@pytest.fixture(scope="module")
def coded(speech):
    """Files at coded rates, and what they decode to."""
    found = {}
    for kbps in (3, 6):
        codec = get_codec(f"spectral_24khz@{kbps}")
        encoded = codec.encode(speech, 24_000)
        found[kbps] = encoded, codec.decode(encoded)[0]
    return found


def test_the_coded_rate_is_the_rate_in_the_name(coded):
    for kbps, (encoded, _) in coded.items():
        assert encoded.kbps == pytest.approx(kbps, rel=0.015)
        assert 8 * len(encoded.payload) / (encoded.samples / 24_000) == pytest.approx(1000 * encoded.kbps)


def test_frames_get_as_many_codebooks_as_pay(coded, speech):
    codec = get_codec("spectral_24khz@6")
    counts = (rvqf.read(coded[6][0].container, codec._accept).codes >= 0).sum(axis=0)
    assert counts.min() < 6 < 12 < counts.max()
    assert 8 < counts.mean() < 11


def test_a_coded_rate_sounds_closer_than_the_same_constant_one(coded, speech, decoded):
    for kbps, (_, samples) in coded.items():
        assert metrics.measure("si_sdr", speech, samples, 24_000) > metrics.measure(
            "si_sdr", speech, decoded[kbps], 24_000
        )


def test_any_setting_of_the_codec_reads_a_coded_file(coded, codecs):
    encoded, samples = coded[6]
    assert np.array_equal(codecs[3].decode(codecs[3].read(encoded.container))[0], samples)


def test_a_file_with_one_number_of_codebooks_and_a_language_model_is_still_read(codecs, speech, decoded):
    coding = language_model_of(FOLDER / "spectral_24khz.safetensors")
    plain = rvqf.read(codecs[6].encode(speech, 24_000).container, lambda header: None)
    header = dataclasses.replace(plain.header, language_model=coding.prefix)
    older = rvqf.write(header, plain.samples, plain.codes, entropy=coding)
    codec = get_codec("spectral_24khz@6")
    assert np.array_equal(codec.decode(codec.read(older))[0], decoded[6])


@pytest.mark.parametrize("n", [1, 321, 9_001])
def test_any_length_comes_back_at_a_coded_rate(speech, n):
    codec = get_codec("spectral_24khz@6")
    found, _ = codec.decode(codec.encode(speech[:, :n], 24_000))
    assert found.shape == (1, n)


def test_silence_takes_less_than_the_rate_and_stays_quiet():
    codec = get_codec("spectral_24khz@6")
    encoded = codec.encode(np.zeros((1, 48_000), np.float32), 24_000)
    assert encoded.kbps < 6.1
    assert np.abs(codec.decode(encoded)[0]).max() < 0.003


def test_the_version_names_the_language_model(codecs):
    assert "language model" in get_codec("spectral_24khz@6").version
    assert "language model" not in codecs[6].version


def test_weights_without_a_language_model_are_refused_with_what_to_do(tmp_path):
    own = shutil.copy(FOLDER / "spectral_24khz.safetensors", tmp_path / "own.safetensors")
    with pytest.raises(CodecUnavailable, match="own.lm.safetensors is not beside them.*Add entropy=none"):
        get_codec(f"spectral_24khz@6:weights={own}")
    assert get_codec(f"spectral_24khz@6:entropy=none:weights={own}")
    with pytest.raises(UnknownCodec, match="entropy=none"):
        get_codec("spectral_24khz@6:entropy=zip")


def noise(seconds=4):
    return (0.05 * np.random.default_rng(2).standard_normal((1, seconds * 24_000))).astype(np.float32)


def fricative(seconds=4):
    """Noise from 4 kHz on, a syllable a third of a second."""
    sos = signal.butter(4, 4_000, "high", fs=24_000, output="sos")
    shape = np.abs(np.sin(np.arange(seconds * 24_000) * np.pi * 3 / 24_000))
    return (signal.sosfilt(sos, noise(seconds)) * shape).astype(np.float32)


@pytest.mark.parametrize("kbps", [3, 6])
@pytest.mark.parametrize("sound", [noise, fricative], ids=["noise", "fricatives"])
def test_no_frequency_whistles_in_noise(codecs, sound, kbps):
    clip = sound()
    decoded, _ = codecs[kbps].decode(codecs[kbps].encode(clip, 24_000))
    assert metrics.tonal_lines(decoded, 24_000) < 0.8


def test_noise_has_no_gap_where_the_sent_coefficients_end(codecs):
    clip = noise()
    decoded, _ = codecs[6].decode(codecs[6].encode(clip, 24_000))
    frequencies, power = signal.welch(decoded[0], 24_000, nperseg=640)
    around = (frequencies > 3_000) & (frequencies < 5_000)
    level = 10 * np.log10(power[around])
    assert np.abs(level - np.median(level)).max() < 8
