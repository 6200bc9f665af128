import io
import struct

import av
import numpy as np
import pytest

from audiocodecs import audio
from audiocodecs.base import CodecError
from audiocodecs.registry import get_codec


def roundtrip(spec, clip, rate):
    codec = get_codec(spec)
    encoded = codec.encode(clip, rate)
    return encoded, codec.decode(encoded)[0]


@pytest.mark.parametrize("kbps", [24, 32, 64, 128])
@pytest.mark.parametrize("name", ["speech_en_prompts", "music_tabla", "music_metal"])
def test_decoded_aac_is_in_time_with_its_clip_and_near_its_bitrate(excerpt, kbps, name):
    clip = excerpt(name, 4)[:, :-13]
    encoded, decoded = roundtrip(f"aac@{kbps}", clip, 48000)
    assert decoded.shape == clip.shape
    assert abs(audio.lag(clip, decoded, 48000)) <= 2
    assert abs(audio.envelope_lag(clip, decoded, 48000)) <= 0.001
    assert encoded.kbps == pytest.approx(kbps, rel=0.12)
    assert encoded.kbps < encoded.container_kbps < encoded.kbps + 3.5


def test_more_bits_sound_closer_to_the_clip(excerpt):
    clip = excerpt("music_metal", 3)
    errors = [float(np.square(roundtrip(f"aac@{kbps}", clip, 48000)[1] - clip).mean()) for kbps in (48, 96, 192)]
    assert errors[0] > 1.5 * errors[1] > 3 * errors[2]


@pytest.mark.parametrize(("kbps", "channels", "rate"), [(31, 1, 32000), (32, 1, 48000), (47, 2, 32000), (48, 2, 48000)])
def test_low_bitrates_are_coded_at_32_khz(kbps, channels, rate):
    codec = get_codec(f"aac@{kbps}")
    assert codec.read(codec.encode(np.zeros((channels, 4800), np.float32), 48000).container).rate == rate


@pytest.mark.parametrize("n", [1, 1000, 47999])
def test_the_file_states_its_delay_and_length_to_other_players(n):
    clip = np.full((1, n), 0.1, np.float32)
    encoded, decoded = roundtrip("aac@64", clip, 48000)
    with av.open(io.BytesIO(encoded.container)) as file:
        stream = file.streams.audio[0]
        frames = [frame.to_ndarray() for frame in file.decode(stream)]
    assert np.array_equal(np.concatenate(frames, axis=1)[:, :n], decoded)
    assert struct.pack(">Ii", n, 1024) in encoded.container  # the edit list, in samples


@pytest.fixture(scope="module")
def file(excerpt):
    return roundtrip("aac@64", excerpt("speech_en_prompts", 2), 48000)[0].container


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"Dear raters, " * 100, bytes(1000), b"\0\0\0\x08ftyp", b"\0\0\0\x08ftyp\0\0\0\x08moov"]
)
def test_what_is_no_such_file_is_refused(data):
    with pytest.raises(CodecError):
        get_codec("aac@64").read(data)


def test_a_forged_length_is_refused_before_it_is_decoded(file):
    forged = file.replace(struct.pack(">I", 96000 + 1024), struct.pack(">I", 1 << 31))
    assert forged != file
    with pytest.raises(CodecError, match="do not give the length"):
        get_codec("aac@64").read(forged)


def test_another_coding_in_the_same_container_is_refused():
    other = io.BytesIO()
    with av.open(other, "w", format="mp4") as target:
        stream = target.add_stream("libmp3lame", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            target.mux(packet)
    with pytest.raises(CodecError):
        get_codec("aac@64").read(other.getvalue())


def test_the_version_names_the_libraries():
    for name in ("libavcodec 6", "PyAV", "soxr"):
        assert name in get_codec("aac@64").version
