"""The examples in the docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import audiocodecs
from audiocodecs.base import CodecUnavailable

FOUND = [found.name for found in pkgutil.walk_packages(audiocodecs.__path__, "audiocodecs.")]
MODULES = [name for name in FOUND if not name.endswith("__main__")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_give_what_they_show(name, capsys):
    result = doctest.testmod(importlib.import_module(name))
    unavailable = CodecUnavailable.__name__ in capsys.readouterr().out  # a codec whose library is the operator's
    assert result.failed == 0 or unavailable
