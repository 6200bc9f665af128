"""The examples in the docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import analysis

FOUND = [found.name for found in pkgutil.walk_packages(analysis.__path__, "analysis.")]
MODULES = [name for name in FOUND if not name.endswith("__main__")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_give_what_they_show(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def examples(name: str) -> int:
    """How many there are in a module."""
    found = doctest.DocTestFinder().find(importlib.import_module(f"analysis.{name}"))
    return sum(len(test.examples) for test in found)


def test_the_statistics_have_examples():
    for name in ("frame", "screening", "describe", "inference", "mixed", "anova", "agreement", "rates", "margins"):
        assert examples(name) > 2
    for name in ("ordinal", "bounded", "resampling", "power", "simulation", "predictions", "walsh"):
        assert examples(name) > 0
    for name in ("contrasts", "claim"):
        assert examples(name) > 0
