"""Files that are longer or shorter than their header claims."""

import io
import struct

import av
import numpy as np
import pytest
import soundfile

from audiocodecs import audio, lengths

RATE = 48000
NOISE = (0.1 * np.random.default_rng(3).standard_normal((2 * RATE, 1))).astype(np.float32)


def file_of(format, subtype=None, samples=NOISE, rate=RATE):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, subtype=subtype)
    return bytearray(file.getvalue())


def aac(container):
    file = io.BytesIO()
    with av.open(
        file, "w", format=container, options={"movflags": "empty_moov"} if container == "mp4" else {}
    ) as target:
        stream = target.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(NOISE.T), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        for part in (frame, None):
            for packet in stream.encode(part):
                target.mux(packet)
    return bytearray(file.getvalue())


def read(data):
    return audio.read(io.BytesIO(bytes(data)), max_seconds=600)


def claiming(data, size, at=40, order="<"):
    struct.pack_into(f"{order}I", data, at, size)
    return data


def flac_claiming(samples):
    data = file_of("FLAC")
    data[21] &= 0xF0  # the upper bits of the 36 that count the samples
    return claiming(data, samples, at=22, order=">")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: flac_claiming(0), id="FLAC, 0 samples in all"),
        pytest.param(lambda: claiming(file_of("WAV"), 0), id="WAV, 0 bytes of data"),
        pytest.param(lambda: claiming(file_of("WAV"), 0xFFFFFFFF), id="WAV, 0xFFFFFFFF bytes of data"),
        pytest.param(lambda: claiming(file_of("WAV", "ULAW"), 0, at=54), id="mu-law WAV, 0 bytes of data"),
        pytest.param(lambda: claiming(file_of("AU"), 0xFFFFFFFF, at=8, order=">"), id="AU of unknown length"),
    ],
)
def test_a_file_of_unknown_length_is_read_whole(data):
    found = read(data())
    assert found.seconds == 2.0
    assert found.length_note == ""
    assert np.abs(found.samples - NOISE.T).max() < 0.02


@pytest.mark.parametrize("format", ["WAV", "RF64", "AIFF", "AU", "W64", "CAF", "FLAC", "MP3"])
def test_a_file_that_was_cut_off_is_read_to_its_end_and_noted(format):
    data = file_of(format)
    found = read(data[: len(data) * 6 // 10])
    assert found.seconds == pytest.approx(1.2, abs=0.08)
    assert found.length_note == (
        f"Shorter than its header claims: {found.seconds:.2f} s of 2.00 s are there. Is it cut off?"
    )
    assert read(data).length_note == ""


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(lambda: file_of("OGG", "VORBIS"), "Its last page is missing", id="Vorbis"),
        pytest.param(lambda: file_of("OGG", "OPUS"), "Its last page is missing", id="Opus"),
        pytest.param(lambda: aac("adts"), "Cut off inside its last block", id="AAC without a container"),
        pytest.param(lambda: aac("mp4"), "Shorter than its header claims", id="AAC in MP4"),
        pytest.param(lambda: aac("matroska"), "Shorter than its header claims", id="AAC in Matroska"),
    ],
)
def test_a_compressed_file_that_was_cut_off_is_noted(data, says):
    whole = data()
    found = read(whole[: len(whole) * 6 // 10])
    assert 0.8 < found.seconds < 1.3
    assert found.length_note.startswith(says)
    assert read(whole).length_note == ""


def test_both_links_of_a_chained_ogg_file_are_read():
    found = read(file_of("OGG", "VORBIS") + file_of("OGG", "VORBIS", NOISE[::-1]))
    assert found.seconds == pytest.approx(4.0, abs=0.02)
    assert found.length_note.startswith("Longer than its header claims")
    assert audio.lag(NOISE[::-1].T, found.samples[:, 2 * RATE :], RATE) in range(-1024, 1024)


def test_a_second_link_of_another_rate_is_noted_and_not_used():
    found = read(file_of("OGG", "VORBIS") + file_of("OGG", "VORBIS", NOISE.repeat(2, axis=1), 44100))
    assert found.seconds == 2.0
    assert found.length_note.startswith("The file goes on after 2.00 s")


def test_an_mp3_file_behind_another_of_more_channels_is_noted_and_not_used():
    found = read(file_of("MP3") + file_of("MP3", samples=NOISE.repeat(2, axis=1)))
    assert len(found.samples) == 1
    assert found.seconds == pytest.approx(2.0, abs=0.05)
    assert found.length_note.startswith("The file goes on after 2.0")


def test_a_flac_file_longer_than_its_header_claims_is_read_whole():
    found = read(flac_claiming(RATE))
    assert found.seconds == 2.0
    assert np.abs(found.samples - NOISE.T).max() < 1e-4
    assert found.length_note == "Longer than its header claims: 2.00 s instead of 1.00 s. All of it is used."


def test_sound_after_the_end_that_a_wav_header_states_is_noted():
    found = read(claiming(file_of("WAV"), 2 * RATE))
    assert found.seconds == 1.0
    assert found.length_note.startswith("The file goes on after 1.00 s")


def test_tags_after_the_sound_are_no_sound():
    tag = b"LIST" + struct.pack("<I", 14) + b"INFOISFT\x02\0\0\0ab"
    assert read(file_of("WAV") + tag).length_note == ""
    assert read(file_of("WAV") + b"TAG" + bytes(125)).length_note == ""
    with pytest.raises(audio.AudioError, match="no samples"):
        read(claiming(file_of("WAV")[:44], 0) + tag)


def test_damage_inside_a_flac_file_is_refused():
    data = file_of("FLAC")
    data[len(data) // 2] ^= 0x55
    with pytest.raises(audio.AudioError, match="damaged"):
        read(data)


@pytest.mark.parametrize("format", ["WAV", "RF64", "AIFF", "AU", "W64", "CAF"])
def test_the_samples_are_found_in_every_format_of_chunks(format):
    chunk = lengths.sound_chunk(io.BytesIO(bytes(file_of(format))))
    extra = {"AIFF": 8, "CAF": 4}.get(format, 0)  # offset and block size; edit count
    assert chunk.claimed == 4 * RATE + extra
    assert chunk.present >= chunk.claimed
    assert chunk.surplus == 0


@pytest.mark.parametrize("size", [2**40, 2**63 + 1, 2**64 - 1])
def test_a_chunk_of_an_impossible_size_is_passed_over_at_once(size):
    data = bytes(file_of("CAF"))
    claim = data[:8] + b"free" + struct.pack(">Q", size) + data[8:]
    assert lengths.sound_chunk(io.BytesIO(claim)) is None
    empty = data[:8] + (b"free" + bytes(8)) * 100_000
    assert lengths.sound_chunk(io.BytesIO(empty)) is None
