"""A clip's sounds as raters get them: FLAC, losslessly smaller, all of one length and with one header.

A file's own length would tell slots apart: a low-pass packs better than noise. So all files of a clip get one length,
above that of the longest by a random share, and random bytes fill them up: only decoding shows where a sound ends.
Decoders stop at the number of samples that the header names. Everything in the header that comes from the samples is
blank: their MD5, the sizes of the frames.
"""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import numpy as np
import soundfile
from django.db import transaction
from django.db.models.fields.files import FieldFile
from django.utils.crypto import salted_hmac

from listening.models import Clip, Rendering
from listening.storage import store_once

_LAYOUT = "3"  # raised when what this module writes changes: clips are packed anew when a study opens
_STREAMINFO = 34  # bytes
_FRAME_SIZES, _MD5 = slice(4, 10), slice(18, 34)


def pack(clip: Clip) -> bool:
    """Make the files that raters get of a clip, once all of its stimuli are there. Done twice, it changes nothing.

    Returns
    -------
    bool
        Whether they are there: False while a stimulus is missing.
    """
    if not clip.reference or clip.renderings.order_by().exclude(state=Rendering.State.DONE).exists():
        return False
    renderings = list(clip.renderings.order_by("pk"))
    if not renderings:
        return False
    key = packing_key(clip, renderings)
    if clip.packed_for == key:
        return True
    stored = {clip.reference_sha256: clip.reference} | {each.stimulus_sha256: each.stimulus for each in renderings}
    made = {sha256: _flac_of(file) for sha256, file in stored.items()}
    packed = [made[sha256] for sha256 in (clip.reference_sha256, *(each.stimulus_sha256 for each in renderings))]
    sounds = _sounds(clip, renderings)
    length = padded_length(max(map(len, packed)), _secret(sounds, "length"))
    filled = (pad(each, length, _secret(sounds, place)) for place, each in enumerate(packed))
    with ThreadPoolExecutor() as disk:  # it takes many files in the time of a few
        names = list(disk.map(_store, filled, count()))
    with transaction.atomic():
        Clip.objects.filter(pk=clip.pk).update(packed=names[0], packed_for=key)
        for rendering, name in zip(renderings, names[1:], strict=True):
            Rendering.objects.filter(pk=rendering.pk).update(packed=name)
    clip.refresh_from_db(fields=["packed", "packed_for"])
    return True


def packing_key(clip: Clip, renderings: list[Rendering]) -> str:
    """Hash of the sounds that the packed files were made from, and of the rows that name them."""
    rows = " ".join(str(each.pk) for each in renderings)
    return hashlib.sha256(f"{_sounds(clip, renderings)}\n{rows}".encode()).hexdigest()


def _sounds(clip: Clip, renderings: list[Rendering]) -> str:
    """What the files are made from: clones of a study share them."""
    return "\n".join((_LAYOUT, clip.reference_sha256, *(each.stimulus_sha256 for each in renderings)))


def flac(samples: np.ndarray, rate: int) -> bytes:
    """FLAC whose header tells nothing of the samples but rate, channels, word length and number.

    Parameters
    ----------
    samples : ndarray of int16, shape (n, channels)
    rate : int
        Hz.

    Returns
    -------
    bytes
        One metadata block (STREAMINFO) with frame sizes and MD5 unknown, as RFC 9639, section 8.2 allows; then
        the frames.
    """
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="FLAC", subtype="PCM_16")
    written = buffer.getvalue()
    at, last, info = 4, False, bytearray()
    while not last:
        last, kind, size = bool(written[at] & 0x80), written[at] & 0x7F, int.from_bytes(written[at + 1 : at + 4], "big")
        if kind == 0:
            info = bytearray(written[at + 4 : at + 4 + size])
        at += 4 + size
    for blank in (_FRAME_SIZES, _MD5):
        info[blank] = bytes(blank.stop - blank.start)
    return b"fLaC" + bytes([0x80, 0, 0, _STREAMINFO]) + bytes(info) + written[at:]


def padded_length(longest: int, secret: bytes) -> int:
    """Length of all files of a clip: the next of a few sizes, and a random share of a step above it.

    Parameters
    ----------
    longest : int
        Bytes of the longest.
    secret : bytes
        What the share is drawn from.

    Returns
    -------
    int
        At most a quarter more than `longest`, a twelfth on average.
    """
    step = 1 << max(longest.bit_length() - 4, 0)
    draw: int = int.from_bytes(hashlib.shake_256(secret).digest(8), "big")
    return -(-longest // step) * step + draw % step


def pad(content: bytes, length: int, secret: bytes) -> bytes:
    """Fill FLAC up with random bytes, of which no two look like the start of a frame.

    Parameters
    ----------
    content : bytes
    length : int
        Bytes of the result.
    secret : bytes
        What the bytes are drawn from.

    Returns
    -------
    bytes
    """
    drawn = np.frombuffer(content[-1:] + hashlib.shake_256(secret).digest(length - len(content)), np.uint8).copy()
    sync = (drawn[:-1] == 0xFF) & (drawn[1:] & 0xFC == 0xF8)  # RFC 9639, section 9.1
    drawn[1:][sync] ^= 0x80
    return content + drawn[1:].tobytes()


def _secret(sounds: str, place: object) -> bytes:
    """What nobody can draw again without the installation's secret key; the same for the same sounds."""
    return salted_hmac("listening.packing", f"{sounds} {place}", algorithm="sha256").digest()


def _flac_of(stored: FieldFile) -> bytes:
    with stored.open("rb") as file:
        samples, rate = soundfile.read(io.BytesIO(file.read()), dtype="int16", always_2d=True)
    return flac(samples, rate)


def _store(content: bytes, place: int) -> str:
    """A clip's two references sound alike, and yet are two files: one that was read is quicker to read again."""
    return store_once("packed", hashlib.sha256(content + b"%d" % place).hexdigest(), ".flac", content)
