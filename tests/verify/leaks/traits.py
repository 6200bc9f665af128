"""Numbers that describe a slot by everything received about it, decoded samples left out."""

from __future__ import annotations

import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from scipy.stats import rankdata

from tests.verify.leaks.crawl import Page, Sound

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ENDS = 8  # bytes at either end of a body that are looked at one by one
PARTS = 8  # of a body, each with an entropy of its own

Traits = dict[str, float]


def traits_of(page: Page) -> tuple[np.ndarray, list[str]]:
    """Traits of a page's slots.

    Returns
    -------
    ndarray of float, shape (slots, traits)
        Each trait as it is and as its rank among the slots of the page, 0 to 1.
    list of str
        Names of the traits.
    """
    bodies = [np.frombuffer(slot.answers["first"].body, np.uint8) for slot in page.slots]
    reference = np.frombuffer(page.reference.answers["first"].body, np.uint8)
    found = [
        {"slot": float(place), **_token(slot), **_body(body), **_times(slot), **_sizes(slot)}
        for place, (slot, body) in enumerate(zip(page.slots, bodies, strict=True))
    ]
    for traits, body, slot in zip(found, bodies, page.slots, strict=True):
        traits |= _against(body, reference, "reference")
        alike = [_equal(body, other) for other in bodies if other is not body]
        traits |= {"alike most": max(alike), "alike mean": float(np.mean(alike))}
        traits |= _against(body, _repeated(bytes.fromhex(str(slot.setup["key"])), len(body)), "key")
        traits |= _against(body, _repeated(slot.token.encode(), len(body)), "token")
        keys = (str(slot.setup["key"]), str(page.reference.setup["key"]))
        traits["key of the reference"] = float(keys[0] == keys[1])
    for name, kinds in _kinds(page.slots).items():
        for traits, odd in zip(found, _odd(kinds), strict=True):
            traits[name] = odd
    names = list(found[0])
    values = np.array([[traits[name] for name in names] for traits in found])
    ranks = (rankdata(values, axis=0) - 1) / max(1, len(values) - 1)
    return np.hstack([values, ranks]), [*names, *(f"rank of {name}" for name in names)]


def _token(slot: Sound) -> Traits:
    token, key = slot.token, bytes.fromhex(str(slot.setup["key"]))
    letters = {f"token {at}": float(ALPHABET.index(letter)) for at, letter in enumerate(token)}
    numbers = {f"key {at}": float(byte) for at, byte in enumerate(key)}
    whole = {
        "token as a number": float(sum(ALPHABET.index(each) * 64.0**-at for at, each in enumerate(token))),
        "token in a sorted list": float(sum(ord(each) * 128.0**-at for at, each in enumerate(token))),
    }
    return {**letters, **numbers, **whole, "key as a number": float(int.from_bytes(key[:6], "big"))}


def _body(body: np.ndarray) -> Traits:
    counts = np.bincount(body, minlength=256)
    expected = max(1.0, len(body) / 256)
    sync = np.flatnonzero((body[:-1] == 0xFF) & ((body[1:] & 0xFC) == 0xF8))
    changes = np.flatnonzero(np.diff(body))
    ends = dict(zip([f"byte {at}" for at in (*range(ENDS), *range(-ENDS, 0))], _ends(body), strict=True))
    bins = {f"bytes from {16 * at}": share for at, share in enumerate(counts.reshape(16, 16).sum(axis=1) / len(body))}
    entropies = {f"entropy of part {at}": _entropy(part) for at, part in enumerate(np.array_split(body, PARTS))}
    centred = body - body.mean()
    power = float(centred @ centred) or 1.0
    return {
        **ends,
        **bins,
        **entropies,
        "chi square": float(((counts - expected) ** 2 / expected).sum()),
        "entropy": _entropy(body),
        "entropy of differences": _entropy(np.diff(body)),
        "bits set": float(np.unpackbits(body).mean()),
        "zeros": float(counts[0]),
        "longest run": float(np.diff(changes, prepend=-1, append=len(body) - 1).max()),
        "run at the end": math.log1p(len(body) - 1 - (changes[-1] if len(changes) else -1)),
        "frames": float(len(sync)),
        "first frame": float(sync[0]) if len(sync) else -1.0,
        "between frames": float(np.median(np.diff(sync))) if len(sync) > 1 else -1.0,
        "last frame": float(sync[-1]) if len(sync) else -1.0,
        "compressed": len(zlib.compress(body.tobytes(), 6)) / len(body),
        "compressed end": len(zlib.compress(body[-4096:].tobytes(), 9)) / 4096,
        **{f"correlation {lag}": float(centred[:-lag] @ centred[lag:]) / power for lag in (1, 2, 4)},
    }


