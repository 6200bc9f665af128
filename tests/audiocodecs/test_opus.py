import io
import struct

import av
import numpy as np
import pytest
import soundfile

from audiocodecs import audio, libopus, wheel_libraries
from audiocodecs.base import CodecError, CodecUnavailable, UnknownCodec
from audiocodecs.ogg import _checksum
from audiocodecs.registry import get_codec


def roundtrip(spec, clip, rate):
    codec = get_codec(spec)
    encoded = codec.encode(clip, rate)
    return encoded, codec.decode(encoded)[0]


@pytest.mark.parametrize(("spec", "most"), [("opus@6", 6), ("opus@12", 1), ("opus@24", 1), ("opus@64", 1)])
@pytest.mark.parametrize("name", ["speech_en_prompts", "speech_ro_words", "music_tabla", "music_metal"])
def test_decoded_opus_is_in_time_with_its_clip(excerpt, spec, most, name):
    clip = excerpt(name, 4)
    encoded, decoded = roundtrip(spec, clip, 48000)
    assert decoded.shape == clip.shape
    assert abs(audio.lag(clip, decoded, 48000)) <= most
    assert abs(audio.envelope_lag(clip, decoded, 48000)) <= 0.002


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 96000])
def test_any_sample_rate_comes_back_with_its_length(excerpt, rate):
    clip = excerpt("speech_en_prompts", 1.0371, rate)
    encoded, decoded = roundtrip("opus@24", clip, rate)
    assert (encoded.rate, decoded.shape, decoded.dtype) == (rate, clip.shape, np.float32)
    assert abs(audio.lag(clip, decoded, rate)) <= max(1, 2 * rate / 48000)
    assert audio.loudness(decoded, rate) == pytest.approx(audio.loudness(clip, rate), abs=1)


@pytest.mark.parametrize("n", [1, 100, 960, 961, 47999])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_length_comes_back_exactly(n, channels):
    clip = (0.1 * np.random.default_rng(0).standard_normal((channels, n))).astype(np.float32)
    encoded, decoded = roundtrip("opus@64", clip, 48000)
    assert decoded.shape == clip.shape
    assert get_codec("opus@64").read(encoded.container).samples == n


def test_the_rate_is_that_of_the_packets_and_the_file_is_a_little_more(excerpt):
    encoded, _ = roundtrip("opus@12", excerpt("speech_en_prompts", 5), 48000)
    with av.open(io.BytesIO(encoded.container)) as file:
        packets = b"".join(bytes(packet) for packet in file.demux() if packet.size)
    assert encoded.payload == packets
    assert 9 < encoded.kbps < 13.5
    assert encoded.kbps < encoded.container_kbps < encoded.kbps + 1.2


@pytest.mark.parametrize("name", ["music_orchestral", "music_synth", "music_guitar"])
def test_tonal_music_does_not_overshoot_the_bitrate_as_plain_variable_rate_does(excerpt, name):
    encoded, _ = roundtrip("opus@24", excerpt(name, 5), 48000)
    assert encoded.kbps < 1.15 * 24


def test_the_same_clip_gives_the_same_file(excerpt):
    clip = excerpt("music_tabla", 1)
    assert roundtrip("opus@24", clip, 48000)[0] == roundtrip("opus@24", clip, 48000)[0]


def test_the_application_reaches_the_encoder(excerpt):
    clip = excerpt("speech_en_prompts", 2)
    as_audio, _ = roundtrip("opus@12:application=audio", clip, 48000)
    as_voip, _ = roundtrip("opus@12:application=voip", clip, 48000)
    assert as_audio.payload != as_voip.payload
    assert as_audio.payload == roundtrip("opus@12", clip, 48000)[0].payload


@pytest.mark.parametrize(
    "spec", ["opus@12:application=music", "opus@12:aplication=voip", "opus@5.9", "opus@257", "opus", "opus@0"]
)
def test_a_value_or_option_that_is_not_there_is_refused_and_not_ignored(spec):
    with pytest.raises(UnknownCodec):
        get_codec(spec)


