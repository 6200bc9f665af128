import io

import av
import numpy as np
import pytest
from scipy import signal

from audiocodecs import audio
from audiocodecs.base import CodecError
from audiocodecs.registry import get_codec


def roundtrip(spec, clip, rate):
    codec = get_codec(spec)
    encoded = codec.encode(clip, rate)
    return encoded, codec.decode(encoded)[0]


def above_bass(samples, rate):
    """Without what the encoder's high-pass at 80 Hz moves."""
    band = signal.butter(4, (500, 3400), "bandpass", fs=rate, output="sos")
    return signal.sosfiltfilt(band, samples, axis=1).astype(np.float32)


MODES = (4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2)
BITS = (95, 103, 118, 134, 148, 159, 204, 244)


@pytest.mark.parametrize(("kbps", "bits"), list(zip(MODES, BITS, strict=True)))
def test_every_mode_is_in_time_with_its_clip_and_has_its_bits(excerpt, kbps, bits):
    clip = excerpt("speech_en_prompts", 4)[:, :-13]
    encoded, decoded = roundtrip(f"amrnb@{kbps}", clip, 48000)
    assert decoded.shape == clip.shape
    assert abs(audio.lag(above_bass(clip, 48000), above_bass(decoded, 48000), 48000)) <= 6
    assert abs(audio.envelope_lag(clip, decoded, 48000)) <= 0.001
    assert len(encoded.payload) == 201 * -(-bits // 8)
    assert encoded.kbps == pytest.approx(kbps, rel=0.035)
    assert len(encoded.container) == len(encoded.payload) + 201 + 6


def test_other_programs_read_the_file(excerpt):
    encoded = roundtrip("amrnb@12.2", excerpt("speech_en_prompts", 2), 48000)[0]
    with av.open(io.BytesIO(encoded.container)) as file:
        assert file.format.name == "amr"
        assert sum(frame.samples for frame in file.decode(file.streams.audio[0])) == 101 * 160


def test_more_bits_keep_the_clip_better(excerpt):
    clip = above_bass(excerpt("speech_en_prompts", 3), 48000)
    errors = [np.std(roundtrip(f"amrnb@{kbps}", clip, 48000)[1] - clip) for kbps in (4.75, 7.4, 12.2)]
    assert errors[0] > errors[1] > errors[2]


def test_a_pause_is_coded_as_speech_frames():
    encoded = roundtrip("amrnb@12.2", np.zeros((1, 5 * 8000), np.float32), 8000)[0]
    assert len(encoded.payload) == 251 * 31


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 96000])
def test_any_sample_rate_comes_back_in_time_with_its_length(excerpt, rate):
    clip = excerpt("speech_en_prompts", 1.0371, rate)
    encoded, decoded = roundtrip("amrnb@12.2", clip, rate)
    assert (encoded.rate, decoded.shape, decoded.dtype) == (rate, clip.shape, np.float32)
    assert abs(audio.envelope_lag(clip, decoded, rate)) <= 0.001


@pytest.fixture(scope="module")
def file(excerpt):
    return roundtrip("amrnb@12.2", excerpt("speech_en_prompts", 2), 48000)[0].container


@pytest.mark.parametrize("n", [1, 119, 120, 121, 8000])
def test_a_file_is_decoded_without_what_the_encoder_knew(n):
    clip = (0.1 * np.random.default_rng(0).standard_normal((1, n))).astype(np.float32)
    codec = get_codec("amrnb@12.2")
    encoded = codec.encode(clip, 8000)
    found = codec.read(encoded.container)
    assert (found.rate, found.channels, found.payload) == (8000, 1, encoded.payload)
    assert n <= found.samples < n + 160
    assert np.array_equal(codec.decode(found)[0][:, :n], codec.decode(encoded)[0])


@pytest.mark.parametrize("part", [0.0, 0.001, 0.01, 0.3, 0.5, 0.9, 0.999])
def test_a_file_cut_off_is_refused(file, part):
    with pytest.raises(CodecError):
        get_codec("amrnb@12.2").read(file[: int(part * len(file))])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"Dear raters, " * 100,
        bytes(1000),
        b"\0\0\0\x08ftyp",
        b"#!AMR\n",
        b"#!AMR-WB\n\x04",
        b"#!AMR_MC1.0\n",
    ],
)
def test_what_is_no_such_file_is_refused(data):
    with pytest.raises(CodecError):
        get_codec("amrnb@12.2").read(data)


def test_exactly_an_hour_is_read_and_no_more():
    codec = get_codec("amrnb@4.75")
    frame = b"\x04" + bytes(12)
    assert codec.read(b"#!AMR\n" + 180001 * frame).seconds == pytest.approx(3600, abs=0.02)
    with pytest.raises(CodecError, match="longer than 3600 s"):
        codec.read(b"#!AMR\n" + 180002 * frame)


def test_the_version_names_the_libraries():
    for name in ("opencore-amrnb", "libavcodec 6", "PyAV", "soxr"):
        assert name in get_codec("amrnb@12.2").version
