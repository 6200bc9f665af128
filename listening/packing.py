"""A clip's sounds as raters get them: FLAC, losslessly smaller, all of one length and with one header.

A file's own length would tell slots apart (a low-pass packs better than noise), so each is filled up with zeros to
the length of the clip's longest; decoders stop at the number of samples that the header names. Everything in the
header that comes from the samples is blanked: their MD5, the sizes of the frames.
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

from listening.models import Clip, Rendering
from listening.storage import store_once

_LAYOUT = "2"  # raised when what this module writes changes: clips are packed anew when a study opens
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
    longest = max(map(len, packed))
    with ThreadPoolExecutor() as disk:  # it takes many files in the time of a few
        names = list(disk.map(_store, (each.ljust(longest, b"\0") for each in packed), count()))
    with transaction.atomic():
        Clip.objects.filter(pk=clip.pk).update(packed=names[0], packed_for=key)
        for rendering, name in zip(renderings, names[1:], strict=True):
            Rendering.objects.filter(pk=rendering.pk).update(packed=name)
    clip.refresh_from_db(fields=["packed", "packed_for"])
    return True


def packing_key(clip: Clip, renderings: list[Rendering]) -> str:
    """Hash of the sounds that the packed files were made from."""
    sounds = (_LAYOUT, clip.reference_sha256, *(f"{each.pk} {each.stimulus_sha256}" for each in renderings))
    return hashlib.sha256("\n".join(sounds).encode()).hexdigest()


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


def _flac_of(stored: FieldFile) -> bytes:
    with stored.open("rb") as file:
        samples, rate = soundfile.read(io.BytesIO(file.read()), dtype="int16", always_2d=True)
    return flac(samples, rate)


def _store(content: bytes, place: int) -> str:
    """A clip's two references are equal, and yet files of their own: one that was read is quicker to read again."""
    return store_once("packed", hashlib.sha256(content + b"%d" % place).hexdigest(), ".flac", content)
