"""EnCodec's training, killed again and again at random moments, ends as one that ran through."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

EXPERIMENT = """
out = "{out}"
[model]
name = "{model}"
filters = 4
[data]
folders = ["{folder}"]
samples = 9600
batch = 3
workers = 2
[quantizer]
start_frames = 300
kmeans_rounds = 5
[discriminator]
windows = [1024, 256]
channels = 4
learn_from = 4
judge_from = 8
ramp = 10
[train]
steps = 40
quantize_from = 10
average = 0.99
clip = 1.0
precision = "bf16"
log_every = 1
save_every = 4
tensorboard = false
"""


def _metrics(out):
    lines = (out / "metrics.csv").read_text().splitlines()
    return [line.rpartition(",")[0] for line in lines]  # without the seconds that it took


@pytest.mark.slow
@pytest.mark.parametrize(("model", "rate", "channels"), [("encodec_24khz", 24_000, 1), ("encodec_48khz", 48_000, 2)])
def test_a_training_killed_at_random_moments_ends_as_one_that_was_not(tmp_path, model, rate, channels):
    noise = np.random.default_rng(0).normal(0, 3000, (6 * rate, channels)).astype(np.int16)
    np.save(tmp_path / "noise.npy", noise[:, 0] if channels == 1 else noise)
    said = f'[{{"name": "noise", "seconds": 6, "wideband": 1, "rate": {rate}, "channels": {channels}}}]'
    (tmp_path / "sources.json").write_text(said)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    moments = random.Random(4)
    for name in ("whole", "killed"):
        path = tmp_path / f"{name}.toml"
        path.write_text(EXPERIMENT.format(out=tmp_path / name, folder=tmp_path, model=model))
        command = [sys.executable, "-m", "audiocodecs.encodec.training", str(path)]
        kills = 0
        while name == "killed" and kills < 5:
            process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
            time.sleep(moments.uniform(4, 9))
            if process.poll() is not None:
                break
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
        subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
        assert name == "whole" or kills >= 2
    assert _metrics(tmp_path / "killed") == _metrics(tmp_path / "whole")
    first, second = (torch.load(tmp_path / n / "weights.th", weights_only=True) for n in ("whole", "killed"))
    assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())