def test_the_decoder_is_libopus_and_not_ffmpegs_own(excerpt):
    encoded, decoded = roundtrip("opus@12", excerpt("speech_en_prompts", 2), 48000)

    def ffmpegs(name):
        context = av.CodecContext.create(name, "r")
        with av.open(io.BytesIO(encoded.container)) as file:
            stream = file.streams.audio[0]
            context.extradata = stream.codec_context.extradata
            context.sample_rate, context.layout = 48000, "mono"
            frames = [
                frame.to_ndarray().reshape(1, -1)
                for packet in file.demux(stream)
                for frame in context.decode(packet if packet.size else None)
            ]
        found = np.concatenate(frames, axis=1)
        found = found / 32768 if found.dtype == np.int16 else found
        return audio.align(decoded, found.astype(np.float32), 48000)[0]

    of_libopus = np.abs(ffmpegs("libopus") - decoded)[:, 1000:-1000].max()
    of_ffmpeg = np.abs(ffmpegs("opus") - decoded)[:, 1000:-1000].max()
    assert of_libopus < 1e-6
    assert of_ffmpeg > 1e-3


def test_a_file_is_decoded_without_what_the_encoder_knew(excerpt):
    clip = excerpt("music_tabla", 2)
    codec = get_codec("opus@24")
    encoded = codec.encode(clip, 48000)
    found = codec.read(encoded.container)
    assert (found.rate, found.channels, found.samples, found.payload) == (48000, 2, 96000, encoded.payload)
    assert np.array_equal(codec.decode(found)[0], codec.decode(encoded)[0])


@pytest.fixture(scope="module")
def file(excerpt):
    return roundtrip("opus@24", excerpt("speech_en_prompts", 3), 48000)[0].container


@pytest.mark.parametrize("part", [0.0, 0.001, 0.01, 0.3, 0.5, 0.9, 0.999])
def test_a_file_cut_off_is_refused(file, part):
    with pytest.raises(CodecError):
        get_codec("opus@24").read(file[: int(part * len(file))])


@pytest.mark.parametrize("place", [0, 30, 60, 700, 5000, -1])
def test_a_file_with_a_wrong_bit_is_refused(file, place):
    damaged = bytearray(file)
    damaged[place] ^= 4
    with pytest.raises(CodecError):
        get_codec("opus@24").read(bytes(damaged))


def test_a_file_that_goes_on_after_its_end_is_refused(file):
    with pytest.raises(CodecError, match="after its end"):
        get_codec("opus@24").read(file + file)


def test_a_forged_length_is_refused_before_it_is_decoded(file):
    forged = bytearray(file)
    last = file.rindex(b"OggS")
    struct.pack_into("<q", forged, last + 6, 1 << 50)
    struct.pack_into("<I", forged, last + 22, 0)
    struct.pack_into("<I", forged, last + 22, _checksum(bytes(forged[last:])))
    with pytest.raises(CodecError, match="do not give the length"):
        get_codec("opus@24").read(bytes(forged))


def test_the_version_names_libopus_and_the_libraries():
    for name in ("libopus 1.", "libavcodec", "soxr"):
        assert name in get_codec("opus@12").version


def test_nolace_is_unavailable_without_a_library_that_has_it(monkeypatch, tmp_path):
    monkeypatch.delenv(libopus.SETTING, raising=False)
    with pytest.raises(CodecUnavailable, match="OPUS_LIBRARY is not set.*--enable-osce"):
        get_codec("opus@6:decoder=nolace")
    monkeypatch.setenv(libopus.SETTING, wheel_libraries.load("opus")._name)
    with pytest.raises(CodecUnavailable, match="libopus 1.* has no NoLACE.*--enable-osce"):
        get_codec("opus@6:decoder=nolace")
    for name in ("gone.so", wheel_libraries.load("mp3lame")._name):
        monkeypatch.setenv(libopus.SETTING, str(tmp_path / name))
        with pytest.raises(CodecUnavailable, match="names no libopus that can be loaded"):
            get_codec("opus@6:decoder=nolace")


def test_a_vorbis_file_and_a_letter_are_refused():
    vorbis = io.BytesIO()
    soundfile.write(vorbis, np.zeros(48000), 48000, format="OGG", subtype="VORBIS")
    for data in (vorbis.getvalue(), b"Dear raters, " * 100):
        with pytest.raises(CodecError):
            get_codec("opus@24").read(data)
