"""The mask over sounds on their way to a rater: bytes that all look alike.

Zeros at a file's end and the spacing of its frames say how well it packs, and with it whether it is a low-pass, to
whoever looks at the bytes that come over the line. So a body is sent XORed with a stream of numbers from a key of its
token, and the page that knows the key takes the stream off again (`static/listening/mask.js`, the same arithmetic).
It is concealment and no cryptography: the page holds the key. WebCrypto would be no stronger here, and browsers have it
on https only.
"""

from __future__ import annotations

import numpy as np
from django.utils.crypto import salted_hmac

KEY_WORDS = 4
_BLOCK = 1 << 16  # words masked at once: what fits a processor's cache


def key_of(token: str) -> str:
    """The key of an audio token: 128 bits in hex that nobody knows who lacks the installation's secret key."""
    return salted_hmac("listening.masking", token, algorithm="sha256").hexdigest()[: 8 * KEY_WORDS]


def mask(content: bytes, key: str) -> bytes:
    """Put the mask on, or take it off.

    Parameters
    ----------
    content : bytes
    key : str
        From `key_of`.

    Returns
    -------
    bytes
        As long as `content`: its little-endian words of 32 bits XORed with `stream(0)`, `stream(1)` and so on; of
        the last word, as many bytes as there are.
    """
    words = np.zeros(-(-len(content) // 4), dtype="<u4")
    words.view(np.uint8)[: len(content)] = np.frombuffer(content, np.uint8)
    for first in range(0, len(words), _BLOCK):
        part = words[first : first + _BLOCK]
        part ^= stream(np.arange(first, first + len(part), dtype=np.uint32), key)
    return words.tobytes()[: len(content)]


def stream(at: np.ndarray, key: str) -> np.ndarray:
    """Words of the mask at these places.

    Multiplications by odd numbers and shifts that carry high bits down, in the manner of the finalisers of hash
    functions, with one of the key's words brought in before each: streams of two keys are no shifts of each other.

    Parameters
    ----------
    at : ndarray of uint32
        Gone after the call.
    key : str

    Returns
    -------
    ndarray of uint32
    """
    a, b, c, d = (np.uint32(int(key[8 * word : 8 * word + 8], 16)) for word in range(KEY_WORDS))
    at *= np.uint32(0x9E3779B1)
    at += a
    at ^= at >> np.uint32(16)
    at *= np.uint32(0x85EBCA6B)
    at += b
    at ^= at >> np.uint32(13)
    at *= np.uint32(0xC2B2AE35)
    at += c
    at ^= at >> np.uint32(16)
    at *= np.uint32(0x2C1B3C6D)
    at += d
    at ^= at >> np.uint32(15)
    at *= np.uint32(0x297A2D39)
    at ^= at >> np.uint32(16)
    at *= np.uint32(0x735A2D97)
    at ^= at >> np.uint32(15)
    return at
