import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest

from audiocodecs import frames_file
from audiocodecs.base import MOST_SECONDS, CodecError
from audiocodecs.frames_file import FramesFile
from tests.damage import damaged

FILE = FramesFile("codec2", 1300, 1, 48000, 48000, np.random.default_rng(0).bytes(169))
CONTAINER = frames_file.write(FILE)


def read(container):
    return frames_file.read(container, "codec2", "Codec 2")


def test_what_is_written_is_read():
    assert read(CONTAINER) == FILE


@pytest.mark.parametrize("bits", [28, 48, 52, 79, 844])
@pytest.mark.parametrize("frames", [1, 7, 8193])
def test_frames_of_any_number_of_bits_are_packed_without_gaps(bits, frames):
    size = -(-bits // 8)
    given = np.random.default_rng(0).integers(0, 256, (frames, size)).astype(np.uint8)
    given[:, -1] &= 256 - (1 << 8 * size - bits)
    packed = frames_file.pack(given, bits)
    assert len(packed) == frames_file.packed_bytes(frames, bits) == -(-frames * bits // 8)
    assert np.array_equal(frames_file.unpack(packed, frames, bits), given)


def test_every_part_of_a_file_is_refused():
    for length in range(len(CONTAINER)):
        with pytest.raises(CodecError, match="not a file of Codec 2 frames|cut off: "):
            read(CONTAINER[:length])


def test_every_wrong_bit_is_noticed():
    for at in range(8 * len(CONTAINER)):
        wrong = bytearray(CONTAINER)
        wrong[at // 8] ^= 1 << at % 8
        with pytest.raises(CodecError):
            read(bytes(wrong))


def test_hundreds_of_damaged_files_are_refused_or_read():
    random = np.random.default_rng(1)
    errors = []
    for _ in range(500):
        content = damaged(CONTAINER, random)
        try:
            assert read(content) == FILE
        except CodecError as error:
            errors.append(str(error))
    assert min(map(len, errors)) > 20


def test_a_file_that_goes_on_and_one_of_another_codec_are_refused():
    with pytest.raises(CodecError, match="goes on after its end"):
        read(CONTAINER + b"\0")
    with pytest.raises(CodecError, match="names another codec"):
        read(frames_file.write(replace(FILE, codec="speex")))
    for other in (b"", b"LYRA" * 100, b"#!AMR-WB\n" + bytes(100)):
        with pytest.raises(CodecError, match="This is not a file of Codec 2 frames"):
            read(other)


def test_exactly_an_hour_is_read_and_a_sample_more_is_refused():
    hour = replace(FILE, samples=MOST_SECONDS * 48000)
    assert read(frames_file.write(hour)) == hour
    for samples in (MOST_SECONDS * 48000 + 1, 1 << 60):
        with pytest.raises(CodecError, match="longer than 3600 s"):
            read(frames_file.write(replace(FILE, samples=samples)))


@pytest.mark.parametrize("change", [{"rate": 0}, {"rate": 1 << 31}, {"samples": 0}])
def test_a_header_that_makes_no_sense_is_refused(change):
    with pytest.raises(CodecError, match="its header makes no sense"):
        read(frames_file.write(replace(FILE, **change)))


def test_another_version_is_named():
    header = bytearray(CONTAINER[:38])
    header[4] = 2
    checksum = struct.pack("<I", zlib.crc32(FILE.payload, zlib.crc32(header)))
    with pytest.raises(CodecError, match="is of version 2; version 1 is read"):
        read(bytes(header) + checksum + FILE.payload)
