import contextlib
import json
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.base import CodecError
from audiocodecs.encodec import ecdc


def prefix(text: bytes, magic: bytes = b"ECDC", version: int = 0) -> bytes:
    return struct.pack(">4sBI", magic, version, len(text)) + text


def header(**changes: object) -> bytes:
    return prefix(json.dumps({"m": "encodec_24khz", "al": 960, "nc": 2, "lm": False, **changes}).encode())


@given(st.integers(1, 32), st.integers(0, 50), st.integers(0, 2**32 - 1))
def test_unpacking_gives_back_what_was_packed(n_q, frames, seed):
    codes = np.random.default_rng(seed).integers(0, 1024, (n_q, frames))
    data = ecdc.pack_codes(codes)
    assert len(data) == -(-n_q * frames * 10 // 8)
    np.testing.assert_array_equal(ecdc.unpack_codes(data, n_q, frames), codes)


def test_the_bits_are_time_outer_codebook_inner_least_significant_first():
    codes = np.array([[0b0000000001, 0b1111111111], [0b1000000000, 0b0101010101]])
    bits = "".join(format(code, "010b")[::-1] for code in (1, 512, 1023, 341))
    expected = bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))
    assert ecdc.pack_codes(codes) == expected


def test_a_file_of_1_2_seconds_at_1_5_kbps_has_66_and_225_bytes():
    codes = np.zeros((2, 90), int)
    data = ecdc.write_ecdc("encodec_24khz", 28800, codes)
    assert len(data) == 66 + 225
    assert data[9:66] == b'{"m": "encodec_24khz", "al": 28800, "nc": 2, "lm": false}'


def test_keys_beyond_the_published_ones_are_kept_in_order():
    data = ecdc.write_ecdc("spectral_24khz", 960, np.zeros((2, 3), int), {"w": "0a1b2c3d", "v": 2})
    found, payload = ecdc.read_ecdc(data)
    assert found == ecdc.Header("spectral_24khz", 960, 2, False, (("w", "0a1b2c3d"), ("v", 2)))
    assert len(payload) == 8


def test_frames_are_counted_in_integers():
    assert ecdc.frame_count(53760, 24000, 75) == 168
    assert ecdc.frame_count(1, 24000, 75) == 1
    assert ecdc.frame_count(321, 24000, 75) == 2


@pytest.mark.parametrize("codes", [np.array([[1024]]), np.array([[-1]]), np.array([1, 2])])
def test_codes_out_of_range_are_refused(codes):
    with pytest.raises(ValueError, match="codes"):
        ecdc.pack_codes(codes)


@pytest.mark.parametrize("size", [0, 7, 9])
def test_a_payload_of_the_wrong_size_is_refused(size):
    with pytest.raises(CodecError, match="take 8 bytes"):
        ecdc.unpack_codes(bytes(size), 2, 3)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "not an ECDC file"),
        (b"RIFF....WAVE", "not an ECDC file"),
        (b"ECDC\0", "cut off"),
        (header()[:-1], "cut off"),
        (prefix(b"{}", version=1), "version 1"),
        (struct.pack(">4sBI", b"ECDC", 0, 2**32 - 1), "header of 4294967295 bytes"),
        (prefix(b"\xff\xfe"), "not JSON"),
        (prefix(b"[" * 4000), "not JSON"),
        (prefix(b"[]"), "not a JSON object"),
        (prefix(b"{}"), "names no model"),
        (header(m=3), "names no model"),
        (header(al=0), "`al` as 0"),
        (header(al=-5), "`al` as -5"),
        (header(al=10**30), "`al`"),
        (header(nc=4000), "`nc`"),
        (header(al=1e300), "`al`"),
        (header(al=True), "`al`"),
        (header(nc="2"), "`nc`"),
        (header(nc=[]), "`nc`"),
        (header(lm=None), "lm"),
        (header(lm=True), "language model"),
        (prefix(b'{"m": "x", "al": ' + b"9" * 4000 + b', "nc": 2, "lm": true}'), "`al`"),
        (prefix(b'{"m": "x", "al": NaN, "nc": 2, "lm": true}'), "`al` as nan"),
    ],
)
def test_a_damaged_header_is_a_clear_error(data, text):
    with pytest.raises(CodecError, match=text):
        ecdc.read_ecdc(data)


def test_a_header_that_claims_years_of_audio_takes_no_memory():
    found, payload = ecdc.read_ecdc(header(al=10**14, nc=1024) + bytes(100))
    tracemalloc.start()
    with pytest.raises(CodecError, match="is cut off"):
        ecdc.unpack_codes(payload, found.codebooks, ecdc.frame_count(found.samples, 24000, 75))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_but_never_crash(data):
    for candidate in (data, b"ECDC" + data, prefix(data)):
        with contextlib.suppress(CodecError):
            ecdc.read_ecdc(candidate)
