"""Train the spectral codec from an experiment file.

>>> # python -m audiocodecs.spectral.training codecs/experiments/spectral_24khz.toml

Everything is written below the experiment's `out`: `checkpoint.pt` (all that a later start needs to go
on exactly as if it had not stopped), `metrics.csv`, and `weights.safetensors` (the averaged network).
Starting it again goes on from the checkpoint. With `--finish` it writes `final.safetensors`:
the averaged network with codebooks clustered on many frames.
"""

from __future__ import annotations

import argparse
import copy
import csv
import logging
import math
import os
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from audiocodecs.encodec.training.balancer import Balancer
from audiocodecs.spectral.adversary import Adversary, AdversaryConfig
from audiocodecs.spectral.crops import CropConfig, Crops
from audiocodecs.spectral.losses import MelLosses, PowerLosses, WaveLoss
from audiocodecs.spectral.model import ModelConfig, SpectralModel, middle_and_side
from audiocodecs.spectral.rate_control import coded_mean, codes_of_mean
from audiocodecs.spectral.weights import load_weights, save_weights

log = logging.getLogger(__name__)

JUDGED = frozenset({"features", "adversarial"})
"""Losses that come from the discriminators."""

LOGGED = (
    *("step", "mel", "loudness", "power", "level", "wave", "features", "adversarial"),
    *("error", "latent", "replaced", "gradient", "hinge", "right", "seconds", "rate"),
)
"""Columns of metrics.csv."""


@dataclass(frozen=True)
class TrainConfig:
    """How long and how.

    Attributes
    ----------
    steps : int
        The learning rate falls to a twentieth over them, as a cosine.
    learning_rate, warmup : float, int
    commitment : float
        Pull of the latents to their codes, as a share of the reconstruction's gradient.
    rate_shares : list of float
        How often a crop is trained at each of the model's bitrates.
    wave_by_rate : list of float
        How much the waveform counts at each rate: where it cannot be had, magnitudes matter.
    wave_top : float
        Frequency in Hz up to which the waveform counts.
    losses : dict of str to float
        Shares of the balancer; `features` and `adversarial` where there are discriminators.
    start_segments, start_frames : int
        Audio that k-means starts from.
    average : float
        Decay of the averaged weights.
    bfloat16 : bool
        Matrix products in bfloat16: 2.4 times as fast where the processor has AVX512-BF16.
    start_from : str
        Checkpoint or weights file whose network and codebooks are the start, in place of k-means and zero.
    decoder_only : bool
        Leave encoder and codebooks as they are, so that the codes stay what they were.
    search_width : int
        Of the encoder's search, for `decoder_only`: the decoder then learns on the codes it will get, whose
        frames differ in their number of codebooks.
    """

    steps: int = 6_000
    learning_rate: float = 4e-4
    warmup: int = 200
    commitment: float = 0.6
    rate_shares: tuple[float, ...] = (0.15, 0.2, 0.4, 0.25)
    wave_by_rate: tuple[float, ...] = (0.05, 0.2, 0.7, 1.0)
    wave_top: float = 1600.0
    losses: dict[str, float] = field(
        default_factory=lambda: {"mel": 1.0, "loudness": 0.5, "power": 2.0, "level": 0.7, "wave": 0.7}
    )
    start_segments: int = 1000
    start_frames: int = 100
    average: float = 0.999
    bfloat16: bool = True
    threads: int = 1
    seed: int = 1
    log_every: int = 50
    save_every: int = 500
    replace_every: int = 50
    start_from: str = ""
    decoder_only: bool = False
    search_width: int = 4


@dataclass(frozen=True)
class Experiment:
    """An experiment file, read."""

    out: Path
    model: ModelConfig
    data: CropConfig
    train: TrainConfig
    adversary: AdversaryConfig = field(default_factory=AdversaryConfig)

    @classmethod
    def load(cls, path: Path) -> Experiment:
        """Read a TOML file; paths in it are relative to the working folder, `~` and variables expanded."""
        table = tomllib.loads(path.read_text())

        def expand(text: str) -> str:
            return os.path.expanduser(os.path.expandvars(text))

        data = {**table["data"], "folder": expand(table["data"]["folder"])}
        train = dict(table.get("train", {}))
        for name in {"rate_shares", "wave_by_rate"} & set(train):
            train[name] = tuple(train[name])
        train["start_from"] = expand(train.get("start_from", ""))
        adversary = dict(table.get("adversary", {}))
        adversary["windows"] = tuple(adversary.get("windows", ()))
        return cls(
            out=Path(expand(table["out"])),
            model=ModelConfig.of(table.get("model", {})),
            data=CropConfig(**data),
            train=TrainConfig(**train),
            adversary=AdversaryConfig(**adversary),
        )


