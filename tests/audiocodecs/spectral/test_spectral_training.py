"""The trainer and its data."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import torch

from audiocodecs.base import CodecError, CodecUnavailable
from audiocodecs.spectral import data
from audiocodecs.spectral.training import Experiment, finish, main, train
from audiocodecs.spectral.weights import load_weights

TINY = """
out = "{out}"
[model]
free = 4
encoder_width = 16
encoder_hidden = 24
encoder_blocks = 2
decoder_width = 16
decoder_hidden = 24
decoder_blocks = 2
[model.parametric]
low = 24
[model.quantizer]
codebooks = 16
entries = 8
[data]
folder = "{folder}"
samples = 4000
batch = 3
[train]
steps = {steps}
threads = 1
bfloat16 = false
learning_rate = 2e-3
warmup = 2
start_segments = 4
start_frames = 20
log_every = 3
save_every = 100
replace_every = 2
"""


def _experiment(tmp_path, corpus, name: str, steps: int = 6):
    path = tmp_path / f"{name}.toml"
    path.write_text(TINY.format(out=tmp_path / name, folder=corpus, steps=steps))
    return path


@pytest.fixture(autouse=True)
def threads():
    """Training sets torch's thread count; other tests get theirs back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_training_stopped_and_resumed_ends_exactly_as_one_that_ran_through(tmp_path, corpus):
    whole = Experiment.load(_experiment(tmp_path, corpus, "whole"))
    parts = Experiment.load(_experiment(tmp_path, corpus, "parts"))
    train(whole)
    train(parts, until=3)
    train(parts)
    first, second = (torch.load(e.out / "checkpoint.pt", weights_only=True) for e in (whole, parts))
    for kind in ("model", "average"):
        for name, tensor in first[kind].items():
            assert torch.equal(tensor, second[kind][name]), f"{kind}: {name}"
    assert first["balancer"] == second["balancer"]
    assert (whole.out / "weights.safetensors").read_bytes() == (parts.out / "weights.safetensors").read_bytes()


def test_training_lowers_the_loss_and_writes_its_metrics(tmp_path, corpus):
    main([str(_experiment(tmp_path, corpus, "run", steps=60))])
    lines = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    names = lines[0].split(",")
    mel = [float(line.split(",")[names.index("mel")]) for line in lines[1:]]
    assert len(mel) == 20
    assert np.mean(mel[-5:]) < np.mean(mel[:5])


def test_finished_weights_load_and_run(tmp_path, corpus):
    experiment = Experiment.load(_experiment(tmp_path, corpus, "run"))
    train(experiment)
    loaded = load_weights(finish(experiment, segments=4))
    assert loaded.steps == 6
    latents = loaded.model.latents(*loaded.model.mdct(torch.zeros(1, 3000)))
    assert latents.shape == (1, 11, 32 + 24 + 4)


def test_weights_that_are_absent_or_damaged_are_said_to_be(tmp_path, corpus):
    with pytest.raises(CodecUnavailable, match="missing"):
        load_weights(tmp_path / "none.safetensors")
    experiment = Experiment.load(_experiment(tmp_path, corpus, "run", steps=1))
    train(experiment)
    whole = (experiment.out / "weights.safetensors").read_bytes()
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CodecError, match="does not hold weights"):
        load_weights(cut)


def test_preparation_keeps_speech_and_drops_the_rest(tmp_path):
    rng = np.random.default_rng(0)
    t = np.arange(44_100) / 44_100
    tone = 0.3 * np.sin(2 * np.pi * 200 * t)
    source = tmp_path / "corpus" / "words"
    (source / "heldout").mkdir(parents=True)
    soundfile.write(source / "good.wav", np.concatenate([np.zeros(20_000), tone, np.zeros(20_000)]), 44_100)
    soundfile.write(source / "copy.wav", np.concatenate([np.zeros(20_000), tone, np.zeros(20_000)]), 44_100)
    soundfile.write(source / "narrow.wav", tone[:8_000], 8_000)
    soundfile.write(source / "clipped.wav", np.clip(tone * 9, -1, 1), 44_100)
    soundfile.write(source / "silent.wav", np.zeros(44_100), 44_100)
    soundfile.write(source / "heldout" / "secret.wav", 0.1 * rng.standard_normal(44_100), 44_100)
    (source / "broken.wav").write_bytes(b"RIFFnothing")
    listing = tmp_path / "heldout.txt"
    listing.write_text("# never trained on\nHELDOUT/\n")
    data.main([str(tmp_path / "corpus"), str(listing), str(tmp_path / "out")])
    (said,) = json.loads((tmp_path / "out" / "sources.json").read_text())
    assert (said["kept"], said["dropped"], said["wideband"]) == (1, 5, 1.0)
    samples = np.load(tmp_path / "out" / "words.npy")
    assert samples.dtype == np.int16
    assert said["seconds"] == pytest.approx(1.08, abs=0.06)
    assert np.abs(samples).max() == pytest.approx(16_384, rel=0.02)
