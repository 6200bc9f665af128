import io

import av
import numpy as np
import pytest

from audiocodecs import audio, metrics, wheel_libraries
from audiocodecs.amrwb import AmrWb
from audiocodecs.base import CodecError, CodecUnavailable
from audiocodecs.registry import get_codec, offers


def missing():
    try:
        AmrWb.check()
    except CodecUnavailable as error:
        return str(error)
    return ""


needs_amrwb = pytest.mark.skipif(bool(missing()), reason=missing())
SPECS = [f"amrwb@{value:g}" for value in AmrWb.values]
LOST, SPEECH = b"\x74", b"\x04" + bytes(17)


def roundtrip(spec, clip, rate):
    codec = get_codec(spec)
    encoded = codec.encode(clip, rate)
    return encoded, codec.decode(encoded)[0]


@needs_amrwb
@pytest.mark.parametrize("spec", SPECS)
def test_the_rate_is_that_of_the_bits_and_the_file_has_whole_bytes(excerpt, spec):
    encoded, _ = roundtrip(spec, excerpt("speech_en_prompts", 2)[:, :-960], 48000)
    assert encoded.kbps == pytest.approx(float(spec[6:]) * 100 / 99, rel=0.001)  # a frame carries the delayed end
    assert encoded.kbps < encoded.container_kbps < encoded.kbps + 0.9


@needs_amrwb
@pytest.mark.parametrize("spec", ["amrwb@6.6", "amrwb@12.65", "amrwb@23.85"])
@pytest.mark.parametrize("name", ["speech_en_prompts", "speech_ga_words", "speech_noisy_da"])
def test_decoded_amrwb_is_in_time_with_its_clip(excerpt, spec, name):
    clip = excerpt(name, 4)[:1, :-77]
    _, decoded = roundtrip(spec, clip, 48000)
    assert decoded.shape == clip.shape
    assert abs(audio.lag(clip, decoded, 48000)) <= 6
    assert abs(audio.envelope_lag(clip, decoded, 48000)) <= 0.001
    assert audio.loudness(decoded, 48000) == pytest.approx(audio.loudness(clip, 48000), abs=3)


@needs_amrwb
def test_more_bits_sound_better(excerpt):
    clip = excerpt("speech_en_prompts", 3)
    figures = [metrics.measure("pesq", clip, roundtrip(spec, clip, 48000)[1], 48000) for spec in SPECS[::4]]
    assert 2 < figures[0] < figures[1] < figures[2]
    assert figures[2] > 3


@needs_amrwb
def test_a_file_is_read_at_16_khz_and_decodes_to_the_same(excerpt):
    clip = excerpt("speech_en_prompts", 1, 16000)
    codec = get_codec("amrwb@12.65")
    encoded = codec.encode(clip, 16000)
    found = codec.read(encoded.container)
    assert (found.rate, found.channels, found.payload) == (16000, 1, encoded.payload)
    assert 16000 <= found.samples < 16320
    assert np.array_equal(codec.decode(found)[0][:, :16000], codec.decode(encoded)[0])


@needs_amrwb
def test_the_file_is_one_that_ffmpeg_decodes_to_the_same_sound(excerpt):
    encoded, decoded = roundtrip("amrwb@23.85", excerpt("speech_en_prompts", 2, 16000), 16000)
    with av.open(io.BytesIO(encoded.container)) as file:
        assert file.format.name == "amr"
        assert file.streams.audio[0].codec_context.sample_rate == 16000
    by_ffmpeg = audio.align(decoded, audio.read(io.BytesIO(encoded.container)).samples, 16000)[0]
    assert metrics.measure("si_sdr", decoded, by_ffmpeg, 16000) > 25


@needs_amrwb
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not an AMR-WB file"),
        (b"#!AMR\n" + SPEECH, "not an AMR-WB file"),
        (b"#!AMR-WB_MC1.0\n\0\0\0\2" + SPEECH, "not an AMR-WB file"),
        (b"#!AMR-WB\n", "holds no frames"),
        (b"#!AMR-WB\n" + SPEECH + SPEECH[:-1], "cut off in frame 1"),
        (b"#!AMR-WB\n" + SPEECH + b"\x54", "damaged in frame 1"),
        (b"#!AMR-WB\n" + SPEECH + b"\x84", "damaged in frame 1"),
        (b"#!AMR-WB\n" + LOST * 180002, "longer than 3600 s"),
    ],
)
def test_what_is_no_such_file_is_refused(content, says):
    with pytest.raises(CodecError, match=says):
        get_codec("amrwb@12.65").read(content)


@needs_amrwb
def test_exactly_an_hour_is_read():
    assert get_codec("amrwb@12.65").read(b"#!AMR-WB\n" + LOST * 180001).seconds == pytest.approx(3600, abs=0.02)


@needs_amrwb
def test_lost_bad_and_comfort_noise_frames_of_other_encoders_are_decoded():
    codec = get_codec("amrwb@12.65")
    for frames in (LOST, b"\x7c", b"\x4c" + bytes(5), b"\x00" + bytes(17)):
        encoded = codec.read(b"#!AMR-WB\n" + (frames + SPEECH) * 5)
        assert codec.decode(encoded)[0].shape == (1, 10 * 320 - 94)


@needs_amrwb
def test_the_version_names_the_libraries_by_their_sha256():
    version = get_codec("amrwb@12.65").version
    for name in ("vo-amrwbenc ", "opencore-amrwb "):
        assert len(version.partition(name)[2].split(",")[0]) == 12


def test_a_library_that_is_not_there_or_is_another_makes_amrwb_unavailable(monkeypatch, tmp_path):
    for path in (tmp_path / "gone.so", wheel_libraries.load("opus")._name):
        monkeypatch.setenv("AMRWB_ENCODER_LIBRARY", str(path))
        with pytest.raises(CodecUnavailable, match="AMRWB_ENCODER_LIBRARY names no libvo-amrwbenc") as caught:
            get_codec("amrwb@12.65")
        assert "apt install libvo-amrwbenc0" in caught.value.remedy
        assert all(offer.reason for offer in offers() if offer.name == "amrwb")
