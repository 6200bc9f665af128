"""What a run sounds like: held-out audio through the codec with the weights of the moment, heard and measured.

It goes the way that a user's audio goes, through the codec class and its file format, on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiocodecs import audio, metrics
from audiocodecs.base import CodecError, Samples
from audiocodecs.encodec.training.experiment import Experiment
from audiocodecs.encodec.training.journal import Journal, append
from audiocodecs.registry import get_codec

COLUMNS = ("step", "file", "kbps", "si_sdr", "log_mel_distance", "log_spectral_distance")


@dataclass(frozen=True)
class Reference:
    """A held-out excerpt at the model's rate: samples (channels, n)."""

    name: str
    samples: Samples


def read_references(experiment: Experiment) -> list[Reference]:
    """Excerpts of the experiment's files, from their first second on; raises CodecError if one cannot be read."""
    settings, found = experiment.settings, []
    for name in experiment.samples.files:
        path = Path(name)
        if not path.is_file():
            raise CodecError(f"[samples] files names {path}, which is not there.")
        whole = audio.read(path)
        mixed = audio.resample(audio.to_channels(whole.samples, settings.channels), whole.rate, settings.rate)
        start = settings.rate if mixed.shape[1] > (1 + experiment.samples.seconds) * settings.rate else 0
        cut = mixed[:, start : start + round(experiment.samples.seconds * settings.rate)]
        found.append(Reference(path.stem, np.ascontiguousarray(cut)))
    return found


def write_samples(experiment: Experiment, weights: Path, step: int, journal: Journal) -> list[dict[str, float | str]]:
    """Decode every reference at every trained rate: WAV files under `samples/`, figures in samples.csv.

    Parameters
    ----------
    experiment : Experiment
    weights : Path
        In the published layout.
    step : int
    journal : Journal
    """
    rate, folder = experiment.settings.rate, experiment.out / "samples"
    rows: list[dict[str, float | str]] = []
    for reference in read_references(experiment):
        (folder / reference.name).mkdir(parents=True, exist_ok=True)
        audio.write_wav(folder / reference.name / "reference.wav", reference.samples, rate)
        for kbps in experiment.bandwidths:
            codec = get_codec(f"{experiment.settings.name}@{kbps:g}:weights={weights}")
            decoded, _ = codec.decode(codec.encode(reference.samples, rate))
            name = f"{reference.name}/{kbps:g}kbps"
            audio.write_wav(folder / f"{name}_step{step:07d}.wav", decoded, rate)
            journal.audio(name, decoded, rate, step)
            found = {m: metrics.measure(m, reference.samples, decoded, rate) for m in COLUMNS[3:]}
            row: dict[str, float | str] = {"step": step, "file": reference.name, "kbps": kbps}
            rows.append(row | {name: round(value, 4) for name, value in found.items()})
            append(experiment.out / "samples.csv", COLUMNS, rows[-1])
    return rows
