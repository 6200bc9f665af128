"""The trainer and its data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from audiocodecs.base import CodecError, CodecUnavailable
from audiocodecs.spectral import data, stream, weights
from audiocodecs.spectral.training import Experiment, finish, main, train
from audiocodecs.spectral.weights import load_weights

EXPERIMENTS = Path(__file__).parents[3] / "codecs" / "experiments"

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


@pytest.mark.slow
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


STEREO = """
[model]
rate = 48000
channels = 2
hop = 640
"""

ADVERSARY = """
features = 1.0
adversarial = 0.5
[adversary]
windows = [256, 128]
channels = 4
crops = 2
alone = 2
ramp = 2
"""


@pytest.mark.parametrize("decoder_only", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_training_with_discriminators_stopped_and_resumed_ends_exactly_as_one_that_ran_through(
    tmp_path, corpus, decoder_only
):
    experiments = []
    for name in ("whole", "parts"):
        path = _experiment(tmp_path, corpus, name)
        text = path.read_text().replace("[train]\n", f"[train]\ndecoder_only = {str(decoder_only).lower()}\n")
        path.write_text(text + "[train.losses]\nmel = 1.0\nwave = 1.0\n" + ADVERSARY)
        experiments.append(Experiment.load(path))
    whole, parts = experiments
    train(whole)
    train(parts, until=1)
    train(parts, until=4)
    train(parts)
    first, second = (torch.load(e.out / "checkpoint.pt", weights_only=True) for e in (whole, parts))
    for kind in ("model", "average"):
        for name, tensor in first[kind].items():
            assert torch.equal(tensor, second[kind][name]), f"{kind}: {name}"
    assert first["balancer"] == second["balancer"]
    assert (whole.out / "weights.safetensors").read_bytes() == (parts.out / "weights.safetensors").read_bytes()
    for name, tensor in first["adversary"]["network"].items():
        assert torch.equal(tensor, second["adversary"]["network"][name]), name
    assert first["balancer"]["norms"].keys() == {"mel", "wave", "features", "adversarial"}


def test_only_the_decoder_moves_where_the_codes_shall_stay(tmp_path, corpus):
    train(Experiment.load(_experiment(tmp_path, corpus, "start", steps=2)))
    path = _experiment(tmp_path, corpus, "decoder", steps=3)
    path.write_text(
        path.read_text().replace(
            "[train]\n", f'[train]\ndecoder_only = true\nstart_from = "{tmp_path / "start" / "checkpoint.pt"}"\n'
        )
    )
    train(Experiment.load(path))
    before, after = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["average"] for name in ("start", "decoder")
    )
    moved = {name.split(".")[0] for name in before if not torch.allclose(before[name], after[name], atol=1e-7)}
    assert moved == {"decoder"}


def test_a_stereo_codec_trains_on_stereo_audio(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "drums.npy", (rng.standard_normal((60_000, 2)) * 2000).astype(np.int16))
    source = {"name": "drums", "seconds": 1.25, "wideband": 1.0, "rate": 48_000, "channels": 2}
    (tmp_path / "sources.json").write_text(json.dumps([source]))
    path = _experiment(tmp_path, tmp_path, "stereo", steps=3)
    path.write_text(path.read_text().replace("[model]\n", STEREO).replace("samples = 4000", "samples = 8000"))
    train(Experiment.load(path))
    model = load_weights(tmp_path / "stereo" / "weights.safetensors").model
    codes = stream.encode_audio(model, rng.standard_normal((2, 3000)).astype(np.float32) / 10, 4)
    assert codes.shape == (4, 6)
    assert stream.decode_codes(model, codes, 3000).shape == (2, 3000)


def test_audio_of_another_rate_is_refused_with_what_to_do(tmp_path, corpus):
    path = _experiment(tmp_path, corpus, "stereo")
    path.write_text(path.read_text().replace("[model]\n", STEREO))
    with pytest.raises(ValueError, match="--rate 48000 --channels 2"):
        train(Experiment.load(path))


@pytest.mark.slow
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
    latents = loaded.model.latents(*loaded.model.analyse(torch.zeros(1, 1, 3000)))
    assert latents.shape == (1, 11, 32 + 24 + 4)


def test_weights_in_eight_bits_are_half_as_large_and_nearly_the_same(tmp_path):
    shipped = weights.load_weights(weights.FOLDER / "spectral_24khz.safetensors")
    weights.save_weights(shipped.model, tmp_path / "half.safetensors", 0, 0)
    weights.main([str(tmp_path / "half.safetensors"), str(tmp_path / "eight.safetensors")])
    assert (tmp_path / "eight.safetensors").stat().st_size < 0.6 * (tmp_path / "half.safetensors").stat().st_size
    again = load_weights(tmp_path / "eight.safetensors").model.state_dict()
    for name, tensor in shipped.model.state_dict().items():
        if name not in weights.TRAINING_ONLY:
            assert (again[name] - tensor).square().mean().sqrt() <= 0.02 * tensor.square().mean().sqrt() + 1e-4, name


def test_weights_that_are_absent_or_damaged_are_said_to_be(tmp_path):
    with pytest.raises(CodecUnavailable, match="missing"):
        load_weights(tmp_path / "none.safetensors")
    whole = (weights.FOLDER / "spectral_24khz.safetensors").read_bytes()
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


@pytest.mark.parametrize(
    "name", ["spectral_24khz", "spectral_24khz_decoder", "spectral_24khz_bands", "spectral_48khz", "smoke"]
)
def test_the_experiments_that_come_with_the_project_can_be_read(name):
    experiment = Experiment.load(EXPERIMENTS / f"{name}.toml")
    assert len(experiment.train.rate_shares) == len(experiment.model.counts)
    assert experiment.model.quantizer.codebooks >= max(experiment.model.counts)
