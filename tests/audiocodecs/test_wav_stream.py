import io
import struct

import numpy as np
import pytest
import soundfile

from audiocodecs import audio, wav_stream
from audiocodecs.base import CodecError


class Pipe(io.RawIOBase):
    """A stream that can be read forwards only, or written."""

    def __init__(self, data=b""):
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def writable(self):
        return True

    def seekable(self):
        return False

    def read(self, size=-1):
        return self._data.read(size)

    def write(self, data):
        return self._data.write(data)

    def getvalue(self):
        return self._data.getvalue()


@pytest.fixture
def noise():
    return (np.random.default_rng(4).uniform(-0.9, 0.9, (2, 100_003))).astype(np.float32)


def wav(samples, rate, subtype, format="WAV"):
    file = io.BytesIO()
    soundfile.write(file, samples.T, rate, subtype=subtype, format=format)
    return file.getvalue()


def whole(pieces):
    return np.concatenate(list(pieces.blocks), axis=1)


@pytest.mark.parametrize("format", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "PCM_U8", "FLOAT", "DOUBLE"])
def test_every_kind_of_wav_is_read_as_libsndfile_reads_it(noise, subtype, format):
    data = wav(noise, 44_100, subtype, format)
    pieces = wav_stream.read(Pipe(data))
    assert (pieces.rate, pieces.channels, pieces.samples) == (44_100, 2, noise.shape[1])
    np.testing.assert_array_equal(whole(pieces), soundfile.read(io.BytesIO(data), dtype="float32")[0].T)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_the_sender_did_not_know_means_until_the_end(noise, size):
    data = bytearray(wav(noise, 48_000, "PCM_16"))
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", size)
    pieces = wav_stream.read(Pipe(bytes(data)))
    assert pieces.samples is None
    assert whole(pieces).shape == noise.shape


def test_what_follows_the_samples_is_no_sound(noise):
    data = wav(noise, 48_000, "PCM_16") + b"LIST\x04\0\0\0INFO"
    assert whole(wav_stream.read(Pipe(data))).shape == noise.shape


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "not WAV"),
        (b"fLaC" + bytes(100), "not WAV"),
        (b"RIFF\0\0\0\0WAVEfmt ", "cut off inside its header"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "no chunk fmt"),
        (b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0ab", "too short"),
        (b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\x7f", "damaged"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 6, 1, 8000, 8000, 1, 8), "kind 6 with 8 bits"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 0, 8000, 0, 0, 16), "0 channels"),
    ],
)
def test_what_is_no_wav_is_a_clear_error(data, text):
    with pytest.raises(CodecError, match=text):
        wav_stream.read(Pipe(data))


def test_a_stream_shorter_than_it_says_is_an_error_after_what_there_is(noise):
    pieces = wav_stream.read(Pipe(wav(noise, 48_000, "PCM_16")[:-8]))
    assert next(pieces.blocks).shape == (2, 48_000)
    with pytest.raises(CodecError, match="2 of 100003 samples are missing"):
        list(pieces.blocks)


def test_pieces_are_written_as_the_whole_would_be(noise, tmp_path):
    audio.write_wav(tmp_path / "whole.wav", noise, 48_000)
    with (tmp_path / "pieces.wav").open("w+b") as file:
        writer = wav_stream.WavWriter(file, 48_000, 2)
        for start in range(0, noise.shape[1], 7777):
            writer.write(noise[:, start : start + 7777])
        writer.close()
    assert (tmp_path / "pieces.wav").read_bytes() == (tmp_path / "whole.wav").read_bytes()


def test_in_a_pipe_the_length_is_right_if_it_is_known_and_else_endless(noise):
    for samples, size in [(noise.shape[1], noise.size * 2), (None, 0xFFFFFFFF), (2**40, 0xFFFFFFFF)]:
        pipe = Pipe()
        writer = wav_stream.WavWriter(pipe, 48_000, 2, samples)
        writer.write(noise)
        writer.close()
        assert struct.unpack_from("<I", pipe.getvalue(), 40)[0] == size
        assert len(pipe.getvalue()) == 44 + noise.size * 2
