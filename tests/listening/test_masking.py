"""The mask over sounds: gone when it is put on twice, even, and another one for each token."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from listening import masking

KEY = "00112233445566778899aabbccddeeff"


@given(st.binary(max_size=300), st.text())
def test_put_on_twice_it_is_gone(content, token):
    key = masking.key_of(token)
    masked = masking.mask(content, key)
    assert len(masked) == len(content)
    assert masking.mask(masked, key) == content


def test_it_goes_on_evenly_over_the_blocks_in_which_it_is_made():
    whole = masking.mask(bytes(4 * (1 << 16) + 7), KEY)
    words = masking.stream(np.arange((1 << 16) + 2, dtype=np.uint32), KEY)
    assert whole == words.astype("<u4").tobytes()[: len(whole)]


def test_it_stays_what_it_is():
    """Pages and servers of two versions meet in browsers' caches."""
    assert masking.mask(bytes(18), KEY).hex() == "74ad93a63b968a0d776e56fc213d8d829836"


@pytest.mark.parametrize("content", [bytes(1 << 20), b"\xff" * (1 << 20), b"fLaC" * (1 << 18)])
def test_whatever_is_masked_looks_like_even_noise(content):
    masked = np.frombuffer(masking.mask(content, masking.key_of("x")), np.uint8)
    pairs = masked[:-1].astype(int) * 256 + masked[1:]
    assert chisquare(np.bincount(masked, minlength=256)).pvalue > 1e-4
    assert chisquare(np.bincount(pairs, minlength=1 << 16)).pvalue > 1e-4
    bits = np.unpackbits(masked)
    for step in (1, 8, 32, 64, 32 * 1024):
        assert abs(np.corrcoef(bits[:-step], bits[step:])[0, 1]) < 5 / np.sqrt(len(bits))


def test_one_digit_of_the_key_changes_half_of_all_bits():
    plain = np.unpackbits(np.frombuffer(masking.mask(bytes(40_000), KEY), np.uint8))
    for at in range(len(KEY)):
        other = KEY[:at] + format(int(KEY[at], 16) ^ 1, "x") + KEY[at + 1 :]
        changed = np.unpackbits(np.frombuffer(masking.mask(bytes(40_000), other), np.uint8)) != plain
        assert changed.mean() == pytest.approx(0.5, abs=0.02)


def test_keys_hang_on_the_token_and_on_the_installations_secret(settings):
    here = masking.key_of("token")
    assert here != masking.key_of("Token")
    settings.SECRET_KEY = "another installation's"
    assert masking.key_of("token") != here
