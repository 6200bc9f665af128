import ctypes
import hashlib
from pathlib import Path

import pytest

from audiocodecs import wheel_libraries
from audiocodecs.base import CodecUnavailable
from audiocodecs.operator_library import OperatorLibrary, declare, digest

VERSION = {"opus_get_version_string": (ctypes.c_char_p, ())}


def test_a_library_that_the_environment_names_is_loaded(monkeypatch):
    monkeypatch.setenv("GONE_LIBRARY", wheel_libraries.load("opus")._name)
    library = OperatorLibrary("gone", "GONE_LIBRARY", "libgone0", VERSION).load()
    assert library.opus_get_version_string().startswith(b"libopus")


def test_a_library_that_nothing_names_and_the_system_lacks_is_unavailable(monkeypatch):
    monkeypatch.delenv("GONE_LIBRARY", raising=False)
    with pytest.raises(CodecUnavailable, match="The library libgone is not there") as caught:
        OperatorLibrary("gone", "GONE_LIBRARY", "libgone0", VERSION).load()
    assert caught.value.remedy == "Install it (Debian: apt install libgone0) or set GONE_LIBRARY to its path."


def test_a_library_without_the_functions_is_unavailable(monkeypatch):
    monkeypatch.setenv("GONE_LIBRARY", wheel_libraries.load("mp3lame")._name)
    with pytest.raises(CodecUnavailable, match="GONE_LIBRARY names no libgone that can be loaded: .*opus_get_version"):
        OperatorLibrary("gone", "GONE_LIBRARY", "libgone0", VERSION).load()


def test_the_digest_is_that_of_the_file_a_function_comes_from():
    library = declare(wheel_libraries.load("opus"), VERSION)
    expected = hashlib.sha256(Path(library._name).read_bytes()).hexdigest()
    assert digest(library.opus_get_version_string) == expected[:12]
