"""The experiments that are carried here."""

from __future__ import annotations

from pathlib import Path

import pytest

from audiocodecs.encodec.training.experiment import Experiment
from audiocodecs.encodec.training.samples import read_references

EXPERIMENTS = Path(__file__).parents[4] / "codecs" / "experiments"


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("encodec_*.toml")), ids=lambda path: path.stem)
def test_every_experiment_can_be_read_and_its_audio_samples_are_there(path, monkeypatch):
    monkeypatch.chdir(EXPERIMENTS.parents[1])
    experiment = Experiment.load(path)
    assert len(read_references(experiment)) == len(experiment.samples.files) > 0


def test_the_published_recipes_are_as_published():
    at_24, at_48 = (Experiment.load(EXPERIMENTS / f"encodec_{rate}khz.toml") for rate in (24, 48))
    for experiment, adversarial, probability in ((at_24, 3.0, 2 / 3), (at_48, 4.0, 1 / 2)):
        shares = {"time": 0.1, "frequency": 1.0, "log_mel": 0.0, "generator": adversarial, "features": adversarial}
        assert experiment.losses.shares == shares
        assert experiment.losses.decay == 0.999
        assert experiment.discriminator.probability == pytest.approx(probability, abs=1e-4)
        assert experiment.discriminator.channels == 32
        assert (experiment.train.learning_rate, experiment.train.betas) == (3e-4, (0.5, 0.9))
        assert (experiment.data.batch, experiment.train.steps) == (64, 300 * 2000)
        assert (experiment.data.quietest_db, experiment.data.loudest_db) == (-10, 6)
    assert (at_24.data.single, at_24.data.two, at_24.data.three, at_24.data.reverb) == (0.64, 0.24, 0.12, 0.2)
    assert at_24.discriminator.windows == (2048, 1024, 512, 256, 128)
    assert at_48.discriminator.windows == (4096, 2048, 1024, 512, 256)
    assert at_48.data.samples == at_48.settings.segment_samples
