"""What the shipped weights sound like on speech they were not trained on. Floors, a little below what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from audiocodecs import metrics
from audiocodecs.mel_distance import mel_distance


@pytest.fixture(scope="module")
def pesq(speech, decoded):
    return {kbps: metrics.measure("pesq", speech, samples, 24_000) for kbps, samples in decoded.items()}


@pytest.fixture(scope="module")
def mel(speech, decoded):
    return {kbps: mel_distance(speech, samples, 24_000) for kbps, samples in decoded.items()}


def test_every_rate_improves_on_the_one_below(pesq, mel):
    assert pesq[1.5] < pesq[3] < pesq[6] < pesq[12]
    assert mel[1.5] > mel[3] > mel[6] > mel[12]


def test_quality_is_not_below_what_was_shipped(pesq, mel):
    assert pesq[6] > 2.1
    assert pesq[12] > 2.9
    assert mel[6] < 0.29


def test_loudness_is_kept(speech, decoded):
    for samples in decoded.values():
        change = 10 * np.log10(np.mean(samples**2) / np.mean(speech**2))
        assert abs(change) < 4