class Trainer:
    """Holds all that changes; `step` makes one step."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        config = experiment.train
        torch.manual_seed(config.seed)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.model = SpectralModel(experiment.model)
        rate = experiment.model.rate
        self.crops = Crops(experiment.data, self.generator, rate, experiment.model.channels)
        self.mel = MelLosses(rate)
        self.power = PowerLosses(rate)
        self.wave = WaveLoss(rate, config.wave_top)
        self.balancer = Balancer(config.losses, decay=0.99)
        self.adversary = Adversary(experiment.adversary) if experiment.adversary.windows else None
        halves = [self.model.decoder] if config.decoder_only else [self.model.encoder, self.model.decoder]
        self.trained = [parameter for half in halves for parameter in half.parameters()]
        self.optimizer = torch.optim.AdamW(self.trained, lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=1e-3)
        self.average = copy.deepcopy(self.model)
        self.steps_done = 0
        self.audio_seconds = 0.0

    @torch.no_grad()
    def initialise(self) -> None:
        """Set the bands' mean and cluster the codebooks on the untrained latents."""
        config = self.experiment.train
        if config.start_from:
            self._start_from(Path(config.start_from))
            return
        audio = self.crops.draw(config.start_segments, config.start_frames * self.model.config.hop)
        frames = [self.model.analyse(part) for part in torch.split(audio, 50)]
        parametric = self.model.parametric
        bands = torch.cat([parametric.analyse(*pair)[..., : parametric.bands] for pair in frames])
        parametric.band_mean.copy_(bands.mean((0, 1)) / parametric.band_weight)
        latent = torch.cat([self.model.latents(*pair) for pair in frames])
        log.info("k-means of %d codebooks on %d frames", self.model.config.quantizer.codebooks, latent[..., 0].numel())
        self.model.quantizer.initialise(latent, self.generator)
        self.average.load_state_dict(self.model.state_dict())

    def _start_from(self, path: Path) -> None:
        if path.suffix == ".safetensors":
            found = load_weights(path).model.state_dict()
            found["quantizer.counts"] = torch.ones_like(found["quantizer.counts"])
            found["quantizer.sums"] = found["quantizer.codebooks"]
            state = {"model": found, "average": found}
        else:
            state = torch.load(path, weights_only=True)
        # An encoder that stays has to be the one that will be shipped, and the decoder learns beside it.
        used = state["average" if self.experiment.train.decoder_only else "model"]
        known = len(used["quantizer.codebooks"])
        missing = self.model.config.quantizer.codebooks - known
        for part in (used, state["average"]):
            for name, fill in (("codebooks", 0.0), ("sums", 0.0), ("counts", 1.0)):
                tensor = part[f"quantizer.{name}"][:known]
                part[f"quantizer.{name}"] = torch.cat([tensor, tensor.new_full((missing, *tensor.shape[1:]), fill)])
        self.model.load_state_dict(used)
        self.average.load_state_dict(state["average"])
        if missing:
            self._extend(known)
        log.info("started from %s", path)

    def _extend(self, known: int) -> None:
        """Cluster the codebooks that the start did not have."""
        config, quantizer = self.experiment.train, self.model.quantizer
        audio = self.crops.draw(config.start_segments, config.start_frames * self.model.config.hop)
        latent = torch.cat([self.model.latents(*self.model.analyse(part)) for part in torch.split(audio, 50)])
        log.info("k-means of %d more codebooks on %d frames", len(quantizer.codebooks) - known, latent[..., 0].numel())
        quantizer.extend(known, latent, self.generator)
        quantizer.sums.copy_(quantizer.codebooks)
        self.average.quantizer.load_state_dict(quantizer.state_dict())

    def learning_rate(self) -> float:
        """Of the next step."""
        config = self.experiment.train
        rise = min(1.0, (self.steps_done + 1) / config.warmup)
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, self.steps_done / config.steps)))
        return config.learning_rate * rise * (0.05 + 0.95 * fall)

    def step(self) -> dict[str, float]:
        """Make one step; returns the losses."""
        config, model = self.experiment.train, self.model
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        audio = self.crops.draw()
        shares = torch.tensor(config.rate_shares)
        rate_index = torch.multinomial(shares, len(audio), replacement=True, generator=self.generator)
        counts = torch.tensor(model.config.counts)[rate_index]
        mdct, mdst = model.analyse(audio)
        signs = torch.randint(0, 2, mdct.shape, generator=self.generator).float() * 2 - 1

        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16), torch.set_grad_enabled(self._encoding):
            latent = model.latents(mdct, mdst)
        quantized, numbers = self._quantize(latent.detach(), counts)
        quantized.requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            spectrum = model.spectrum(quantized, numbers, signs)
        decoded = model.synthesise(spectrum)[..., : audio.shape[-1]]
        figures = self._learn_to_judge(audio, decoded)
        losses = self._losses(audio, decoded, rate_index)
        error = latent.detach() - quantized.detach()
        replaced = 0
        if not (self.adversary and self.adversary.alone):
            self.optimizer.zero_grad(set_to_none=True)
            decoded.backward(self.balancer.gradient(losses, decoded, self._weights()))  # type: ignore[no-untyped-call]
            if self._encoding:
                straight = quantized.grad
                assert straight is not None
                pull = error * (config.commitment * straight.norm() / error.norm().clamp(min=1e-9))
                latent.backward(straight + pull)  # type: ignore[no-untyped-call]
            figures["gradient"] = float(torch.nn.utils.clip_grad_norm_(self.trained, 2.0))
            self.optimizer.step()

        self.steps_done += 1
        self.audio_seconds += audio.numel() / model.config.channels / model.config.rate
        if self.adversary:
            self.adversary.steps += 1
        if self._encoding:
            replace = self.steps_done % config.replace_every == 0
            replaced = model.quantizer.update(latent.detach() if replace else None, self.generator)
        self._follow()
        return {
            **{name: float(loss.detach()) for name, loss in losses.items()},
            "error": float(error.square().mean()),
            "latent": float(latent.detach().square().mean()),
            "replaced": float(replaced),
            **figures,
        }

    @property
    def _encoding(self) -> bool:
        """Whether encoder and codebooks learn."""
        return not self.experiment.train.decoder_only and not (self.adversary and self.adversary.alone)

    def _quantize(self, latent: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Quantized latents, and each frame's number of codebooks, (batch, t)."""
        quantizer, config = self.model.quantizer, self.experiment.train
        if not config.decoder_only:
            every = counts[:, None].expand(latent.shape[:2]).float()
            return quantizer.quantize(latent, counts, learn=self._encoding), every
        clips, numbers = [], []
        for clip, count in zip(latent, counts.tolist(), strict=True):
            codes, error, _ = quantizer.encode_every_count(clip, width=config.search_width)
            mean = coded_mean(count, quantizer.config.codebooks)
            chosen = torch.from_numpy(codes_of_mean(codes.numpy().astype(np.int16), error.numpy(), mean).T)
            clips.append(quantizer.decode(chosen[None])[0])
            numbers.append((chosen >= 0).sum(-1).float())
        return torch.cat(clips), torch.stack(numbers)

    def _losses(self, audio: Tensor, decoded: Tensor, rate_index: Tensor) -> dict[str, Tensor]:
        """In stereo left and right count for the waveform, middle and side for power, all four for mel spectra.

        Losses of left and right alone take the side's noise away: what is uncertain in it only adds to theirs.
        """
        wave = torch.tensor(self.experiment.train.wave_by_rate)[rate_index].repeat_interleave(audio.shape[1])
        channels = audio.flatten(0, 1), decoded.flatten(0, 1)
        rotated = middle_and_side(audio).flatten(0, 1), middle_and_side(decoded).flatten(0, 1)
        every = channels
        if audio.shape[1] == 2:
            every = torch.cat([channels[0], rotated[0]]), torch.cat([channels[1], rotated[1]])
        losses = {**self.mel(*every), **self.power(*rotated), **self.wave(*channels, wave)}
        if self.adversary and self.adversary.strength:
            losses.update(self.adversary.losses(audio, decoded, self.experiment.train.bfloat16))
        return losses

    def _weights(self) -> dict[str, float]:
        """The balancer takes a loss's own scale away, so the discriminators come in through their weights."""
        judged = self.adversary.strength if self.adversary else 0.0
        return {
            name: weight * (judged if name in JUDGED else 1.0) for name, weight in self.experiment.train.losses.items()
        }

    def _learn_to_judge(self, audio: Tensor, decoded: Tensor) -> dict[str, float]:
        adversary = self.adversary
        if not adversary:
            return {}
        chance = float(torch.rand((), generator=self.generator))
        if not adversary.alone and chance > adversary.config.probability:
            return {}
        return adversary.learn(audio, decoded, self.experiment.train.bfloat16)

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(self.experiment.train.average, self.steps_done / (self.steps_done + 10))
        for mine, theirs in zip(self.average.parameters(), self.model.parameters(), strict=True):
            mine.lerp_(theirs, 1 - keep)
        for copied, original in zip(self.average.buffers(), self.model.buffers(), strict=True):
            copied.copy_(original)

    def state(self) -> dict[str, Any]:
        """All that `restore` needs to go on exactly."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "balancer": self.balancer.state_dict(),
            "steps_done": self.steps_done,
            "audio_seconds": self.audio_seconds,
            **({"adversary": self.adversary.state()} if self.adversary else {}),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.balancer.load_state_dict(state["balancer"])
        self.steps_done = state["steps_done"]
        self.audio_seconds = state["audio_seconds"]
        if self.adversary:
            self.adversary.restore(state["adversary"])

    @torch.no_grad()
    def finish(self, segments: int = 3000) -> SpectralModel:
        """Give the averaged network codebooks clustered on many frames of its own latents.

        Takes some minutes; nothing that a later step uses changes.
        """
        model = copy.deepcopy(self.average)
        generator = torch.Generator().manual_seed(self.experiment.train.seed + 1)
        crops = Crops(self.experiment.data, generator, model.config.rate, model.config.channels)
        parts = []
        for done in range(0, segments, 20):
            audio = crops.draw(min(20, segments - done), self.experiment.train.start_frames * model.config.hop)
            parts.append(model.latents(*model.analyse(audio)))
        latent = torch.cat(parts)
        log.info("clustering on %d frames", latent[..., 0].numel())
        model.quantizer.refine(latent, generator)
        return model

    def save(self) -> None:
        """Write checkpoint and weights, each at once or not at all."""
        out = self.experiment.out
        out.mkdir(parents=True, exist_ok=True)
        torch.save(self.state(), out / "checkpoint.pt.part")
        (out / "checkpoint.pt.part").replace(out / "checkpoint.pt")
        save_weights(self.average, out / "weights.safetensors", steps=self.steps_done, seconds=self.audio_seconds)


def append_metrics(path: Path, row: dict[str, float]) -> None:
    """Add a line to the CSV file of metrics; a name without a figure stays empty."""
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=LOGGED)
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def train(experiment: Experiment, until: int | None = None) -> Trainer:
    """Train to the experiment's last step, or to step `until`, from the checkpoint if there is one."""
    config = experiment.train
    torch.set_num_threads(config.threads)
    trainer = Trainer(experiment)
    checkpoint = experiment.out / "checkpoint.pt"
    if checkpoint.exists():
        trainer.restore(torch.load(checkpoint, weights_only=True))
        log.info("going on from step %d of %d", trainer.steps_done, config.steps)
    else:
        experiment.out.mkdir(parents=True, exist_ok=True)
        trainer.initialise()
        trainer.save()
    millions = sum(p.numel() for p in trainer.trained) / 1e6
    log.info("%.1f h of audio, %.1f M parameters", trainer.crops.seconds / 3600, millions)
    sums: dict[str, tuple[float, int]] = {}
    started, seen = time.monotonic(), 0
    last = min(until or config.steps, config.steps)
    while trainer.steps_done < last:
        for name, value in trainer.step().items():
            total, count = sums.get(name, (0.0, 0))
            sums[name] = total + value, count + 1
        seen += 1
        if trainer.steps_done % config.log_every == 0:
            seconds = (time.monotonic() - started) / seen
            row = {"step": float(trainer.steps_done), **{k: round(v / n, 5) for k, (v, n) in sums.items()}}
            row["seconds"] = round(seconds, 3)
            row["rate"] = round(trainer.learning_rate(), 7)
            append_metrics(experiment.out / "metrics.csv", row)
            left = (last - trainer.steps_done) * seconds / 60
            log.info("%s, %.0f min left", "  ".join(f"{k} {v:g}" for k, v in row.items()), left)
            sums, seen, started = {}, 0, time.monotonic()
        if trainer.steps_done % config.save_every == 0:
            trainer.save()
    trainer.save()
    return trainer


def finish(experiment: Experiment, segments: int) -> Path:
    """Write `final.safetensors` of the last checkpoint: averaged, and its codebooks clustered anew."""
    checkpoint = experiment.out / "checkpoint.pt"
    trainer = Trainer(experiment)
    trainer.restore(torch.load(checkpoint, weights_only=True))
    path = experiment.out / "final.safetensors"
    save_weights(trainer.finish(segments), path, steps=trainer.steps_done, seconds=trainer.audio_seconds)
    log.info("%s: step %d", path, trainer.steps_done)
    return path


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--until", type=int, help="stop after this step, later starts go on from there")
    parser.add_argument("--finish", action="store_true", help="no steps: write final.safetensors of the checkpoint")
    parser.add_argument("--segments", type=int, default=3000, help="crops of audio that --finish clusters on")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    experiment = Experiment.load(arguments.experiment)
    if arguments.finish:
        finish(experiment, arguments.segments)
    else:
        train(experiment, arguments.until)


if __name__ == "__main__":
    main()