def _ends(body: np.ndarray) -> list[float]:
    return np.concatenate([body[:ENDS], body[-ENDS:]]).astype(float).tolist()


def _times(slot: Sound) -> Traits:
    times = {}
    for way, answer in {**slot.answers, "save": slot.saved}.items():
        times |= {f"first byte, {way}": answer.first_byte, f"whole, {way}": answer.whole}
    firsts = [answer.first_byte for answer in slot.answers.values()]
    return {**times, "quickest": min(firsts), "middle": float(np.median(firsts)), "all": sum(firsts)}


def _sizes(slot: Sound) -> Traits:
    answers = {**slot.answers, "save": slot.saved}
    sizes = {f"length, {way}": float(len(answer.body)) for way, answer in answers.items()}
    sizes |= {
        f"length said, {way}": float(dict(each.headers).get("Content-Length", -1)) for way, each in answers.items()
    }
    return {**sizes, "row": float(len(slot.row)), "setup": float(len(json.dumps(slot.setup)))}


def _kinds(slots: Sequence[Sound]) -> dict[str, list[Hashable]]:
    """What is alike for all slots of a page, or else tells them apart."""
    kinds: dict[str, list[Hashable]] = {
        "odd row": [_neutral(slot.row, slot) for slot in slots],
        "odd setup": [_neutral(json.dumps(slot.setup), slot) for slot in slots],
        "odd save": [
            (slot.saved.status, _neutral(slot.saved.body.decode(), slot), slot.saved.headers) for slot in slots
        ],
    }
    for way in slots[0].answers:
        kinds[f"odd headers, {way}"] = [(slot.answers[way].status, slot.answers[way].headers) for slot in slots]
    kinds["another body the second time"] = [
        tuple(slot.answers[way].body == slot.answers["first"].body for way in ("range", "unchanged", "second"))
        for slot in slots
    ]
    return kinds


def _odd(kinds: Sequence[Hashable]) -> list[float]:
    """Share of the slots that are of another kind than this one."""
    counts = Counter(kinds)
    return [1 - counts[kind] / len(kinds) for kind in kinds]


def _neutral(text: str, slot: Sound) -> str:
    """Without its token, its key and its number where the slot is named."""
    text = text.replace(slot.token, "TOKEN").replace(str(slot.setup["key"]), "KEY")
    return re.sub(rf'(slot-|data-slot="|sound |"name">|"slot": ){slot.setup["slot"]}\b', r"\1N", text)


def _against(body: np.ndarray, other: np.ndarray, name: str) -> Traits:
    n = min(len(body), len(other))
    both = body[:n] ^ other[:n]
    return {f"like the {name}": float(np.mean(both == 0)), f"entropy against the {name}": _entropy(both)}


def _equal(body: np.ndarray, other: np.ndarray) -> float:
    n = min(len(body), len(other))
    return float(np.mean(body[:n] == other[:n]))


def _repeated(pattern: bytes, length: int) -> np.ndarray:
    return np.tile(np.frombuffer(pattern, np.uint8), -(-length // len(pattern)))[:length]


def _entropy(values: np.ndarray) -> float:
    """Bits for each byte."""
    shares = np.bincount(values, minlength=256) / max(1, len(values))
    return float(-(shares[shares > 0] * np.log2(shares[shares > 0])).sum())
