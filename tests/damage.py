"""Damage to files, as transfers and disks do it, and worse."""

import numpy as np


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """Cut, flipped, overwritten or with a piece moved."""
    data = bytearray(content)
    for _ in range(random.integers(1, 5)):
        at = int(random.integers(len(data))) if len(data) else 0
        kind = random.integers(5)
        if kind == 0:
            del data[at:]
        elif kind == 1 and data:
            data[at] ^= 1 << int(random.integers(8))
        elif kind == 2:
            data[at : at + 8] = random.bytes(8)
        elif kind == 3:
            data[at:at] = random.bytes(int(random.integers(1, 64)))
        else:  # headers are short and matter most
            data[: min(64, len(data))] = random.bytes(min(64, len(data)))
    return bytes(data)
