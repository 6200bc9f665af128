"""A training run: from the last checkpoint to the last step, with all that it writes.

Below the experiment's `out`: `checkpoint.pt`, from which the next start goes on as if there had been no
stop; `weights.th`, the weights of that checkpoint in the published layout; `metrics.csv`, `samples.csv`,
`samples/` and `tensorboard/`.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from audiocodecs.base import CodecError
from audiocodecs.encodec.training.experiment import Experiment
from audiocodecs.encodec.training.journal import Journal, time_left
from audiocodecs.encodec.training.samples import read_references, write_samples
from audiocodecs.encodec.training.trainer import Trainer
from audiocodecs.encodec.training.weights import exported_state, save_whole

log = logging.getLogger(__name__)


PACE_SECONDS = 4.0


class Pace:
    """How many steps there will be when the time is over, judged by the last few seconds.

    Parameters
    ----------
    stop : float
        When the time is over, `time.monotonic()`.
    """

    def __init__(self, stop: float) -> None:
        self.stop = stop
        self.before: tuple[int, float] | None = None

    def steps(self, done: int) -> int | None:
        """Number of steps in all, as it looks after step `done`; None while nothing new is known."""
        now = time.monotonic()
        if self.before is None:
            self.before = (done, now)
        steps, seconds = done - self.before[0], now - self.before[1]
        if not steps or seconds < PACE_SECONDS:
            return None
        self.before = (done, now)
        return done + max(1, int((self.stop - now) * steps / seconds))


class Run:
    """An experiment under way.

    Parameters
    ----------
    experiment : Experiment
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        torch.set_num_threads(experiment.train.threads)
        read_references(experiment)  # what is wrong with them is better known now than after an hour
        self.trainer = Trainer(experiment)
        if self.trainer.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
        self.checkpoint = experiment.out / "checkpoint.pt"
        state = self._restore()
        experiment.out.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(experiment.out, self.trainer.steps_done, experiment.train.tensorboard)
        if state is not None:
            self.journal.sums = {name: (total, count) for name, (total, count) in state["sums"].items()}

    def _restore(self) -> dict[str, Any] | None:
        if not self.checkpoint.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        except Exception as error:  # torch.load promises no set of errors for files that are not its own
            raise CodecError(f"{self.checkpoint} cannot be read: {error}. Move it away to begin anew.") from error
        self.trainer.restore(state)
        log.info("going on from step %d of %d", self.trainer.steps_done, self.experiment.train.steps)
        return state

    def go(self, until: int | None = None, minutes: float | None = None, whole: bool = False) -> None:
        """Train to the experiment's last step, or to step `until`, or for some minutes; ends with a checkpoint.

        Parameters
        ----------
        until : int, optional
        minutes : float, optional
        whole : bool
            The minutes hold the whole run: its number of steps follows from the pace, so that the learning rate
            comes to its end with them.
        """
        trainer, train = self.trainer, self.experiment.train
        last = min(until or train.steps, train.steps)
        stop = time.monotonic() + 60 * minutes if minutes else float("inf")
        pace = Pace(stop) if whole else None
        self._say_what()
        batches = trainer.batches.after(trainer.steps_done)
        saved = -1
        try:
            while trainer.steps_done < last and time.monotonic() < stop:
                if trainer.quantizing and not trainer.quantizer_started:
                    frames = trainer.start_quantizer()
                    log.info("k-means of %d codebooks on %d frames", self.experiment.codebooks, frames)
                self.journal.add(trainer.step(next(batches)))
                if pace is not None and (planned := pace.steps(trainer.steps_done)):
                    last = planned
                    self._replan(planned)
                if trainer.steps_done % train.log_every == 0:
                    self._log(last)
                every = self.experiment.samples.every
                if every and trainer.steps_done % every == 0:
                    self.listen()
                if trainer.steps_done % train.save_every == 0:
                    self.save()
                    saved = trainer.steps_done
        finally:
            batches.close()
            self.journal.close()
        if saved != trainer.steps_done:
            self.save()

    def _replan(self, steps: int) -> None:
        train = replace(self.experiment.train, steps=steps)
        self.experiment = self.trainer.experiment = replace(self.experiment, train=train)

    def save(self) -> None:
        """Write checkpoint and weights."""
        save_whole(self.trainer.state() | {"sums": self.journal.sums}, self.checkpoint)
        save_whole(exported_state(self.trainer.exported()), self.experiment.out / "weights.th")

    def listen(self) -> None:
        """Decode the held-out audio with the weights of this step."""
        if not self.trainer.quantizer_started or not self.experiment.samples.files:
            return
        weights = self.experiment.out / "weights.th"
        save_whole(exported_state(self.trainer.exported()), weights)
        rows = write_samples(self.experiment, weights, self.trainer.steps_done, self.journal)
        for kbps in self.experiment.bandwidths:
            these = [row for row in rows if row["kbps"] == kbps]
            means = {name: sum(float(row[name]) for row in these) / len(these) for name in list(these[0])[3:]}
            log.info("held out at %g kbit/s: %s", kbps, "  ".join(f"{k} {v:.2f}" for k, v in means.items()))

    def export(self, path: Path, half: bool) -> None:
        """Write the weights alone, for `encodec_24khz:weights=PATH`."""
        if not self.trainer.quantizer_started:
            raise CodecError(
                f"Nothing to export: quantization begins at step {self.experiment.train.quantize_from} and the last "
                f"checkpoint is of step {self.trainer.steps_done}."
            )
        save_whole(exported_state(self.trainer.exported(), half), path)
        log.info("%s: step %d, %.1f MB", path, self.trainer.steps_done, path.stat().st_size / 1e6)

    def carry(self, path: Path) -> None:
        """Write what another machine's `start_from` needs, in half precision: network, codebooks, discriminators.

        A tenth of a checkpoint. Optimizers and averages begin anew there, so that it is no exact continuation.
        """
        trainer = self.trainer
        state: dict[str, Any] = {
            "settings": asdict(self.experiment.settings),
            "model": exported_state(trainer.exported(), half=True),
        }
        if trainer.judges is not None:
            state["judges"] = {name: t.detach().half().cpu() for name, t in trainer.judges.state_dict().items()}
        save_whole(state, path)
        log.info("%s: step %d, %.1f MB", path, trainer.steps_done, path.stat().st_size / 1e6)

    def _log(self, last: int) -> None:
        trainer = self.trainer
        use = trainer.codebook_use() if trainer.quantizer_started else []
        row = self.journal.write(
            trainer.steps_done,
            learning_rate=trainer.learning_rate(self.experiment.train.learning_rate),
            audio_hours=trainer.audio_seconds / 3600,
            **({"codebook_use": sum(use) / len(use), "codebook_least": min(use)} if use else {}),
        )
        left = time_left((last - trainer.steps_done) * row["seconds"])
        log.info("%s, %s left", "  ".join(f"{name} {value:.5g}" for name, value in row.items()), left)

    def _say_what(self) -> None:
        trainer = self.trainer
        millions = sum(p.numel() for p in trainer.trained) / 1e6
        judges = sum(p.numel() for p in trainer.judges.parameters()) / 1e6 if trainer.judges else 0.0
        kinds = {source.kind: 0.0 for source in trainer.batches.sources}
        for source in trainer.batches.sources:
            kinds[source.kind] += source.seconds / 3600
        log.info(
            "%s, %.1f M parameters and %.2f M of discriminators, on %s; %s",
            *(self.experiment.settings.name, millions, judges, trainer.device),
            ", ".join(f"{hours:.1f} h of {kind}" for kind, hours in kinds.items()),
        )
