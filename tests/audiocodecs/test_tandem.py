"""Two codecs in a row."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from audiocodecs.base import CodecError, CodecUnavailable, UnknownCodec
from audiocodecs.registry import get_codec, nominal_kbps, resolve, words
from tests.damage import damaged

SPEC = "tandem:first=opus@12:then=amrnb@12.2"


@pytest.fixture
def clip(excerpt):
    return excerpt("speech_en_prompts", 2)


def test_the_second_codec_codes_what_the_first_one_decoded(clip):
    encoded = get_codec(SPEC).encode(clip, 48000)
    opus, amrnb = get_codec("opus@12"), get_codec("amrnb@12.2")
    between, _ = opus.decode(opus.encode(clip, 48000))
    wanted, _ = amrnb.decode(amrnb.encode(between, 48000))
    found, rate = get_codec(SPEC).decode(encoded)
    assert rate == 48000
    assert np.array_equal(found, wanted)


def test_the_rate_is_the_first_codecs_unless_the_spec_says_otherwise(clip):
    first, then = get_codec("opus@12").encode(clip, 48000), get_codec("amrnb@12.2").encode(clip, 48000)
    assert get_codec(SPEC).encode(clip, 48000).kbps == first.kbps
    assert get_codec(f"{SPEC}:rate=then").encode(clip, 48000).kbps == pytest.approx(then.kbps)
    assert (nominal_kbps(SPEC), nominal_kbps(f"{SPEC}:rate=then")) == (12, 12.2)


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize("n", [1, 12345])
def test_any_rate_and_length_comes_back_exactly_and_is_read_from_its_file(rate, n):
    noise = (0.1 * np.random.default_rng(0).standard_normal((1, n))).astype(np.float32)
    codec = get_codec("tandem:first=lc3@32:then=codec2@3.2")
    encoded = codec.encode(noise, rate)
    decoded, back = codec.decode(encoded)
    assert (decoded.shape, back) == (noise.shape, rate)
    assert codec.read(encoded.container) == encoded


def test_a_damaged_file_is_decoded_or_refused_in_a_sentence(clip):
    codec = get_codec(SPEC)
    file = codec.encode(clip[:, :24000], 48000).container
    random = np.random.default_rng(3)
    for _ in range(200):
        with contextlib.suppress(CodecError):
            assert np.isfinite(codec.decode(codec.read(damaged(file, random)))[0]).all()


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        ("tandem:first=opus@12.0:rate=first:then=amrnb@12.20", SPEC),
        (f"{SPEC}:rate=then", "tandem:first=opus@12:rate=then:then=amrnb@12.2"),
    ],
)
def test_what_means_the_same_is_one_condition(spec, same):
    assert resolve(spec) == same


def test_it_has_a_name_and_stays_what_it_is_when_it_is_resolved():
    assert words(SPEC) == "Opus 12 kbps, then AMR-NB 12.2 kbps"
    assert resolve(SPEC) == SPEC


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("tandem", "does not name two codecs. Write for example tandem:first=opus@12:then=amrnb@12.2"),
        ("tandem:first=opus@12", "does not name two codecs"),
        ("tandem:first=opus:then=amrnb@12.2", "opus is not a codec with a bitrate"),
        ("tandem:first=opus@12:then=lowpass@3500", "lowpass@3500 is not a codec with a bitrate"),
        ("tandem:first=neural@6:then=amrnb@12.2", "name the neural codec, for example spectral_24khz@6"),
        ("tandem:first=opus@12:then=nothing@3", "There is no codec 'nothing'"),
        ("tandem:first=opus@2:then=amrnb@12.2", "opus@2 is not offered"),
        ("tandem:first=spectral_48khz@12:then=lyra@6", "mono only"),
        (f"{SPEC}:rate=both", "Write rate=first or rate=then"),
        (f"{SPEC}:speed=2", "has no option 'speed'"),
        (f"{SPEC}:loss=5", "Tandem has no packets that can be lost"),
        ("tandem@6:first=opus@12:then=amrnb@12.2", "takes no value"),
    ],
)
def test_what_is_no_tandem_is_refused_with_what_to_write(spec, message):
    with pytest.raises(UnknownCodec, match=message):
        get_codec(spec)


def test_stereo_is_refused_with_what_to_do(clip):
    with pytest.raises(CodecError, match="Tandem carries mono, not stereo. Mix the clip to mono first"):
        get_codec(SPEC).encode(np.repeat(clip, 2, axis=0), 48000)


def test_a_part_that_cannot_run_here_is_named(monkeypatch):
    monkeypatch.delenv("EVS_ENCODER", raising=False)
    with pytest.raises(CodecUnavailable, match="EVS_ENCODER is not set"):
        get_codec("tandem:first=opus@12:then=evs@9.6")
