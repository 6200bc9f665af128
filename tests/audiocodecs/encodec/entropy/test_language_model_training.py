import csv
import json

import numpy as np
import pytest
import torch

from audiocodecs import rvqf
from audiocodecs.encodec.entropy.loading import block_coding
from audiocodecs.encodec.entropy.training import Experiment, Trainer, train
from audiocodecs.spectral.weights import FOLDER
from tests.audiocodecs.conftest import DEMO_CLIPS

EXPERIMENT = """
out = "{out}"
heldout = "{clips}/speech_ga_*.flac"
[codec]
name = "spectral"
weights = "{weights}"
[data]
folder = "{out}/data"
[shards]
seconds = 0.8
crops = 6
order = [0, 1]
[model]
codebooks = 4
dim = 32
layers = 1
heads = 2
hidden = 64
past_context = 20
within_frame = true
[train]
steps = 40
batch = 4
frames = 30
shards = 4
first_shards = 2
steps_a_shard = 2
warmup = 2
log_every = 2
test_every = 20
"""


@pytest.fixture
def experiment(tmp_path, clips, monkeypatch):
    """make(name): an experiment on two demo clips."""

    def make(name):
        folder = tmp_path / name / "data"
        folder.mkdir(parents=True)
        listing = []
        for clip in ("speech_en_prompts", "speech_noisy_da"):
            samples = np.rint(clips[clip].numpy()[0] * 16000).astype(np.int16)
            np.save(folder / f"{clip}.npy", samples[:, None])
            listing.append({"name": clip, "seconds": len(samples) / 24_000, "wideband": 1.0})
        (folder / "sources.json").write_text(json.dumps(listing))
        path = tmp_path / f"{name}.toml"
        weights = FOLDER / "spectral_24khz.safetensors"
        monkeypatch.chdir(DEMO_CLIPS)
        path.write_text(EXPERIMENT.format(out=tmp_path / name, clips=".", weights=weights).replace("./", ""))
        return Experiment.load(path)

    return make


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_exactly_as_if_it_had_not(experiment):
    whole, stopped = experiment("whole"), experiment("stopped")
    expected = train(whole, until=6).state()
    train(stopped, until=3)
    found = train(stopped, until=6).state()
    assert found["steps_done"] == 6
    for part in ("model", "average"):
        for name, value in expected[part].items():
            assert torch.equal(value, found[part][name]), name


@pytest.mark.slow
def test_a_narrow_network_starts_with_most_of_what_tells_codes_apart(experiment):
    trainer = Trainer(experiment("narrow"))
    trainer.initialise()
    books = torch.from_numpy(trainer.source.codebooks)
    start = trainer.average.state_dict()["emb.0.weight"][1:]
    kept = start.var(0).sum() / (books[0] / books[0].std()).var(0).sum()
    assert start.shape[1] == 32 < books.shape[2]
    assert 0.8 < kept <= 1.01  # 32 directions of 144 drawn at random would keep 0.22


@pytest.mark.slow
def test_it_learns_and_writes_a_model_that_codes_files(experiment):
    trained = experiment("learns")
    untrained = Trainer(trained)
    untrained.initialise()
    trainer = train(trained)
    rows = list(csv.DictReader((trained.out / "heldout.csv").open()))
    assert [(row["step"], row["codebooks"]) for row in rows[:2]] == [("20", "2.35"), ("20", "4")]
    assert float(rows[-1]["kbps"]) < 3
    seen = {4: [codes.astype(np.int64) for codes in trainer.shards[1]]}
    assert float(trainer.test(seen)[4][0].mean()) < float(untrained.test(seen)[4][0].mean()) - 0.4
    coding = block_coding(trainer.exported)
    codes = trainer.shards[1][0].astype(np.int64)
    header = rvqf.RvqfHeader(
        *("spectral_24khz", 24_000, 1, 4, 320, bytes(8)),
        extra_frames=1,
        language_model=coding.prefix,
        varying=True,
    )
    data = rvqf.write(header, (codes.shape[1] - 1) * 320, codes, entropy=coding)
    np.testing.assert_array_equal(rvqf.read(data, lambda header: coding).codes, codes)
