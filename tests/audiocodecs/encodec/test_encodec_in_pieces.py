"""Clips in pieces, in both containers: what comes out is what the whole would give."""

import itertools

import numpy as np
import pytest

from audiocodecs import rvqf
from audiocodecs.base import CodecError, Spec
from audiocodecs.pieces import Pieces

RVQF = (("container", "rvqf"),)


def parts(samples, sizes):
    start = 0
    for size in itertools.cycle(sizes):
        if start >= samples.shape[1]:
            return
        yield samples[:, start : start + size]
        start += size


def bytes_of(data, size):
    return (data[start : start + size] for start in range(0, len(data), size))


def whole(pieces):
    return np.concatenate(list(pieces.blocks), axis=1)


@pytest.fixture(params=[pytest.param("24 kHz", marks=pytest.mark.slow), "48 kHz"])
def coded(request, clips, stereo_clips):
    """The class, a clip of some seconds at another rate than the model's, and that rate."""
    if request.param == "24 kHz":
        samples, name = clips["speech_en_prompts"].numpy()[:, :254_321], "published"
        rate = 16_000  # more seconds than go through the layers at once
    else:
        samples, name, rate = stereo_clips["music_guitar"].numpy()[:, :190_123], "published_48", 44_100
    return request.getfixturevalue(name), samples, rate


# `make test` sees ECDC in pieces in test_encodec_pipes.py.
@pytest.mark.parametrize("options", [pytest.param((), marks=pytest.mark.slow), RVQF], ids=["ECDC", "RVQF"])
def test_pieces_of_any_size_give_the_file_of_the_whole(coded, options):
    published, samples, rate = coded
    codec = published.parse(Spec(published.name, 6.0, options))
    encoded = codec.encode(samples, rate)
    pieces = Pieces(rate, len(samples), parts(samples, [1, 1000, 100_000]))
    written = list(codec.encode_pieces(pieces))
    assert b"".join(written) == encoded.container
    if options:
        assert len(written) > 1, "nothing was written before the end"

    read = codec.read(encoded.container)
    at_once, found_rate = codec.decode(read)
    in_pieces = codec.decode_pieces(bytes_of(encoded.container, 1000))
    assert (in_pieces.rate, in_pieces.channels) == (found_rate, len(samples)) == (codec.settings.rate, len(samples))
    decoded = whole(in_pieces)
    assert decoded.shape == at_once.shape == (len(samples), read.samples)
    np.testing.assert_array_equal(decoded, at_once)
    assert in_pieces.samples == (None if options else read.samples)


def test_both_containers_hold_the_same_sound(coded):
    published, samples, rate = coded
    short = samples[:, : rate * 12 // 10]
    files = [published.parse(Spec(published.name, 6.0, options)).encode(short, rate) for options in ((), RVQF)]
    assert [file.container[:4] for file in files] == [b"ECDC", b"RVQF"]
    assert files[1].kbps == pytest.approx(files[0].kbps, rel=0.01) == pytest.approx(6, rel=0.03)
    codec = published.parse(Spec(published.name, 12.0))
    np.testing.assert_array_equal(*(codec.decode(codec.read(file.container))[0] for file in files))


def test_a_file_of_other_weights_or_damaged_is_refused_and_no_noise(published, published_48, clips):
    codec = published.parse(Spec(published.name, 3.0, RVQF))
    data = codec.encode(clips["speech_en_prompts"].numpy()[:, :50_000], 24_000).container
    header = rvqf.read_header(data)
    other = rvqf.RvqfHeader(header.model, 24_000, 1, 4, 320, weights=bytes(8))
    for damaged, text in [
        (other.pack() + data[rvqf.layout.HEADER.size :], "other weights of encodec_24khz"),
        (data[:-1], "cut off"),
        (data[:100] + bytes([data[100] ^ 1]) + data[101:], "checksum"),
    ]:
        with pytest.raises(CodecError, match=text):
            codec.read(damaged)
        with pytest.raises(CodecError):
            whole(codec.decode_pieces(bytes_of(damaged, 77)))
    with pytest.raises(CodecError, match="written by encodec_24khz"):
        published_48.parse(Spec(published_48.name, 3.0)).read(data)


@pytest.mark.slow
def test_a_file_that_is_cut_off_gives_what_is_there_and_then_the_error(published, clips):
    codec = published.parse(Spec(published.name, 1.5, RVQF))
    samples = clips["speech_en_prompts"].numpy()
    long = np.concatenate([samples, samples, samples], axis=1)
    data = codec.encode(long, 24_000).container
    blocks = codec.decode_pieces(bytes_of(data[:-20], 500)).blocks
    first = next(blocks)
    assert first.shape[1] > 24_000
    with pytest.raises(CodecError, match="cut off"):
        list(blocks)
