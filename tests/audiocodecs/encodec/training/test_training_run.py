"""Training runs: through, stopped, killed and resumed; what they write."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from audiocodecs.base import CodecError
from audiocodecs.encodec.model import ENCODEC_48KHZ, EncodecModel
from audiocodecs.encodec.training.__main__ import main
from audiocodecs.encodec.training.experiment import Experiment
from audiocodecs.encodec.training.run import Pace
from audiocodecs.registry import get_codec

CLIP = Path(__file__).parents[4] / "listening" / "demo" / "clips" / "speech_en_prompts.flac"

TINY = """
out = "{out}"
[model]
name = "{model}"
filters = {filters}
[data]
folders = ["{folder}"]
samples = {samples}
batch = 2
workers = {workers}
kinds = {{ music = ["tune"], noise = ["noise"] }}
[quantizer]
start_frames = 60
kmeans_rounds = 2
[discriminator]
windows = [256, 128]
channels = 2
learn_from = 1
judge_from = 3
ramp = 3
[losses]
log_mel = 0.5
[train]
steps = {steps}
quantize_from = 4
bandwidths = {bandwidths}
average = 0.9
schedule = "cosine"
log_every = 1
save_every = {save_every}
tensorboard = {tensorboard}
{more}
"""


@pytest.fixture(autouse=True)
def threads():
    """Training sets torch's thread count; other tests get theirs back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def experiment(tmp_path, corpus):
    def write(name: str, **options) -> Path:
        found = {
            "model": "encodec_24khz",
            "filters": 2,
            "folder": corpus,
            "samples": 2400,
            "workers": 0,
            "steps": 12,
            "bandwidths": "[1.5, 3]",
            "save_every": 100,
            "tensorboard": "false",
            "more": "",
        } | options
        path = tmp_path / f"{name}.toml"
        path.write_text(TINY.format(out=tmp_path / name, **found))
        return path

    return write


