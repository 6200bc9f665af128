import itertools

import numpy as np
import pytest

from audiocodecs import audio, pieces
from audiocodecs.base import CodecError
from audiocodecs.pieces import Pieces


def parts(samples, sizes):
    """The samples in blocks of these sizes, again and again."""
    start = 0
    for size in itertools.cycle(sizes):
        if start >= samples.shape[1]:
            return
        yield samples[:, start : start + size]
        start += size


def noise(n, channels=1):
    return np.random.default_rng(n).uniform(-0.5, 0.5, (channels, n)).astype(np.float32)


@pytest.mark.parametrize(("rate", "new_rate"), [(44_100, 24_000), (48_000, 24_000), (8000, 48_000), (24_000, 24_000)])
@pytest.mark.parametrize("n", [1, 5, 1000, 100_001])
def test_resampling_in_pieces_is_resampling_the_whole(rate, new_rate, n):
    samples = noise(n, 2)
    found = pieces.resample(Pieces(rate, 2, parts(samples, [1, 700, 20_000]), n), new_rate)
    whole = np.concatenate(list(found.blocks), axis=1)
    assert found.samples == whole.shape[1]
    np.testing.assert_array_equal(whole, audio.resample(samples, rate, new_rate))


@pytest.mark.parametrize("sizes", [[1], [10], [3, 50, 11], [1000]])
def test_cutting_changes_sizes_and_nothing_else(sizes):
    samples = noise(123, 2)
    found = list(pieces.cut(parts(samples, sizes), 10))
    assert [block.shape[1] for block in found] == [10] * 12 + [3]
    np.testing.assert_array_equal(np.concatenate(found, axis=1), samples)


@pytest.mark.parametrize("total", [91, 95, 100, 103])
def test_trimming_holds_back_what_may_be_too_much(total):
    samples = noise(100)
    found = np.concatenate(list(pieces.trim(parts(samples, [7]), lambda: total, 9)), axis=1)
    np.testing.assert_array_equal(found, np.pad(samples, ((0, 0), (0, 3)))[:, :total])


@pytest.mark.parametrize(("skip", "n"), [(0, 100), (0, 30), (15, 85), (95, 5), (95, 20), (-4, 104), (-4, 3), (120, 10)])
def test_a_span_of_blocks_is_that_part_of_the_whole(skip, n):
    samples = noise(100, 2)
    found = pieces.join(pieces.span(parts(samples, [1, 7, 20]), skip, n), 2, n)
    whole = np.pad(samples, ((0, 0), (max(0, -skip), 100)))[:, max(0, skip) :]
    np.testing.assert_array_equal(found, whole[:, :n])


def test_a_span_asks_for_no_more_blocks_than_it_needs():
    blocks = itertools.repeat(noise(10))
    assert sum(block.shape[1] for block in pieces.span(blocks, 5, 1000)) == 1000


@pytest.mark.parametrize("n", [1, 499, 500, 501, 2000])
def test_pieces_are_fitted_to_another_rate_and_length(n):
    samples = noise(1000, 2)
    found = pieces.fit(Pieces(48_000, 2, parts(samples, [300])), 24_000, n)
    np.testing.assert_array_equal(found, audio.fit_length(audio.resample(samples, 48_000, 24_000), n))


def test_a_file_in_pieces_is_the_file(tmp_path):
    audio.write_wav(tmp_path / "a.wav", noise(200_000, 2), 44_100)
    found = audio.read_pieces(tmp_path / "a.wav")
    assert (found.rate, found.channels) == (44_100, 2)
    blocks = list(found.blocks)
    assert len(blocks) > 2
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), audio.read(tmp_path / "a.wav").samples)


def test_nothing_too_many_channels_and_no_numbers_are_refused():
    nan = noise(100)
    nan[0, 40] = np.nan
    for samples, channels, text in [
        (noise(0), {1}, "0 samples"),
        (noise(9, 2), {1}, "carries mono, not stereo"),
        (nan, {1, 2}, "first at 0.050 s"),
    ]:
        with pytest.raises(CodecError, match=text):
            list(pieces.check(Pieces(800, len(samples), parts(samples, [10])), "EnCodec", channels).blocks)
