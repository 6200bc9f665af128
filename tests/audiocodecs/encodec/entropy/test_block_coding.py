import contextlib
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodecs import rvqf
from audiocodecs.base import CodecError, CodecUnavailable
from audiocodecs.encodec.entropy.block_coding import BlockCoding
from audiocodecs.encodec.entropy.exact_model import ExactLanguageModel
from audiocodecs.encodec.entropy.exact_weights import load_weights, save_weights
from audiocodecs.encodec.entropy.range_coder import RangeDecoder, RangeEncoder

HEADER = rvqf.RvqfHeader(
    "encodec_24khz", 24_000, 1, codebooks=4, hop=320, weights=bytes(8), block_frames=20, language_model=b"language"
)
STEREO = rvqf.RvqfHeader(
    *("encodec_48khz", 48_000, 2),
    codebooks=4,
    hop=320,
    weights=bytes(8),
    segment_samples=6400,
    stride_samples=6336,
    scaled=True,
    block_frames=60,
    language_model=b"language",
)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 1 << 16)), max_size=300), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_the_range_coder_gives_back_what_it_was_given(plan, seed):
    random = np.random.default_rng(seed)
    tables, symbols, encoder = [], [], RangeEncoder()
    for kind, most in plan:
        sizes = random.integers(1, 2 + most // 8, random.integers(1, 9))
        if kind == 0:  # one value that is all but certain, and comes or does not come
            sizes[random.integers(len(sizes))] = 1 << 16
        ends = np.cumsum(sizes)
        symbol = int(sizes.argmax()) if kind < 2 else int(random.integers(len(sizes)))
        encoder.push(int(ends[symbol] - sizes[symbol]), int(sizes[symbol]), int(ends[-1]))
        tables.append(ends)
        symbols.append(symbol)
    data = encoder.finish()
    decoder = RangeDecoder(data)
    assert [decoder.pull(ends) for ends in tables] == symbols
    decoder.finish()
    for longer in (data + b"\0", data + b"x", data + bytes(4) + b"\1"):
        decoder = RangeDecoder(longer)
        with contextlib.suppress(CodecError):
            other = [decoder.pull(ends) for ends in tables]
            decoder.finish()
            assert other != symbols


def test_a_carry_runs_through_bytes_already_written():
    encoder = RangeEncoder()
    for _ in range(60):
        encoder.push(0xFFFF, 1, 1 << 16)
    ends = np.array([0xFFFF, 1 << 16])
    decoder = RangeDecoder(encoder.finish())
    assert [decoder.pull(ends) for _ in range(60)] == [1] * 60


@pytest.mark.parametrize("frames", [1, 19, 20, 21, 95])
def test_codes_come_back_from_a_file_and_it_is_smaller(coding, likely, frames):
    codes = likely[:, :frames]
    data = rvqf.write(HEADER, frames * 320, codes, entropy=coding)
    file = rvqf.read(data, lambda header: coding)
    np.testing.assert_array_equal(file.codes, codes)
    if frames > 20:
        assert len(file.payload) < 0.9 * frames * 4 * 10 / 8


VARYING = replace(HEADER, varying=True)


def with_counts(codes, seed=3):
    """Those codes with a random number of codebooks in each frame."""
    counts = np.random.default_rng(seed).integers(1, len(codes) + 1, codes.shape[1])
    return np.where(np.arange(len(codes))[:, None] < counts, codes, -1)


@pytest.mark.parametrize("frames", [1, 19, 20, 21, 95])
def test_frames_may_differ_in_their_number_of_codebooks(coding, likely, frames):
    codes = with_counts(likely[:, :frames])
    data = rvqf.write(VARYING, frames * 320, codes, entropy=coding)
    file = rvqf.read(data, lambda header: coding)
    assert file.header == VARYING
    np.testing.assert_array_equal(file.codes, codes)


def test_frames_of_segments_may_differ_in_it_too(coding, likely):
    header = replace(STEREO, varying=True)
    codes = with_counts(likely[:, :50])
    samples = 6336 * 2 + 3200
    data = rvqf.write(header, samples, codes, np.ones(3), entropy=coding)
    np.testing.assert_array_equal(rvqf.read(data, lambda header: coding).codes, codes)


def test_a_frame_without_its_first_codes_is_refused(coding, likely):
    for column in ([-1, -1, -1, -1], [3, -1, 4, -1]):
        codes = likely[:, :30].copy()
        codes[:, 7] = column
        with pytest.raises(ValueError, match="codes of the first codebooks and no others"):
            rvqf.write(VARYING, 30 * 320, codes, entropy=coding)


def test_a_file_without_a_language_model_has_one_number_for_all_frames():
    with pytest.raises(ValueError, match="need a language model"):
        replace(VARYING, language_model=None)


def test_codes_that_the_model_did_not_expect_come_back_too(coding):
    codes = np.random.default_rng(1).integers(0, 1024, (5, 95))
    header = replace(HEADER, codebooks=5)
    data = rvqf.write(header, 95 * 320, codes, entropy=coding)
    np.testing.assert_array_equal(rvqf.read(data, lambda header: coding).codes, codes)


@pytest.mark.parametrize("samples", [100, 6400, 6401, 60_000])
def test_segments_of_one_block_are_coded_side_by_side(coding, likely, samples):
    count = -(-samples // 6336)
    frames = sum(STEREO.segment_frames_at(index, samples) for index in range(count))
    codes = np.tile(likely, 3)[:, :frames]
    scales = np.linspace(0.1, 0.2, count).astype(np.float32)
    data = rvqf.write(STEREO, samples, codes, scales, entropy=coding)
    file = rvqf.read(data, lambda header: coding)
    np.testing.assert_array_equal(file.codes, codes)
    np.testing.assert_array_equal(file.scales, scales)


def test_blocks_read_alone_together_or_in_pieces_are_the_same(coding, likely):
    codes = likely
    data = rvqf.write(HEADER, 95 * 320, codes, entropy=coding)
    for block in rvqf.blocks(data):
        [segment] = rvqf.read_block(data, block, lambda header: coding)
        np.testing.assert_array_equal(segment.codes, codes[:, block.first_frame :][:, : block.frames[0]])
    reader = rvqf.RvqfReader(lambda header: coding)
    found = [part.codes for at in range(0, len(data), 7) for part in reader.push(data[at : at + 7])]
    np.testing.assert_array_equal(np.concatenate(found, axis=1), codes)
    assert reader.finish() == 95 * 320


def test_every_flipped_bit_of_a_file_is_found(coding, likely):
    data = rvqf.write(HEADER, 20 * 320, likely[:, :20], entropy=coding)
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodecError):
            rvqf.read(bytes(damaged), lambda header: coding)


def test_a_flipped_bit_with_every_checksum_of_the_container_repaired_is_still_found(coding, likely):
    payload = coding.encode([likely[:, :8]])
    for bit in range(8 * len(payload)):
        damaged = bytearray(payload)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodecError):
            coding.decode([bytes(damaged)], [[8]], 4)


