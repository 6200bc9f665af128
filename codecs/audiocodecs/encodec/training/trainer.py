"""All that changes while EnCodec learns, and one step of it.

References
----------
A. Défossez et al., "High Fidelity Neural Audio Compression", arXiv 2210.13438, section 3.4 and appendix A.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audiocodecs.base import CodecError
from audiocodecs.encodec.model import EncodecModel
from audiocodecs.encodec.segments import level
from audiocodecs.encodec.training.adversarial import (
    discriminator_loss,
    feature_matching_loss,
    generator_loss,
    judge_share,
)
from audiocodecs.encodec.training.balancer import Balancer
from audiocodecs.encodec.training.data import Batches
from audiocodecs.encodec.training.discriminator import MultiScaleStftDiscriminator, frozen
from audiocodecs.encodec.training.experiment import Experiment
from audiocodecs.encodec.training.losses import FrequencyLoss, time_loss
from audiocodecs.encodec.training.quantizer import QuantizerTraining
from audiocodecs.encodec.training.start import enliven


def pick_device(wanted: str) -> torch.device:
    """Device by name; "auto" is a GPU where there is one."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)


class Trainer:
    """Model, quantizer, discriminators, optimizers, balancer and random state of an experiment."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        train, judges, settings = experiment.train, experiment.discriminator, experiment.settings
        self.device = pick_device(train.device)
        torch.manual_seed(train.seed)
        self.generator = torch.Generator().manual_seed(train.seed)
        self.batches = Batches(experiment.data, settings.rate, settings.channels, train.seed)
        self.model = EncodecModel(settings).to(self.device)
        if train.initial_gain != 1:
            enliven(self.model, train.initial_gain)
        self.quantizer = QuantizerTraining(self.model.quantizer, experiment.quantizer)
        self.trained = list(self.model.parameters())
        self.optimizer = self._adam(self.trained, train.learning_rate)
        self.judges: MultiScaleStftDiscriminator | None = None
        if judges.channels:
            network = MultiScaleStftDiscriminator(judges.windows, judges.channels, judges.exponent)
            self.judges = network.to(self.device)
            self.judge_optimizer = self._adam(list(self.judges.parameters()), judges.learning_rate)
        self.frequency = FrequencyLoss(settings.rate).to(self.device)
        self.balancer = Balancer(experiment.losses.shares, decay=experiment.losses.decay, per_item=True)
        self.average = copy.deepcopy(self.model).requires_grad_(False) if train.average else None
        self.steps_done = 0
        self.audio_seconds = 0.0
        self._started = False
        if train.start_from:
            self._start_from(Path(train.start_from))

    def _adam(self, parameters: list[nn.Parameter], learning_rate: float) -> torch.optim.Adam:
        first, second = self.experiment.train.betas
        fused = self.device.type == "cuda"
        return torch.optim.Adam(parameters, lr=learning_rate, betas=(first, second), fused=fused)

    def _mixed(self) -> torch.autocast:
        """Convolutions in bfloat16, if the experiment wants it."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.experiment.train.precision == "bf16")

    @property
    def quantizing(self) -> bool:
        """Whether the next step quantizes."""
        return self.steps_done >= self.experiment.train.quantize_from

    @property
    def judging(self) -> float:
        """Share of their full weight that the discriminators' losses have in the next step."""
        config = self.experiment.discriminator
        if self.judges is None or self.steps_done < config.judge_from:
            return 0.0
        return min(1.0, (self.steps_done - config.judge_from + 1) / max(config.ramp, 1))

    def learning_rate(self, full: float) -> float:
        """Learning rate of the next step, of one whose full value is `full`."""
        train = self.experiment.train
        rise = min(1.0, (self.steps_done + 1) / max(train.warmup, 1))
        if train.schedule == "constant":
            return full * rise
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, self.steps_done / train.steps)))
        return full * rise * (0.05 + 0.95 * fall)

    def latents(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Encode audio (batch, channels, n): latents in float32, and the level each item was divided by."""
        scale = level(audio) if self.experiment.settings.normalize else torch.ones_like(audio[:, :1, :1])
        with self._mixed():
            return self.model.encoder(audio / scale).float(), scale

    @torch.no_grad()
    def start_quantizer(self) -> int:
        """Find the codebooks by k-means on the latents of fresh crops; returns how many frames that were."""
        data, settings = self.experiment.data, self.experiment.settings
        frames = data.batch * (data.samples // (settings.rate // settings.frame_rate))
        fresh = Batches(data, settings.rate, settings.channels, self.experiment.train.seed + (not data.same_batch))
        parts = []
        for number in range(math.ceil(self.experiment.quantizer.start_frames / frames)):
            latents, _ = self.latents(torch.from_numpy(fresh.batch(number)).to(self.device))
            parts.append(latents.transpose(1, 2).flatten(0, 1))
        found = torch.cat(parts)
        self.quantizer.initialise(found, self.experiment.codebooks, self.generator)
        return len(found)

    @property
    def quantizer_started(self) -> bool:
        """Whether the codebooks hold anything."""
        if not self._started:  # asked at every step, and each flag that is read waits for the GPU
            codebooks = self.model.quantizer.codebooks[: self.experiment.codebooks]
            self._started = all(bool(codebook.inited) for codebook in codebooks)
        return self._started

    def step(self, batch: NDArray[np.float32]) -> dict[str, float]:
        """Make one step with a batch (items, channels, n); returns what there is to log.

        Raises
        ------
        CodecError
            If the gradient is not finite any more.
        """
        train, losses_config = self.experiment.train, self.experiment.losses
        self._set_learning_rates()
        audio = torch.from_numpy(batch).to(self.device, non_blocking=True)
        latents, scale = self.latents(audio)
        # tensors until the step is over: reading one makes the CPU wait for the GPU
        spread = latents.detach().var((0, 2)).mean()
        figures: dict[str, Tensor] = {"latent": spread.sqrt()}
        held = latents.detach().requires_grad_()
        pull = torch.zeros_like(held)
        given = held
        if self.quantizing:
            n_q = self._draw_codebooks()
            quantized = self.quantizer.quantize(held, n_q, self.generator)
            (pull,) = torch.autograd.grad(quantized.commitment, [held])
            given = quantized.latents.detach().requires_grad_()
            error = (given - held).detach().square().mean() / spread.clamp(min=1e-12)
            figures["missed_db"] = 10 * error.clamp(min=1e-12).log10()
            figures["commitment"] = quantized.commitment
            figures["replaced"] = quantized.replaced / n_q
        with self._mixed():
            decoded = self.model.decoder(given)
        decoded = decoded.float()[..., : audio.shape[-1]] * scale

        heard = decoded.detach().requires_grad_()
        figures |= self._judges_learn(audio, heard.detach())
        losses, weights = self._losses(audio, heard)
        gradient = self.balancer.gradient(losses, heard, weights)
        self.optimizer.zero_grad(set_to_none=True)
        decoded.backward(gradient)
        straight = given.grad
        assert straight is not None
        if losses_config.commitment_as == "share":
            pull = pull * (straight.norm() / pull.norm().clamp(min=1e-12))
        latents.backward(straight + losses_config.commitment * pull)  # type: ignore[no-untyped-call]
        norm = float(nn.utils.clip_grad_norm_(self.trained, train.clip or math.inf))
        if not math.isfinite(norm):
            raise CodecError(
                f"The gradient of step {self.steps_done + 1} is not finite. Go on from the last checkpoint with a "
                "lower learning rate, a `clip`, or precision = 'float32'."
            )
        self.optimizer.step()

        self.steps_done += 1
        self.audio_seconds += audio.shape[0] * audio.shape[2] / self.experiment.settings.rate
        self._follow()
        said = losses | figures
        # together: each number that is read alone waits for the GPU
        found = torch.stack([figure.detach().float().to(self.device) for figure in said.values()]).tolist()
        return {**dict(zip(said, found, strict=True)), "gradient": norm}

    def _set_learning_rates(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(self.experiment.train.learning_rate)
        if self.judges is not None:
            for group in self.judge_optimizer.param_groups:
                group["lr"] = self.learning_rate(self.experiment.discriminator.learning_rate)

    def _draw_codebooks(self) -> int:
        bandwidths = self.experiment.bandwidths
        shares = torch.tensor(self.experiment.train.bandwidth_shares or [1.0] * len(bandwidths))
        drawn = int(torch.multinomial(shares, 1, generator=self.generator))
        return self.experiment.settings.codebooks_at(bandwidths[drawn])

    def _judges_learn(self, audio: Tensor, decoded: Tensor) -> dict[str, Tensor]:
        chance = float(torch.rand((), generator=self.generator))
        config = self.experiment.discriminator
        if self.judges is None or self.steps_done < config.learn_from or chance >= config.probability:
            return {}
        gain = self._judged_gain(audio)
        with self._mixed():
            logits, _ = self.judges(torch.cat([audio * gain, decoded * gain]))
        real, fake = zip(*(both.chunk(2) for both in logits), strict=True)
        loss = discriminator_loss(real, fake)
        self.judge_optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.judge_optimizer.step()
        return {"discriminator": loss, "right": judge_share(real, fake)}

    def _judged_gain(self, audio: Tensor) -> Tensor:
        """What the discriminators' audio is multiplied by, (batch, 1, 1)."""
        wanted = self.experiment.discriminator.level
        if not wanted:
            return torch.ones_like(audio[:, :1, :1])
        return wanted / audio.square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-3)

    def _losses(self, audio: Tensor, heard: Tensor) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Losses of what was decoded, and the weights of each in this step."""
        config, judging = self.experiment.losses, self.judging
        losses = {"time": time_loss(audio, heard), **self.frequency(audio, heard, log=config.log_mel > 0)}
        weights = {name: weight for name, weight in config.shares.items() if name in losses}
        if self.judges is not None and judging and (config.generator or config.features):
            gain = self._judged_gain(audio)
            with frozen(self.judges), self._mixed():
                with torch.no_grad():
                    _, real = self.judges(audio * gain)
                logits, fake = self.judges(heard * gain)
            losses |= {"generator": generator_loss(logits), "features": feature_matching_loss(real, fake)}
            weights |= {"generator": judging * config.generator, "features": judging * config.features}
        return losses, weights

    @torch.no_grad()
    def _follow(self) -> None:
        if self.average is None:
            return
        keep = min(self.experiment.train.average, self.steps_done / (self.steps_done + 10))
        torch._foreach_lerp_(tuple(self.average.parameters()), tuple(self.trained), 1 - keep)
        for copied, original in zip(self.average.buffers(), self.model.buffers(), strict=True):
            copied.copy_(original)

    def codebook_use(self) -> list[float]:
        """Codes in effective use of each trained codebook, over the last hundred batches or so: 1 to 1024."""
        found = []
        for codebook in self.model.quantizer.codebooks[: self.experiment.codebooks]:
            shares = codebook.cluster_size / codebook.cluster_size.sum().clamp(min=1e-9)
            found.append(float(torch.special.entr(shares).sum().exp()))
        return found

    def exported(self) -> EncodecModel:
        """The network to be used: the averaged one if there is one."""
        return self.average if self.average is not None else self.model

    def state(self) -> dict[str, Any]:
        """All that `restore` needs to go on exactly."""
        state: dict[str, Any] = {
            "settings": asdict(self.experiment.settings),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "balancer": self.balancer.state_dict(),
            "generator": self.generator.get_state(),
            "torch": torch.get_rng_state(),
            "steps_done": self.steps_done,
            "audio_seconds": self.audio_seconds,
        }
        if self.judges is not None:
            state |= {"judges": self.judges.state_dict(), "judge_optimizer": self.judge_optimizer.state_dict()}
        if self.average is not None:
            # its buffers, the codebooks, are the model's
            state["average"] = {name: p.detach() for name, p in self.average.named_parameters()}
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`.

        Raises
        ------
        CodecError
            If it is that of another model.
        """
        self._same_model(state, "The checkpoint")
        for name, now in (("judges", self.judges), ("average", self.average)):
            if (name in state) != (now is not None):
                raise CodecError(
                    f"The checkpoint and the experiment disagree on {name}. Give the experiment another `out` and name "
                    "this checkpoint as its `start_from`."
                )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.judges is not None:
            self.judges.load_state_dict(state["judges"])
            self.judge_optimizer.load_state_dict(state["judge_optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["model"] | state["average"])
        self.balancer.load_state_dict(state["balancer"])
        self.generator.set_state(state["generator"].cpu())
        torch.set_rng_state(state["torch"].cpu())
        self.steps_done = state["steps_done"]
        self.audio_seconds = state["audio_seconds"]

    def _start_from(self, path: Path) -> None:
        """Take network and codebooks of exported weights or of a checkpoint; optimizers stay fresh."""
        if not path.is_file():
            raise CodecError(f"[train] start_from names {path}, which is not there.")
        state = torch.load(path, map_location="cpu", weights_only=True)
        if "model" in state:
            self._same_model(state, str(path))
        weights = state["model"] | state.get("average", {}) if "model" in state else state
        try:
            self.model.load_state_dict(weights)
            if self.average is not None:
                self.average.load_state_dict(weights)
            if self.judges is not None and "judges" in state:
                self.judges.load_state_dict(state["judges"])
            self.quantizer.adopt()
        except RuntimeError as error:  # load_state_dict lists what does not fit
            raise CodecError(f"[train] start_from {path} does not fit this experiment: {error}") from error

    def _same_model(self, state: Mapping[str, Any], what: str) -> None:
        found, wanted = state["settings"], asdict(self.experiment.settings)
        if different := [name for name in wanted if found[name] != wanted[name]]:
            name = different[0]
            raise CodecError(f"{what} is of a model with {name} = {found[name]}; the experiment has {wanted[name]}.")
