import struct
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodecs import rvqf
from audiocodecs.base import CodecError
from audiocodecs.encodec import ecdc
from audiocodecs.rvqf.layout import unpack_gains

MONO = rvqf.RvqfHeader("encodec_24khz", 24_000, 1, codebooks=4, hop=320, weights=bytes(range(8)), block_frames=20)
STEREO = rvqf.RvqfHeader(
    *("encodec_48khz", 48_000, 2),
    codebooks=2,
    hop=320,
    weights=b"weights!",
    segment_samples=48_000,
    stride_samples=47_520,
    scaled=True,
)


def no_model(header):
    return None


def codes_of(frames, codebooks=4, seed=0):
    return np.random.default_rng(seed).integers(0, 1024, (codebooks, frames))


def small():
    """A file of two blocks and a bit."""
    return rvqf.write(MONO, 45 * 320 - 7, codes_of(45))


def small_stereo(seconds=6.3):
    samples = round(seconds * 48_000)
    count = -(-samples // 47_520)
    frames = [STEREO.segment_frames_at(index, samples) for index in range(count)]
    scales = np.linspace(1e-8, 0.3, count).astype(np.float32)
    codes = codes_of(sum(frames), 2)
    return rvqf.write(STEREO, samples, codes, scales), samples, frames, codes, scales


@given(st.integers(1, 100_000), st.integers(1, 32), st.integers(1, 400), st.integers(0, 2))
@settings(max_examples=60, deadline=None)
def test_codes_and_length_come_back(samples, codebooks, block_frames, extra):
    header = replace(MONO, codebooks=codebooks, block_frames=block_frames, extra_frames=extra)
    codes = codes_of(header.frames(samples), codebooks)
    file = rvqf.read(rvqf.write(header, samples, codes), no_model)
    assert (file.header, file.samples, file.scales) == (header, samples, None)
    np.testing.assert_array_equal(file.codes, codes)


@pytest.mark.parametrize("samples", [1, 320, 47_520, 47_521, 47_900, 48_000, 48_001, 95_041, 300_000, 240_000])
def test_segments_and_scales_come_back(samples):
    count = -(-samples // 47_520)
    codes = codes_of(sum(STEREO.segment_frames_at(index, samples) for index in range(count)), 2)
    scales = np.linspace(0, 0.3, count).astype(np.float32)
    file = rvqf.read(rvqf.write(STEREO, samples, codes, scales), no_model)
    np.testing.assert_array_equal(file.codes, codes)
    np.testing.assert_array_equal(file.scales, scales)
    assert [part.codes.shape[1] for part in file.segments] == [
        STEREO.segment_frames_at(index, samples) for index in range(count)
    ]
    assert file.samples == rvqf.total_samples(rvqf.write(STEREO, samples, codes, scales)) == samples


@given(st.lists(st.integers(1, 50), max_size=8), st.integers(1, 100), st.integers(0, 319))
@settings(max_examples=50, deadline=None)
def test_written_and_read_in_pieces_it_is_the_same_file(pieces, step, less):
    codes = codes_of(1 + sum(pieces))
    samples = codes.shape[1] * 320 - less
    whole = rvqf.write(MONO, samples, codes)
    writer, reader = rvqf.RvqfWriter(MONO), rvqf.RvqfReader(no_model)
    cuts = np.split(codes, np.cumsum(pieces), axis=1)
    assert b"".join([writer.push(part) for part in cuts]) + writer.finish(samples) == whole
    found = [part for start in range(0, len(whole), step) for part in reader.push(whole[start : start + step])]
    np.testing.assert_array_equal(np.concatenate([part.codes for part in found], axis=1), codes)
    assert reader.finish() == reader.samples == samples


def test_a_block_leaves_the_writer_and_the_reader_as_soon_as_it_is_full():
    writer, reader = rvqf.RvqfWriter(MONO), rvqf.RvqfReader(no_model)
    assert len(writer.push(codes_of(19))) == 64
    ready = rvqf.RvqfWriter(MONO).push(codes_of(20))
    assert len(ready) == 64 + 16 + 100 + 4
    assert reader.push(ready[:-1]) == []
    assert reader.header == MONO
    [segment] = reader.push(ready[-1:])
    np.testing.assert_array_equal(segment.codes, codes_of(20))
    assert reader.samples is None
    with pytest.raises(CodecError, match="cut off after 20 frames"):
        reader.finish()


def test_the_bytes_are_those_of_the_documented_layout():
    """A reader written from docs/rvqf.md alone."""
    data, samples, frames, codes, scales = small_stereo()
    magic, version, flags, entropy, bits = struct.unpack_from("<4s4B", data)
    assert (magic, version, flags, entropy, bits) == (b"RVQF", 1, 1, 0, 10)
    assert data[8:24] == b"encodec_48khz\0\0\0"
    assert struct.unpack_from("<IIIHH4B", data, 24) == (48_000, 48_000, 47_520, 320, 750, 2, 2, 0, 0)
    assert data[44:60] == b"weights!" + bytes(8)
    seed = zlib.crc32(data[:60])
    assert struct.unpack_from("<I", data, 60) == (seed,)
    at, found, first = 64, [], 0
    while data[at] == 0x42:
        head = data[at : at + 16]
        _, segments, total, before, length, crc = struct.unpack("<BBHIII", head)
        assert crc == zlib.crc32(head[:12], seed)
        assert before == first
        body = data[at + 16 : at + 16 + 6 * segments + length]
        assert struct.unpack_from("<I", data, at + 16 + len(body)) == (zlib.crc32(body, crc),)
        found += list(struct.iter_unpack("<Hf", body[: 6 * segments]))
        for index in range(total * 2):
            word = int.from_bytes(body[6 * segments + index * 10 // 8 :][:3], "little") >> index * 10 % 8
            assert word & 1023 == codes[index % 2, first + index // 2]
        at, first = at + 16 + len(body) + 4, first + total
    assert [count for count, _ in found] == frames
    assert [scale for _, scale in found] == scales.tolist()
    assert struct.unpack_from("<B3sQ", data, at) == (0x45, bytes(3), samples)
    assert struct.unpack_from("<I", data, at + 12) == (zlib.crc32(data[at : at + 12], seed),)
    assert at + 16 == len(data)


def test_any_block_can_be_read_alone():
    data = small()
    found = rvqf.blocks(data)
    assert [(block.first_frame, block.frames) for block in found] == [(0, [20]), (20, [20]), (40, [5])]
    [segment] = rvqf.read_block(data, found[1], no_model)
    np.testing.assert_array_equal(segment.codes, codes_of(45)[:, 20:40])
    assert data[found[2].offset] == 0x42


@pytest.mark.parametrize("data", [small(), small_stereo(1.4)[0]], ids=["mono", "stereo"])
def test_every_flipped_bit_is_found(data):
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodecError):
            rvqf.read(bytes(damaged), no_model)
        reader = rvqf.RvqfReader(no_model)
        with pytest.raises(CodecError):
            reader.push(bytes(damaged)), reader.finish()


def test_a_file_cut_off_anywhere_is_an_error():
    data = small()
    for size in range(len(data)):
        with pytest.raises(CodecError, match="cut off|does not start"):
            rvqf.read(data[:size], no_model)
        reader = rvqf.RvqfReader(no_model)
        with pytest.raises(CodecError, match="cut off"):
            reader.push(data[:size]), reader.finish()


def test_blocks_that_are_missing_doubled_swapped_or_of_another_file_are_an_error():
    data = small()
    one, two, three = (block.offset for block in rvqf.blocks(data))
    other = rvqf.write(replace(MONO, weights=b"otherone"), 45 * 320 - 7, codes_of(45, seed=9))
    for wrong in (
        data[:two] + data[three:],
        data[:two] + data[one:],
        data[:one] + data[two:three] + data[one:two] + data[three:],
        data[:one] + other[one:two] + data[two:],
        data[:-16],
        data[:-16] + other[-16:],
        data + b"x",
        data + data,
        data[:three] + rvqf.write(MONO, 25 * 320, codes_of(25))[-16:],
    ):
        with pytest.raises(CodecError):
            rvqf.read(wrong, no_model)


def sealed(data, at, changes, layout):
    """Header or head with fields overwritten and its checksum repaired."""
    out = bytearray(data)
    size = struct.calcsize(layout) - 4
    for offset, value in changes.items():
        out[at + offset : at + offset + len(value)] = value
    seed = 0 if at == 0 else int.from_bytes(out[60:64], "little")
    out[at + size : at + size + 4] = zlib.crc32(bytes(out[at : at + size]), seed).to_bytes(4, "little")
    return bytes(out)


@pytest.mark.parametrize(
    "changes",
    [
        {4: b"\2"},
        {5: b"\2"},
        {6: b"\2"},
        {7: b"\x0b"},
        {8: b"no name"},
        {8: bytes(16)},
        {24: bytes(4)},
        {24: b"\xff" * 4},
        {28: b"\xff" * 8},
        {28: b"\1\0\0\0\1\0\0\0"},
        {32: b"\1\0\0\0"},
        {36: bytes(2)},
        {38: bytes(2)},
        {38: b"\xff\xff"},
        {40: b"\0"},
        {41: b"\0"},
        {41: b"\xff"},
        {42: b"\xff"},
        {43: b"\1"},
        {52: b"\1"},
    ],
)
def test_a_header_with_impossible_fields_is_an_error_even_with_its_checksum_right(changes):
    with pytest.raises(CodecError):
        rvqf.read(sealed(small(), 0, changes, "<64s"), no_model)


@pytest.mark.parametrize(
    "changes",
    [{0: b"A"}, {1: b"\2"}, {1: b"\0"}, {2: b"\xff\xff"}, {2: b"\0\0"}, {4: b"\1"}, {8: b"\xff" * 4}, {8: b"\1\0\0\0"}],
)
def test_a_head_with_impossible_fields_is_an_error_at_once(changes):
    reader = rvqf.RvqfReader(no_model)
    with pytest.raises(CodecError):
        reader.push(sealed(small(), 64, changes, "<16s")[:80])


def test_a_file_that_claims_years_takes_no_memory():
    data = small()
    forged = data[:-16] + sealed(data[:64] + data[-16:], 64, {4: struct.pack("<Q", 2**48)}, "<16s")[64:]
    assert rvqf.total_samples(forged) == 2**48
    tracemalloc.start()
    with pytest.raises(CodecError, match="at most 3600 s"):
        rvqf.read(forged, no_model)
    reader = rvqf.RvqfReader(no_model)
    with pytest.raises(CodecError, match="lacks blocks"):
        reader.push(forged)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300_000


def test_other_weights_and_other_models_are_named():
    MONO.check("encodec_24khz", bytes(range(8)))
    with pytest.raises(CodecError, match=r"other weights of encodec_24khz \(0001020304050607\)"):
        MONO.check("encodec_24khz", bytes(8))
    with pytest.raises(CodecError, match="written by encodec_24khz"):
        MONO.check("spectral_24khz", bytes(8))
    with pytest.raises(CodecError, match="language model 6c616e6775616765, which is not here"):
        rvqf.read(replace(MONO, language_model=b"language").pack() + small()[64:], no_model)


def test_what_the_header_does_not_allow_is_not_written():
    with pytest.raises(ValueError, match="codes are 0"):
        rvqf.RvqfWriter(MONO).push(np.full((4, 1), 1024))
    with pytest.raises(ValueError, match="shape"):
        rvqf.RvqfWriter(MONO).push(np.zeros((3, 1), int))
    with pytest.raises(ValueError, match="3 frames, not 4"):
        rvqf.write(MONO, 960, np.zeros((4, 4), int))
    with pytest.raises(ValueError, match="scale"):
        rvqf.RvqfWriter(STEREO).push(np.zeros((2, 150), int))
    with pytest.raises(ValueError, match="scale"):
        rvqf.RvqfWriter(STEREO).push(np.zeros((2, 150), int), float("nan"))
    with pytest.raises(ValueError, match="1 to 150 frames"):
        rvqf.RvqfWriter(STEREO).push(np.zeros((2, 151), int), 0.1)
    writer = rvqf.RvqfWriter(STEREO)
    writer.push(np.zeros((2, 100), int), 0.1), writer.push(np.zeros((2, 150), int), 0.1)
    with pytest.raises(ValueError, match="other segments"):
        writer.finish(90_000)
    with pytest.raises(ValueError, match="codebooks is 65"):
        replace(MONO, codebooks=65)
    with pytest.raises(ValueError, match="name"):
        replace(MONO, model="Model")


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_are_an_error_and_never_a_crash(data):
    for candidate in (data, small()[:64] + data, small()[:70] + data):
        with pytest.raises(CodecError):
            rvqf.read(candidate, no_model)


def test_the_overhead_is_small():
    frames = 750  # ten seconds at 1.5 kbit/s
    data = rvqf.write(replace(MONO, codebooks=2, block_frames=0), frames * 320, codes_of(frames, 2))
    assert len(data) == 64 + 2 * (20 + ecdc.payload_size(2, 375)) + 16


class Plain:
    """Stores codes as they are, in place of a language model."""

    prefix = bytes(range(8))

    def encode(self, segments, varying=False):
        return np.concatenate(segments, axis=1).astype("<i2").tobytes()

    def decode(self, payloads, frames, codebooks, varying=False):
        return [[np.frombuffer(part, "<i2").reshape(codebooks, -1).astype(np.int64)] for part in payloads]


def with_gains(frames=800):
    header = rvqf.RvqfHeader(
        *("spectral_24khz", 24_000, 1, 2, 320, bytes(8)), language_model=Plain.prefix, gains=True, block_frames=375
    )
    random = np.random.default_rng(4)
    codes = random.integers(0, 1024, (2, frames))
    gains = np.where(random.random(frames) < 0.05, random.integers(1, 128, frames), 0).astype(np.uint8)
    return header, codes, gains


def test_gains_come_back_block_by_block_and_in_pieces():
    header, codes, gains = with_gains()
    writer = rvqf.RvqfWriter(header, Plain())
    data = writer.push(codes[:, :500], gains=gains[:500]) + writer.push(codes[:, 500:], gains=gains[500:])
    data += writer.finish(320 * codes.shape[1])
    file = rvqf.read(data, lambda header: Plain())
    assert np.array_equal(file.gains, gains)
    assert np.array_equal(file.codes, codes)
    reader = rvqf.RvqfReader(lambda header: Plain())
    parts = [part for start in range(0, len(data), 97) for part in reader.push(data[start : start + 97])]
    assert np.array_equal(np.concatenate([part.gains for part in parts]), gains)


def test_gains_that_the_header_does_not_announce_are_refused_and_missing_ones_too():
    header, codes, gains = with_gains()
    with pytest.raises(ValueError, match="gains are not what the header says"):
        rvqf.RvqfWriter(header, Plain()).push(codes)
    with pytest.raises(ValueError, match="gains are not what the header says"):
        rvqf.RvqfWriter(replace(header, gains=False), Plain()).push(codes, gains=gains)
    with pytest.raises(ValueError, match="gains need a language model"):
        replace(header, language_model=None)
    with pytest.raises(ValueError, match="in blocks of at most 512 frames"):
        replace(header, block_frames=1000)


@pytest.mark.parametrize(
    "table", [b"", b"\x01", b"\x02\x00\x05\x02", b"\x01\x00\xff\x03", b"\x01\x00\x05\x00", b"\x02\x00\x05\x02\x05\x02"]
)
def test_a_table_of_gains_that_is_not_sound_is_refused(table):
    with pytest.raises(CodecError, match="table of gains is not sound"):
        unpack_gains(table, 375)