def test_tables_that_differ_by_one_are_an_error_and_not_noise(exact_model, coding, likely):
    class Other(ExactLanguageModel):
        def _ends(self, logits):
            found = super()._ends(logits)
            found[:, 500:] += 1
            return found

    other = Other.__new__(Other)
    other.__dict__ = exact_model.__dict__
    payload = coding.encode([likely[:, :40]])
    with pytest.raises(CodecError):
        BlockCoding(other).decode([payload], [[40]], 4)


def test_what_the_model_cannot_take_is_refused(coding):
    with pytest.raises(CodecError, match="6 codebooks"):
        coding.decode([b""], [[5]], 6)
    with pytest.raises(CodecError, match="1001 frames"):
        coding.decode([b""], [[1001]], 2)
    with pytest.raises(CodecError):
        coding.decode([b""], [[5]], 2)


def test_another_language_model_than_the_named_one_is_refused(coding, exact_model, likely):
    data = rvqf.write(HEADER, 20 * 320, likely[:, :20], entropy=coding)
    other = replace(HEADER, language_model=b"english!").pack()
    with pytest.raises(CodecError, match=r"needs the language model 656e676c69736821, here is 6c616e6775616765"):
        rvqf.read(other + data[64:], lambda header: coding)
    with pytest.raises(CodecError, match="is not here"):
        rvqf.read(data, lambda header: None)
    with pytest.raises(ValueError, match="language model"):
        rvqf.write(HEADER, 20 * 320, likely[:, :20])


def test_weights_saved_in_integers_give_the_same_tables(float_model, coding, likely, tmp_path):
    path = tmp_path / "lm.safetensors"
    state = {name: value.numpy() for name, value in float_model.state_dict().items()}
    save_weights(path, float_model.settings, state, {"steps": 3})
    loaded = load_weights(path)
    assert (loaded.settings, loaded.about) == (float_model.settings, {"steps": 3})
    assert loaded.prefix != coding.prefix
    codes = likely[:, :30]
    assert BlockCoding(ExactLanguageModel(loaded)).encode([codes]) == coding.encode([codes])
    parameters = sum(value.size for value in state.values())
    assert path.stat().st_size < 1.2 * parameters
    path.write_bytes(path.read_bytes()[:-1])
    load_weights.cache_clear()
    with pytest.raises(CodecUnavailable, match="does not hold a language model"):
        load_weights(path)


def test_the_payload_begins_with_the_sum_of_the_codes(coding, likely):
    codes = likely[:, :20]
    expected = zlib.crc32(b"".join(int(code).to_bytes(2, "little") for code in codes.T.reshape(-1)))
    assert int.from_bytes(coding.encode([codes])[:4], "little") == expected
