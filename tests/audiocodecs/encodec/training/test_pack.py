"""Prepared audio packed for another machine, and unpacked there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from audiocodecs.encodec.training.data import Batches, DataConfig
from audiocodecs.encodec.training.pack import main


def tones(seconds, rate, channels=1):
    t = np.arange(int(seconds * rate)) / rate
    tone = (8000 * np.sin(2 * np.pi * 300 * t) * (1 + np.sin(2 * np.pi * t))).astype(np.int16)
    return tone if channels == 1 else np.stack([tone, -tone // 2], axis=1)


@pytest.mark.parametrize(("rate", "channels"), [(24_000, 1), (48_000, 2)])
def test_flac_gives_every_sample_back(prepared, tmp_path, rate, channels):
    folder = prepared({"a": (tones(3, rate, channels), rate), "b": (tones(2, rate, channels), rate)})
    assert main([str(folder), str(tmp_path / "packed.tar"), "--format", "flac"]) == 0
    assert main([str(tmp_path / "packed.tar"), str(tmp_path / "again"), "--unpack"]) == 0
    for name in "ab":
        assert np.array_equal(np.load(folder / f"{name}.npy"), np.load(tmp_path / "again" / f"{name}.npy"))
    assert (folder / "sources.json").read_text() != ""
    assert json.loads((folder / "sources.json").read_text()) == json.loads(
        (tmp_path / "again" / "sources.json").read_text()
    )


@pytest.mark.parametrize(("rate", "channels"), [(24_000, 1), pytest.param(48_000, 2, marks=pytest.mark.slow)])
def test_opus_is_small_and_can_be_trained_on(prepared, tmp_path, rate, channels):
    folder = prepared({"a": (tones(10, rate, channels), rate)})
    packed = tmp_path / "packed.tar"
    assert main([str(folder), str(packed), "--kbps", "32"]) == 0
    assert packed.stat().st_size < 0.25 * (folder / "a.npy").stat().st_size
    assert main([str(packed), str(tmp_path / "again"), "--unpack"]) == 0
    batches = Batches(DataConfig((str(tmp_path / "again"),), samples=rate, batch=4, reverb=0), rate, channels, seed=0)
    assert batches.batch(0).shape == (4, channels, rate)
    first, again = (np.load(f / "a.npy").astype(float) for f in (folder, tmp_path / "again"))
    assert abs(len(again) - len(first)) < rate / 100
    assert np.std(again) == pytest.approx(np.std(first), rel=0.05)


def test_where_the_room_is_small_every_source_gives_its_share_from_all_over_it(prepared, tmp_path):
    random = np.random.default_rng(0)
    steps = np.repeat(np.arange(1, 61) * 100, 24_000)  # one level a second, so that it shows where a piece is from
    noisy = (steps + random.integers(-50, 50, steps.size)).astype(np.int16)
    folder = prepared({"long": (noisy, 24_000), "short": (noisy[: 20 * 24_000], 24_000)})
    packed = tmp_path / "packed.tar"
    assert main([str(folder), str(packed), "--format", "flac", "--megabytes", "0.7"]) == 0
    assert packed.stat().st_size <= 700_000
    assert packed.stat().st_size > 500_000
    assert main([str(packed), str(tmp_path / "again"), "--unpack"]) == 0
    seconds = {s["name"]: s["seconds"] for s in json.loads((tmp_path / "again" / "sources.json").read_text())}
    assert seconds["long"] == pytest.approx(3 * seconds["short"], rel=0.05)


def test_what_cannot_be_packed_or_unpacked_is_said(prepared, tmp_path, capsys):
    one = prepared({"a": (tones(2, 24_000), 24_000)}, "one")
    two = prepared({"a": (tones(2, 24_000), 24_000)}, "two")
    three = prepared({"b": (tones(2, 48_000), 48_000)}, "three")
    target = str(tmp_path / "packed.tar")
    for arguments, said in (
        ([str(tmp_path), target], "holds no prepared audio"),
        ([str(one), str(two), target], "Two folders hold a source called 'a'"),
        ([str(one), str(three), target], "differ in rate"),
        ([str(one), target, "--megabytes", "0.0001"], "no room for a second"),
        ([str(one / "a.npy"), str(tmp_path / "out"), "--unpack"], "not written by this program"),
    ):
        assert main(arguments) == 1
        assert said in capsys.readouterr().err
