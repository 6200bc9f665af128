"""Train a language model on the codes of a codec.

>>> # python -m audiocodecs.encodec.entropy.training codecs/experiments/lm_spectral.toml

Everything is written below the experiment's `out`: `codes/` (codes of crops, made as they are needed),
`checkpoint.pt` (all that a later start needs to go on exactly as if it had not stopped), `metrics.csv`,
`heldout.csv` (bits a code and kbit/s at each bitrate on held-out clips) and `model.safetensors`, the
model in integers as files need it. Starting it again goes on from the checkpoint.
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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from audiocodecs.encodec.checkpoints import sha256
from audiocodecs.encodec.entropy.block_coding import NONE, BlockCoding
from audiocodecs.encodec.entropy.code_shards import Codes, ShardConfig, Shards, Source, codes_of_files, source_of
from audiocodecs.encodec.entropy.exact_model import ExactLanguageModel
from audiocodecs.encodec.entropy.exact_weights import (
    ExactWeights,
    dequantised,
    load_weights,
    quantised,
    save_weights,
)
from audiocodecs.encodec.entropy.language_model import LanguageModel
from audiocodecs.encodec.entropy.settings import LanguageModelSettings
from audiocodecs.spectral.crops import CropConfig

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """How long and how.

    Attributes
    ----------
    steps : int
        The learning rate falls to a twentieth over them, as a cosine.
    batch, frames : int
        Windows of a step, and their length; a model starts anew with each.
    shards : int
        Of codes in all.
    steps_a_shard : int
        A new shard is made each so many steps, until there are `shards`.
    average : float
        Decay of the averaged weights, which are what is tested and kept.
    bfloat16 : bool
        Matrix products in bfloat16.
    start_from : str
        A model in integers to go on from; it may have fewer codebooks.
    """

    steps: int = 6_000
    learning_rate: float = 2e-3
    warmup: int = 200
    weight_decay: float = 0.02
    batch: int = 8
    frames: int = 375
    shards: int = 48
    steps_a_shard: int = 20
    first_shards: int = 8
    average: float = 0.998
    dropout: float = 0.0
    bfloat16: bool = True
    threads: int = 1
    seed: int = 1
    start_from: str = ""
    log_every: int = 50
    test_every: int = 500


@dataclass(frozen=True)
class Experiment:
    """An experiment file, read."""

    out: Path
    codec: str
    weights: Path
    heldout: tuple[Path, ...]
    crops: CropConfig
    shards: ShardConfig
    model: LanguageModelSettings
    train: TrainConfig

    @classmethod
    def load(cls, path: Path) -> Experiment:
        """Read a TOML file; paths in it are relative to the working folder, `~` and variables expanded."""
        table = tomllib.loads(path.read_text())
        data = {**table["data"], "folder": str(_expand(table["data"]["folder"]))}
        shards = dict(table.get("shards", {}))
        if "order" in shards:
            shards["order"] = tuple(shards["order"])
        return cls(
            out=_expand(table["out"]),
            codec=table["codec"]["name"],
            weights=_expand(table["codec"]["weights"]),
            heldout=tuple(sorted(Path().glob(os.path.expandvars(table["heldout"])))),
            crops=CropConfig(**data),
            shards=ShardConfig(**shards),
            model=LanguageModelSettings(**table["model"]),
            train=TrainConfig(**table.get("train", {})),
        )


def _expand(text: str) -> Path:
    return Path(os.path.expandvars(text)).expanduser()


class Trainer:
    """Holds all that changes; `step` makes one step."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        config = experiment.train
        self.random = torch.Generator().manual_seed(config.seed)
        self.source: Source = source_of(experiment.codec, experiment.weights, experiment.model.codebooks)
        self.shards = Shards(experiment.out / "codes", self.source, experiment.crops, experiment.shards, config.seed)
        torch.manual_seed(config.seed)  # here, as loading the codec may draw numbers too
        self.model = LanguageModel(experiment.model)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        decayed = [p for p in self.model.parameters() if p.dim() > 1]
        plain = [p for p in self.model.parameters() if p.dim() <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=config.learning_rate,
            betas=(0.9, 0.99),
        )
        self.steps_done = 0

    @torch.no_grad()
    def initialise(self) -> None:
        """Start from the codec's own codebooks and the codes' frequencies, so that like codes are alike from the start.

        The sum of a frame's embeddings is then its latent vector, and a code's logit the product of what the network
        makes of the past with the vector that the code stands for.
        """
        state, size = self.model.state_dict(), self.experiment.model.dim
        books = torch.from_numpy(self.source.codebooks)[: self.experiment.model.codebooks]
        # A network narrower than the vectors takes the directions in which they differ most.
        axes = _principal_axes(books, size)
        turn = axes @ torch.linalg.qr(torch.randn(size, size, generator=self.random))[0][: axes.shape[1]]
        spread = books.std(dim=(1, 2), keepdim=True)
        vectors = books @ turn / spread[0]
        alone = books / spread @ turn * (0.3 / math.sqrt(books.shape[2]))
        for k in range(len(books)):
            state[f"emb.{k}.weight"][1:] = vectors[k]
            state[f"linears.{k}.weight"].copy_(alone[k])
            counts = torch.ones(books.shape[1])
            for index in range(self.experiment.train.first_shards):
                shard = self.shards[index]
                if k < shard.shape[1]:
                    seen = shard[:, k][shard[:, k] != NONE]
                    counts += torch.from_numpy(np.bincount(seen, minlength=len(counts)))
            state[f"linears.{k}.bias"].copy_((counts / counts.sum()).log())
            if f"within.{k}.weight" in state:
                state[f"within.{k}.weight"].copy_(alone[k])
        if start := self.experiment.train.start_from:
            for name, values in dequantised(load_weights(_expand(start)).tensors).items():
                state[name].copy_(torch.from_numpy(values))
        self.average.load_state_dict(state)

    def learning_rate(self) -> float:
        """Of the next step."""
        config = self.experiment.train
        rise = min(1.0, (self.steps_done + 1) / config.warmup)
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, self.steps_done / config.steps)))
        return config.learning_rate * rise * (0.05 + 0.95 * fall)

    def batch(self) -> Tensor:
        """Windows of one shard, int64 (batch, codebooks, frames)."""
        config = self.experiment.train
        made = min(config.shards, config.first_shards + self.steps_done // config.steps_a_shard)
        shard = self.shards[int(torch.randint(made, (), generator=self.random))]
        rows = torch.randint(len(shard), (config.batch,), generator=self.random)
        starts = torch.randint(shard.shape[2] - config.frames + 1, (config.batch,), generator=self.random)
        windows = [shard[row, :, at : at + config.frames] for row, at in zip(rows, starts, strict=True)]
        return torch.from_numpy(np.stack(windows).astype(np.int64))

    def step(self) -> Tensor:
        """Make one step; bits of a code for each codebook, NaN where the batch has fewer."""
        config = self.experiment.train
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        codes = self.batch()
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            logits = self.model(codes)
        losses, sent = _losses(logits.float(), codes)
        self.optimizer.zero_grad(set_to_none=True)
        (losses.sum() / sent.sum()).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.steps_done += 1
        keep = min(config.average, self.steps_done / (self.steps_done + 10))
        with torch.no_grad():
            for mine, theirs in zip(self.average.parameters(), self.model.parameters(), strict=True):
                mine.lerp_(theirs, 1 - keep)
        bits = torch.full((self.experiment.model.codebooks,), math.nan)
        bits[: len(losses)] = losses.detach() / sent / math.log(2)
        return bits

    @torch.no_grad()
    def test(self, heldout: Mapping[float, list[Codes]]) -> dict[float, tuple[Tensor, float]]:
        """Bits of a code for each codebook at each bitrate, blocks as in a file; and bits of all codes a frame."""
        found = {}
        for count, clips in heldout.items():
            frames = sum(clip.shape[1] for clip in clips)
            total, sent = torch.zeros(2, len(clips[0]))
            for clip in clips:
                for start in range(0, clip.shape[1], self.experiment.train.frames):
                    part = torch.from_numpy(clip[None, :, start : start + self.experiment.train.frames])
                    losses, codes = _losses(self.average(part), part)
                    total += losses / math.log(2)
                    sent += codes
            found[count] = total / sent, float(total.sum()) / frames
        return found

    def state(self) -> dict[str, Any]:
        """All that `restore` needs to go on exactly."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": self.random.get_state(),
            "steps_done": self.steps_done,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.random.set_state(state["random"])
        self.steps_done = state["steps_done"]

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        out = self.experiment.out
        out.mkdir(parents=True, exist_ok=True)
        torch.save(self.state(), out / "checkpoint.pt.part")
        (out / "checkpoint.pt.part").replace(out / "checkpoint.pt")
        about = {"steps": self.steps_done, "codec_weights": sha256(self.experiment.weights)[:16]}
        save_weights(self.exported, self.experiment.model, self._average_state(), about)

    @property
    def exported(self) -> Path:
        """Where `save` writes the model in integers."""
        return self.experiment.out / "model.safetensors"

    def _average_state(self) -> dict[str, np.ndarray]:
        return {name: value.numpy() for name, value in self.average.state_dict().items()}

    def coded_kbps(self, heldout: Mapping[float, list[Codes]]) -> dict[float, float]:
        """Rate at each bitrate with the averaged network in integers, as files would have it, kbit/s."""
        weights = ExactWeights(self.experiment.model, quantised(self._average_state()), bytes(8))
        coding, block = BlockCoding(ExactLanguageModel(weights)), self.experiment.train.frames
        found = {}
        for count, clips in heldout.items():
            bits = frames = 0
            for clip in clips:
                for start in range(0, clip.shape[1], block):
                    part = clip[:, start : start + block]
                    bits += 8 * len(coding.encode([part], varying=bool((part < 0).any())))
                frames += clip.shape[1]
            found[count] = bits / frames * self.source.frame_rate / 1000
        return found


def _principal_axes(books: Tensor, most: int) -> Tensor:
    """Directions in which the entries of all codebooks (n_q, entries, d) differ most: (d, min(d, most))."""
    centred = (books - books.mean(1, keepdim=True)).flatten(0, 1).double()
    axes: Tensor = torch.linalg.eigh(centred.T @ centred).eigenvectors  # that of the largest value last
    return axes[:, -most:].float()


def _losses(logits: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
    """Cross entropy in nats of all codes of each codebook, (n_q,), and how many codes there are."""
    target = codes.transpose(0, 1)
    nats = [
        F.cross_entropy(rows.flatten(0, 1), wanted.flatten(), ignore_index=NONE, reduction="sum")
        for rows, wanted in zip(logits, target, strict=True)
    ]
    return torch.stack(nats), (target != NONE).sum((1, 2))


def append(path: Path, row: Mapping[str, object]) -> None:
    """Add a line to a CSV file."""
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
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
    else:
        trainer.initialise()
    log.info(
        "step %d of %d, %.2f M parameters",
        *(trainer.steps_done, config.steps, sum(p.numel() for p in trainer.model.parameters()) / 1e6),
    )
    heldout = codes_of_files(trainer.source, list(experiment.heldout), experiment.model.codebooks)
    last = min(until or config.steps, config.steps)
    seen: list[Tensor] = []
    started = time.monotonic()
    while trainer.steps_done < last:
        seen.append(trainer.step())
        if trainer.steps_done % config.log_every == 0:
            bits = torch.stack(seen).nanmean(0)
            seconds = (time.monotonic() - started) / len(seen)
            row = {"step": trainer.steps_done, "seconds": round(seconds, 3), "rate": f"{trainer.learning_rate():.2e}"}
            append(experiment.out / "metrics.csv", {**row, **{f"b{k}": round(float(b), 4) for k, b in enumerate(bits)}})
            log.info("step %d, %.2f s, bits %s", trainer.steps_done, seconds, " ".join(f"{b:.2f}" for b in bits))
            seen, started = [], time.monotonic()
        if trainer.steps_done % config.test_every == 0 or trainer.steps_done == last:
            _report(trainer, heldout)
            trainer.save()
            seen, started = [], time.monotonic()
    for count, kbps in trainer.coded_kbps(heldout).items():
        log.info("held out, in integers, %.3g codebooks: %.3f kbit/s", count, kbps)
    return trainer


def _report(trainer: Trainer, heldout: Mapping[float, list[Codes]]) -> None:
    experiment = trainer.experiment
    for count, (bits, a_frame) in trainer.test(heldout).items():
        kbps = a_frame * trainer.source.frame_rate / 1000
        plain = round(10 * count * trainer.source.frame_rate / 1000, 3)
        log.info("held out, %.3g codebooks: %.3f kbit/s of %.2f", count, kbps, plain)
        row = {"step": trainer.steps_done, "codebooks": round(count, 2), "plain_kbps": plain, "kbps": round(kbps, 4)}
        places = range(experiment.model.codebooks)
        append(
            experiment.out / "heldout.csv",
            {**row, **{f"b{k}": round(float(bits[k]), 4) if k < len(bits) else "" for k in places}},
        )


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--until", type=int, help="stop after this step, later starts go on from there")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    train(Experiment.load(arguments.experiment), arguments.until)


if __name__ == "__main__":
    main()
