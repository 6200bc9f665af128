from dataclasses import replace

import numpy as np
import pytest

from audiocodecs import audio, frames_file, libspeex, metrics, wheel_libraries
from audiocodecs.base import CodecError, CodecUnavailable
from audiocodecs.registry import get_codec, offers
from audiocodecs.speex import Speex


def missing():
    try:
        Speex.check()
    except CodecUnavailable as error:
        return str(error)
    return ""


needs_speex = pytest.mark.skipif(bool(missing()), reason=missing())
SPECS = [f"speex@{value:g}" for value in Speex.values]


def roundtrip(spec, clip, rate):
    codec = get_codec(spec)
    encoded = codec.encode(clip, rate)
    found = codec.read(encoded.container)
    assert found == encoded
    return encoded, codec.decode(found)[0]


@needs_speex
@pytest.mark.parametrize("quality", range(11))
def test_the_values_are_the_bitrates_of_the_librarys_qualities(excerpt, quality):
    assert libspeex.Encoder(quality).bitrate == round(Speex.values[quality] * 1000)
    encoded, _ = roundtrip(SPECS[quality], excerpt("speech_en_prompts", 1)[:, :-960], 48000)
    assert encoded.kbps == pytest.approx(Speex.values[quality] * 50 / 49, rel=0.003)  # a frame carries the delayed end


@needs_speex
@pytest.mark.parametrize("spec", ["speex@9.8", "speex@16.8", "speex@42.2"])
@pytest.mark.parametrize("name", ["speech_en_prompts", "speech_ga_words", "speech_noisy_da"])
def test_decoded_speex_is_in_time_with_its_clip(excerpt, spec, name):
    clip = excerpt(name, 4)[:1, :-77]
    _, decoded = roundtrip(spec, clip, 48000)
    assert decoded.shape == clip.shape
    assert abs(audio.lag(clip, decoded, 48000)) <= 16
    assert abs(audio.envelope_lag(clip, decoded, 48000)) <= 0.001
    assert audio.loudness(decoded, 48000) == pytest.approx(audio.loudness(clip, 48000), abs=3)


@needs_speex
def test_more_bits_sound_better(excerpt):
    clip = excerpt("speech_en_prompts", 3)
    figures = [metrics.measure("pesq", clip, roundtrip(spec, clip, 48000)[1], 48000) for spec in SPECS[1::4]]
    assert 1.1 < figures[0] < figures[1] < figures[2]
    assert figures[2] > 3


@pytest.fixture(scope="module")
def file(excerpt):
    return get_codec("speex@16.8").encode(excerpt("speech_en_prompts", 1), 48000).container


@needs_speex
def test_forged_frames_decode_to_some_sound_or_are_refused(file):
    random, codec = np.random.default_rng(3), get_codec("speex@16.8")
    known = frames_file.read(file, "speex", "Speex")
    errors = set()
    for number in range(300):
        payload = bytearray(known.payload if number % 2 else random.bytes(len(known.payload)))
        payload[int(random.integers(len(payload)))] ^= 1 << int(random.integers(8))
        encoded = codec.read(frames_file.write(replace(known, payload=bytes(payload))))
        try:
            assert codec.decode(encoded)[0].shape == (1, 48000)
        except CodecError as error:
            errors.add(str(error))
    assert errors <= {"libspeex cannot decode this: the frame is damaged."}


@needs_speex
def test_the_version_names_the_libraries():
    assert "libspeex 1." in get_codec("speex@16.8").version
    assert "soxr" in get_codec("speex@16.8").version


def test_a_library_that_is_not_there_or_is_another_makes_speex_unavailable(monkeypatch, tmp_path):
    for path in (tmp_path / "gone.so", wheel_libraries.load("opus")._name):
        monkeypatch.setenv("SPEEX_LIBRARY", str(path))
        with pytest.raises(CodecUnavailable, match="SPEEX_LIBRARY names no libspeex that can be loaded") as caught:
            get_codec("speex@16.8")
        assert "apt install libspeex1" in caught.value.remedy
        assert all(offer.reason for offer in offers() if offer.name == "speex")