def losses(path: Path) -> list[dict[str, str]]:
    """The lines of metrics.csv without the time they took."""
    with (path.with_suffix("") / "metrics.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def assert_equal_checkpoints(first: Path, second: Path) -> None:
    states = [torch.load(path.with_suffix("") / "checkpoint.pt", weights_only=True) for path in (first, second)]
    for part in ("model", "average", "judges"):
        for name, tensor in states[0][part].items():
            assert torch.equal(tensor, states[1][part][name]), f"{part}: {name}"
    assert states[0]["balancer"] == states[1]["balancer"]
    assert torch.equal(states[0]["generator"], states[1]["generator"])


def kill_when(path: Path, lines: int) -> None:
    """Start a run in a process of its own and kill it, unwarned, once it has logged so many steps."""
    process = subprocess.Popen(
        [sys.executable, "-m", "audiocodecs.encodec.training", str(path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
    )
    metrics, deadline = path.with_suffix("") / "metrics.csv", time.monotonic() + 120
    while process.poll() is None and (not metrics.exists() or metrics.read_text().count("\n") <= lines):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()


@pytest.mark.slow
def test_a_run_killed_in_the_middle_and_resumed_has_the_losses_of_one_that_was_not(experiment):
    whole, killed = experiment("whole", save_every=3), experiment("killed", save_every=3, workers=2)
    assert main([str(whole)]) == 0
    kill_when(killed, 7)
    assert len(losses(killed)) < 12
    assert main([str(killed)]) == 0
    assert [row["step"] for row in losses(whole)] == [str(step) for step in range(1, 13)]
    assert losses(killed) == losses(whole)
    assert_equal_checkpoints(killed, whole)


@pytest.mark.slow
def test_stopping_at_a_step_that_is_no_checkpoint_changes_nothing(experiment):
    whole, parts = (experiment(name, steps=9) for name in ("whole", "parts"))
    assert main([str(whole)]) == 0
    for until in ("2", "5", "9"):
        assert main([str(parts), "--until", until]) == 0
    assert losses(parts) == losses(whole)
    assert_equal_checkpoints(parts, whole)


@pytest.mark.slow
def test_a_run_of_a_given_time_ends_with_its_learning_rate(experiment):
    path = experiment("run", steps=1_000_000, save_every=1_000_000)
    assert main([str(path), "--minutes", "0.15", "--whole"]) == 0
    rates = [float(row["learning_rate"]) for row in losses(path)]
    assert rates[0] == pytest.approx(3e-4)
    assert rates[-1] < 2e-4  # without --whole it would not have moved


def test_the_number_of_steps_follows_the_pace():
    pace = Pace(time.monotonic() + 1000)
    assert pace.steps(50) is None
    assert pace.steps(51) is None
    pace.before = (50, time.monotonic() - 10)
    assert pace.steps(100) == pytest.approx(100 + 50 * 1000 / 10, rel=0.05)
    assert pace.steps(101) is None


@pytest.mark.slow
def test_samples_are_decoded_on_the_way_and_exported_weights_are_a_file_that_the_codec_loads(
    experiment, tmp_path, excerpt
):
    path = experiment("run", steps=6, filters=8)
    path.write_text(path.read_text() + f'[samples]\nfiles = ["{CLIP}"]\nseconds = 1.0\nevery = 6\n')
    assert main([str(path)]) == 0
    with (tmp_path / "run" / "samples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["kbps"]) for row in rows] == [("6", "1.5"), ("6", "3")]
    assert all(0 < float(row["log_mel_distance"]) < 100 for row in rows)
    heard = soundfile.info(tmp_path / "run" / "samples" / CLIP.stem / "3kbps_step0000006.wav")
    assert (heard.samplerate, heard.channels, heard.frames) == (24_000, 1, 24_000)

    speech = excerpt("speech_en_prompts", 1.0, 24_000)[:1]
    decoded = {}
    for half, name in ((False, "whole.th"), (True, "half.th")):
        assert main([str(path), "--export", str(tmp_path / name), *["--half"][: int(half)]]) == 0
        codec = get_codec(f"encodec_24khz@3:weights={tmp_path / name}")
        decoded[half], _ = codec.decode(codec.encode(speech, 24_000))
        assert decoded[half].shape == speech.shape
    assert (tmp_path / "half.th").stat().st_size < 0.1 * (tmp_path / "whole.th").stat().st_size
    checkpoint = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    exported = torch.load(tmp_path / "whole.th", weights_only=True)
    expected = checkpoint["model"] | checkpoint["average"]
    assert all(torch.equal(tensor, expected[name]) for name, tensor in exported.items())
    assert checkpoint["average"]


def test_nothing_is_exported_before_there_are_codebooks(experiment, tmp_path, capsys):
    path = experiment("run", steps=2)
    assert main([str(path)]) == 0
    assert main([str(path), "--export", str(tmp_path / "weights.th")]) == 1
    assert "quantization begins at step 4" in capsys.readouterr().err


@pytest.mark.slow
def test_the_48_khz_model_trains_on_segments(experiment, prepared):
    stereo = (8000 * np.random.default_rng(0).standard_normal((96_000, 2)).clip(-2, 2)).astype(np.int16)
    folder = prepared({"tune": (stereo, 48_000), "noise": (stereo[::-1].copy(), 48_000)}, "stereo")
    path = experiment("run", model="encodec_48khz", folder=folder, samples=4800, bandwidths="[3, 6]", steps=6)
    assert main([str(path)]) == 0
    assert [row["step"] for row in losses(path)] == [str(step) for step in range(1, 7)]
    weights = torch.load(path.with_suffix("") / "weights.th", weights_only=True)
    model = EncodecModel(replace(ENCODEC_48KHZ, filters=2))
    model.load_state_dict(weights)


@pytest.mark.slow
def test_training_lowers_the_loss_on_a_batch_that_it_sees_again_and_again(experiment):
    more = "learning_rate = 3e-3"
    path = experiment("run", steps=60, more=more)
    path.write_text(path.read_text().replace("kinds =", "same_batch = true\nkinds ="))
    assert main([str(path)]) == 0
    time_losses = [float(row["time"]) for row in losses(path)]
    assert np.mean(time_losses[-5:]) < 0.6 * time_losses[0]
    assert float(losses(path)[-1]["codebook_use"]) > 5


@pytest.mark.slow
def test_another_experiment_goes_on_from_exported_weights_or_a_checkpoint(experiment, tmp_path):
    first = experiment("first", steps=6)
    assert main([str(first)]) == 0
    assert main([str(first), "--carry", str(tmp_path / "first" / "carry.pt")]) == 0
    small, whole = ((tmp_path / "first" / name).stat().st_size for name in ("carry.pt", "checkpoint.pt"))
    assert small < 0.1 * whole
    for name, file in (("second", "weights.th"), ("third", "checkpoint.pt"), ("fourth", "carry.pt")):
        more = f'start_from = "{tmp_path / "first" / file}"\nlearning_rate = 0.0'
        second = experiment(name, steps=1, more=more)
        second.write_text(second.read_text().replace("quantize_from = 4", "quantize_from = 0"))
        assert main([str(second)]) == 0
        weights = [torch.load(tmp_path / run / "weights.th", weights_only=True) for run in ("first", name)]
        for key in ("encoder.model.0.conv.conv.weight_v", "decoder.model.15.conv.conv.bias"):
            exact = 0 if file != "carry.pt" else 1e-3
            torch.testing.assert_close(weights[0][key], weights[1][key], rtol=exact, atol=exact)
        books = [found["quantizer.vq.layers.0._codebook.embed"] for found in weights]
        assert float((books[0] - books[1]).norm() / books[0].norm()) < 0.2


def test_a_checkpoint_of_another_model_is_refused(experiment, capsys):
    path = experiment("run", steps=1)
    assert main([str(path)]) == 0
    path.write_text(path.read_text().replace("filters = 2", "filters = 4"))
    assert main([str(path)]) == 1
    assert "filters = 2; the experiment has 4" in capsys.readouterr().err


@pytest.mark.slow
def test_tensorboard_gets_every_figure(experiment):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    path = experiment("run", steps=5, tensorboard="true")
    assert main([str(path)]) == 0
    events = EventAccumulator(str(path.with_suffix("") / "tensorboard"))
    events.Reload()
    assert {"losses/time", "losses/features", "figures/codebook_use"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("losses/time")] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steps = 12", "stepps = 12", r"\[train\] has no 'stepps'"),
        ("steps = 12", "steps = 'many'", r"steps is 'many'; it must be int"),
        ("[1.5, 3]", "[1.5, 4]", "has 4; encodec_24khz has 1.5, 3, 6, 12, 24"),
        ('"cosine"', '"linear"', "can be 'constant', 'cosine'"),
        ('"encodec_24khz"', '"encodec_16khz"', "one of encodec_24khz, encodec_48khz"),
        ("[losses]", "[loses]", "names 'loses'"),
        ("samples = 2400", "samples = 100", "shorter than the longest window"),
        ("steps = 12", "steps = ", "cannot be read"),
    ],
)
def test_what_is_wrong_in_an_experiment_is_said(experiment, old, new, said):
    path = experiment("run")
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(CodecError, match=said):
        Experiment.load(path)
