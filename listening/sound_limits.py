"""What a sound file may be at most: one set of limits for every way that a file comes in.

The header is checked before anything is decoded, and decoding stops at the same limits where a header lies.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from audiocodecs import audio

LONGEST_FILE = 600.0
"""Seconds."""
MOST_CHANNELS = 2
LOWEST_RATE, HIGHEST_RATE = 16_000, 192_000
"""Hz."""
MOST_SAMPLES = int(LONGEST_FILE * MOST_CHANNELS * 48_000)
"""Of all channels together: 230 MB once decoded. Above 48 kHz a stereo file has to be shorter."""


def check(found: audio.Probe) -> None:
    """Refuse a file by its header: channels and rate. `audio.read` checks the length.

    Raises
    ------
    AudioError
    """
    if found.channels > MOST_CHANNELS:
        raise audio.AudioError(f"The file has {found.channels} channels. Mix it to mono or stereo first.")
    if found.rate < LOWEST_RATE:
        raise audio.AudioError(
            f"The file's sample rate is {found.rate / 1000:g} kHz. Its sound ends below the 7 kHz of the mid anchor; "
            f"upload an original of at least {LOWEST_RATE / 1000:g} kHz."
        )
    if found.rate > HIGHEST_RATE:
        raise audio.AudioError(
            f"The file's sample rate is {found.rate / 1000:g} kHz. Export it at {HIGHEST_RATE / 1000:g} kHz or less."
        )


def read(file: Path | BinaryIO) -> audio.Audio:
    """Decode a file within the limits.

    Raises
    ------
    AudioError
        If it is beyond one of them, or can't be read.
    """
    return audio.read(file, LONGEST_FILE, max_samples=MOST_SAMPLES, check=check)


def probe(file: Path | BinaryIO) -> audio.Probe:
    """What the header of a file says, where that is within the limits.

    Raises
    ------
    AudioError
    """
    found = audio.probe(file)
    check(found)
    audio.check_length(found, LONGEST_FILE, MOST_SAMPLES)
    return found
