"""Damaged, forged and random RVQF and ECDC files: see benchmarks/fuzz_files.py."""

import pytest

from benchmarks.fuzz_files import fuzz


def checked(inputs, seed, tmp_path):
    report = fuzz(inputs, 2, seed, tmp_path)
    print(f"\n{report}")
    assert report["faults"] == []
    assert report["inputs"] == inputs
    assert report["memory_grown_mb"] < 500
    outcomes = report["outcomes"]
    assert outcomes["repaired, of which reached a decoder of codes"] > inputs / 10
    assert outcomes["as damaged, refused"] > inputs / 3


@pytest.mark.slow
def test_three_thousand_damaged_files_are_refused_or_read(tmp_path):
    checked(3_000, 1, tmp_path)


@pytest.mark.slow
def test_a_million_damaged_files_are_refused_or_read(tmp_path):
    checked(1_000_000, 2, tmp_path)
