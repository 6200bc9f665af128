from dataclasses import replace

import numpy as np
import pycodec2
import pytest

from audiocodecs import audio, frames_file, metrics
from audiocodecs.codec2 import Codec2
from audiocodecs.registry import get_codec
from tests.audiocodecs.conftest import DEMO_CLIPS

SPECS = [f"codec2@{value:g}" for value in Codec2.values]


@pytest.fixture(scope="module")
def minute():
    """All speech of the demo, 58 s at 8 kHz: on less the lag of a parametric codec is uncertain."""
    clips = [audio.read(path) for path in sorted(DEMO_CLIPS.glob("speech_*.flac"))]
    return np.concatenate([audio.resample(audio.to_channels(clip.samples, 1), clip.rate, 8000) for clip in clips], 1)


@pytest.mark.parametrize("spec", SPECS)
def test_decoded_codec2_is_in_time_with_its_clip_at_its_rate(minute, spec):
    codec = get_codec(spec)
    encoded = codec.encode(minute, 8000)
    found = codec.read(encoded.container)
    assert found == encoded
    assert encoded.kbps == pytest.approx(float(spec[7:]), rel=0.002)
    decoded, rate = codec.decode(found)
    assert (decoded.shape, rate) == (minute.shape, 8000)
    assert abs(audio.envelope_lag(minute, decoded, 8000)) <= 0.001
    assert audio.loudness(decoded, 8000) == pytest.approx(audio.loudness(minute, 8000), abs=6)


def test_speech_is_understood(excerpt):
    clip = excerpt("speech_en_prompts", 3)
    codec = get_codec("codec2@3.2")
    assert metrics.measure("stoi", clip, codec.decode(codec.encode(clip, 48000))[0], 48000) > 0.6


@pytest.mark.parametrize("spec", SPECS)
def test_the_file_holds_the_bits_of_the_library(excerpt, spec):
    encoded = get_codec(spec).encode(excerpt("speech_en_prompts", 1, 8000), 8000)
    encoder = pycodec2.Codec2(round(float(spec[7:]) * 1000))
    samples, bits = encoder.samples_per_frame(), encoder.bits_per_frame()
    pcm = np.rint(excerpt("speech_en_prompts", 1, 8000)[0] * 32768).astype(np.int16)
    first = [encoder.encode(pcm[at : at + samples]) for at in range(0, 20 * samples, samples)]
    frames = frames_file.unpack(encoded.payload, 20, bits)
    assert [frame.tobytes() for frame in frames] == first


@pytest.mark.parametrize("spec", SPECS)
def test_forged_frames_decode_to_some_sound(excerpt, spec):
    codec = get_codec(spec)
    known = frames_file.read(codec.encode(excerpt("speech_en_prompts", 3), 48000).container, "codec2", "Codec 2")
    forged = frames_file.write(replace(known, payload=np.random.default_rng(3).bytes(len(known.payload))))
    assert np.isfinite(codec.decode(codec.read(forged))[0]).all()


def test_the_version_names_the_libraries():
    assert "pycodec2 4." in get_codec("codec2@1.3").version
    assert "soxr" in get_codec("codec2@1.3").version
