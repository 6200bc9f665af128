import io
import struct

import numpy as np
import pytest
import soundfile

from audiocodecs import audio
from audiocodecs.base import CodecError, CodecUnavailable
from audiocodecs.ogg import _checksum
from audiocodecs.registry import get_codec


def roundtrip(spec, clip, rate):
    codec = get_codec(spec)
    encoded = codec.encode(clip, rate)
    return encoded, codec.decode(encoded)[0]


@pytest.mark.parametrize("kbps", [48, 64, 96, 192])
@pytest.mark.parametrize("name", ["speech_en_prompts", "music_tabla", "music_metal"])
def test_decoded_vorbis_is_in_time_with_its_clip_and_has_its_bitrate(excerpt, kbps, name):
    clip = excerpt(name, 3)[:, :-13]
    encoded, decoded = roundtrip(f"vorbis@{kbps}", clip, 48000)
    assert decoded.shape == clip.shape
    assert abs(audio.lag(clip, decoded, 48000)) <= 2
    assert abs(audio.envelope_lag(clip, decoded, 48000)) <= 0.001
    assert encoded.kbps == pytest.approx(kbps, rel=0.02)
    assert encoded.kbps < encoded.container_kbps


def test_more_bits_sound_closer_to_the_clip(excerpt):
    clip = excerpt("music_metal", 3)
    errors = [float(np.square(roundtrip(f"vorbis@{kbps}", clip, 48000)[1] - clip).mean()) for kbps in (64, 96, 192)]
    assert errors[0] > 1.3 * errors[1] > 2 * errors[2]


def test_the_sample_rate_inside_is_lower_where_48_khz_needs_more_bits(excerpt):
    clip = excerpt("music_metal", 2)
    for kbps, rate in ((48, 24000), (96, 48000)):
        codec = get_codec(f"vorbis@{kbps}")
        assert codec.read(codec.encode(clip, 48000).container).rate == rate


def test_silence_takes_the_highest_quality_and_few_bits():
    assert roundtrip("vorbis@192", np.zeros((2, 48000), np.float32), 48000)[0].kbps < 10


def test_other_programs_read_the_file(excerpt):
    clip = excerpt("music_tabla", 1)[:, :-7]
    encoded, decoded = roundtrip("vorbis@96", clip, 48000)
    other, rate = soundfile.read(io.BytesIO(encoded.container), dtype="float32")
    assert rate == 48000
    assert np.array_equal(other.T, decoded)


@pytest.fixture(scope="module")
def file(excerpt):
    return roundtrip("vorbis@96", excerpt("speech_en_prompts", 2), 48000)[0].container


@pytest.mark.parametrize("data", [b"", b"\xff", b"Dear raters, " * 100, bytes(1000), b"\0\0\0\x08ftyp", b"OggS"])
def test_what_is_no_such_file_is_refused(data):
    with pytest.raises(CodecError):
        get_codec("vorbis@96").read(data)


def forge(file, place, value):
    """The file with other bytes at a place in its last page, and the checksum that fits them."""
    forged, last = bytearray(file), file.rindex(b"OggS")
    forged[last + place : last + place + len(value)] = value
    struct.pack_into("<I", forged, last + 22, 0)
    struct.pack_into("<I", forged, last + 22, _checksum(bytes(forged[last:])))
    return bytes(forged)


def test_a_forged_length_is_refused_before_it_is_decoded(file):
    with pytest.raises(CodecError, match="do not give the length"):
        get_codec("vorbis@96").read(forge(file, 6, struct.pack("<q", 1 << 50)))


def test_damage_under_a_right_checksum_is_decoded_or_refused(file):
    codec, random = get_codec("vorbis@96"), np.random.default_rng(1)
    first = file.index(b"OggS", 4)  # the page with the comment, the code books and perhaps sound
    end = file.index(b"OggS", first + 4)
    for _ in range(200):
        page = bytearray(file[first:end])
        page[int(random.integers(27 + page[26], len(page)))] = int(random.integers(0, 256))
        struct.pack_into("<I", page, 22, 0)
        struct.pack_into("<I", page, 22, _checksum(bytes(page)))
        try:
            encoded = codec.read(file[:first] + bytes(page) + file[end:])
            assert codec.decode(encoded)[0].shape == (1, encoded.samples)
        except CodecError:
            pass


def test_an_opus_file_is_refused():
    with pytest.raises(CodecError, match="not Vorbis"):
        get_codec("vorbis@96").read(roundtrip("opus@24", np.zeros((1, 4800), np.float32), 48000)[0].container)


def test_an_installation_without_the_codec_says_what_to_do(monkeypatch):
    monkeypatch.setattr(soundfile, "available_subtypes", lambda format: {})
    with pytest.raises(CodecUnavailable, match="does not write Vorbis.*Install the wheel"):
        get_codec("vorbis@96")


def test_the_version_names_the_libraries():
    for name in ("libVorbis", "libsndfile", "soxr"):
        assert name in get_codec("vorbis@96").version
