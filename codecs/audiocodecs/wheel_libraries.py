"""C libraries that come with the wheel of PyAV, called through ctypes for what FFmpeg does not pass on.

>>> from audiocodecs.wheel_libraries import load
>>> load("opus").opus_get_version_string is not None
True
"""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache
from pathlib import Path

import av

from audiocodecs.base import CodecUnavailable


@cache
def load(name: str) -> ctypes.CDLL:
    """The library that PyAV itself uses, or the system's where PyAV was built from source.

    Parameters
    ----------
    name : str
        Without `lib` and suffix: "opus", "mp3lame".

    Raises
    ------
    CodecUnavailable
        If there is none.
    """
    package = Path(av.__file__).parent
    for folder in (package.with_name("av.libs"), package / ".dylibs"):
        for path in sorted(folder.glob(f"*{name}[-.]*")):
            return ctypes.CDLL(str(path))
    found = ctypes.util.find_library(name)
    if found is None:
        raise CodecUnavailable(
            f"The library lib{name} is not there.",
            "Install the wheel of PyAV from the package index: pip install --force-reinstall --only-binary av av.",
        )
    return ctypes.CDLL(found)
