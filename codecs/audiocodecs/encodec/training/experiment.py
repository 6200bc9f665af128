"""An experiment: one TOML file that says which model is trained on what, and how.

Its tables `[data]`, `[quantizer]`, `[discriminator]`, `[losses]`, `[train]` and `[samples]` hold the
fields of the dataclasses here, in `data.py` and in `quantizer.py`. What is not named keeps its default,
which is that of the published recipe where there is one.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from audiocodecs.base import CodecError
from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ, Settings
from audiocodecs.encodec.training.data import DataConfig
from audiocodecs.encodec.training.discriminator import windows_at
from audiocodecs.encodec.training.quantizer import QuantizerConfig

MODELS = {settings.name: settings for settings in (ENCODEC_24KHZ, ENCODEC_48KHZ)}

Section = TypeVar("Section")


@dataclass(frozen=True)
class DiscriminatorConfig:
    """The discriminators.

    Attributes
    ----------
    windows : tuple of int
        Samples; those published for the model's rate if empty.
    channels : int
        0: no discriminators.
    probability : float
        How often they learn: 2/3 published at 24 kHz, 1/2 at 48 kHz.
    learning_rate : float
    exponent : float
        Of the magnitudes they see; 1 as published.
    level : float
        RMS that both of a pair are brought to, by the original's; 0 leaves them as they are, as published.
    learn_from : int
        First step at which they learn.
    judge_from : int
        First step at which the generator gets their losses. Discriminators that begin untrained against a
        trained generator undo what it has learned; give them some hundred steps alone.
    ramp : int
        Steps in which the weight of their losses rises to its full value.
    """

    windows: tuple[int, ...] = ()
    channels: int = 32
    probability: float = 2 / 3
    learning_rate: float = 3e-4
    exponent: float = 1.0
    level: float = 0.0
    learn_from: int = 0
    judge_from: int = 0
    ramp: int = 0


@dataclass(frozen=True)
class LossConfig:
    """Shares of the balancer; 0 leaves a loss out. See `losses.py` and `adversarial.py`.

    Attributes
    ----------
    time, frequency, log_mel, generator, features : float
        Published: 0.1, 1, 0 and twice 3 at 24 kHz, twice 4 at 48 kHz.
    decay : float
        Of the averaged norms.
    commitment : float
        Weight of the pull of the latents to their codes, which is outside the balancer.
    commitment_as : str
        "mse": the weight multiplies the mean square, as published. "share": the pull's gradient is that
        share of the reconstruction's at the latents. Beside balanced gradients the first is very small,
        and latents may grow faster than codebooks follow.
    """

    time: float = 0.1
    frequency: float = 1.0
    log_mel: float = 0.0
    generator: float = 3.0
    features: float = 3.0
    decay: float = 0.999
    commitment: float = 1.0
    commitment_as: Literal["mse", "share"] = "mse"

    @property
    def shares(self) -> dict[str, float]:
        """What the balancer gets."""
        return {name: getattr(self, name) for name in ("time", "frequency", "log_mel", "generator", "features")}


@dataclass(frozen=True)
class TrainConfig:
    """How long and how.

    Attributes
    ----------
    steps : int
    learning_rate : float
        Of Adam.
    betas : tuple of float
    schedule : str
        "constant" as published, or "cosine": falling to a twentieth over `steps`.
    warmup : int
        Steps in which the learning rate rises.
    clip : float
        Largest norm of the gradient; 0 for any.
    initial_gain : float
        Of the fresh weights, see `start.py`; 1 leaves them as they are usually drawn.
    quantize_from : int
        First step with quantization: when the latents say something, or they collapse.
    bandwidths : tuple of float
        kbit/s that batches are trained at; all of the model's if empty.
    bandwidth_shares : tuple of float
        How often each is drawn; equally if empty.
    average : float
        Decay of the averaged weights that are exported; 0 for none.
    precision : str
        "bf16": convolutions in bfloat16, spectra and losses in float32. "float32".
    device : str
        "auto" takes a GPU where there is one.
    threads : int
        Of torch on the CPU.
    seed : int
    start_from : str
        Exported weights or a checkpoint to begin with, optimizers fresh; also the discriminators if they
        are in it and have this layout.
    log_every, save_every : int
        Steps.
    tensorboard : bool
    """

    steps: int = 600_000
    learning_rate: float = 3e-4
    betas: tuple[float, ...] = (0.5, 0.9)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: int = 0
    clip: float = 0.0
    initial_gain: float = 1.0
    quantize_from: int = 0
    bandwidths: tuple[float, ...] = ()
    bandwidth_shares: tuple[float, ...] = ()
    average: float = 0.0
    precision: Literal["bf16", "float32"] = "float32"
    device: str = "auto"
    threads: int = 1
    seed: int = 1
    start_from: str = ""
    log_every: int = 100
    save_every: int = 1000
    tensorboard: bool = True


@dataclass(frozen=True)
class SamplesConfig:
    """What is decoded to be heard and measured.

    Attributes
    ----------
    files : tuple of str
        Audio files, held out from training.
    seconds : float
        Taken of each, from its first second on.
    every : int
        Steps; 0 for never.
    """

    files: tuple[str, ...] = ()
    seconds: float = 5.0
    every: int = 5000


@dataclass(frozen=True)
class Experiment:
    """An experiment file, read.

    Attributes
    ----------
    out : Path
        Where everything is written.
    settings : Settings
        The model.
    """

    out: Path
    settings: Settings
    data: DataConfig
    quantizer: QuantizerConfig = field(default_factory=QuantizerConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    samples: SamplesConfig = field(default_factory=SamplesConfig)

    @property
    def bandwidths(self) -> tuple[float, ...]:
        """Bitrates that are trained, kbit/s."""
        return self.train.bandwidths or self.settings.bandwidths

    @property
    def codebooks(self) -> int:
        """Codebooks that are trained."""
        return max(map(self.settings.codebooks_at, self.bandwidths))

    @classmethod
    def load(cls, path: Path) -> Experiment:
        """Read a TOML file; paths in it are relative to the working folder, `~` and variables expanded.

        Raises
        ------
        CodecError
            If the file is absent or no TOML, or names something that there is not.
        """
        try:
            table = tomllib.loads(path.read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise CodecError(f"The experiment {path} cannot be read: {error}.") from error
        return cls.of(table, path)

    @classmethod
    def of(cls, table: Mapping[str, Any], path: Path) -> Experiment:
        """Build from the table of a file called `path`."""
        known = {"out", "model", *(f.name for f in fields(cls) if f.name != "settings")}
        if unknown := sorted(set(table) - known):
            raise CodecError(f"{path} names {unknown[0]!r}. An experiment has {', '.join(sorted(known))}.")
        if "out" not in table or "data" not in table:
            raise CodecError(f"{path} needs `out`, the folder to write to, and a table [data] with `folders`.")
        settings = _settings(table.get("model", {}), path)
        data = {"samples": settings.rate, **table["data"]}
        data["kinds"] = {kind: tuple(patterns) for kind, patterns in data.get("kinds", {}).items()}
        read_data = _section(DataConfig, data, path, "data")
        read_train = _section(TrainConfig, table.get("train", {}), path, "train")
        read_samples = _section(SamplesConfig, table.get("samples", {}), path, "samples")
        found = cls(
            out=Path(_expand(table["out"])),
            settings=settings,
            data=replace(read_data, folders=tuple(map(_expand, read_data.folders))),
            quantizer=_section(QuantizerConfig, table.get("quantizer", {}), path, "quantizer"),
            discriminator=_discriminator(table.get("discriminator", {}), settings, path),
            losses=_section(LossConfig, table.get("losses", {}), path, "losses"),
            train=replace(read_train, start_from=_expand(read_train.start_from)),
            samples=replace(read_samples, files=tuple(map(_expand, read_samples.files))),
        )
        found._check(path)
        return found

    def _check(self, path: Path) -> None:
        train = self.train
        if wrong := [rate for rate in self.bandwidths if rate not in self.settings.bandwidths]:
            offered = ", ".join(f"{rate:g}" for rate in self.settings.bandwidths)
            raise CodecError(f"{path}: [train] bandwidths has {wrong[0]:g}; {self.settings.name} has {offered}.")
        if train.bandwidth_shares and len(train.bandwidth_shares) != len(self.bandwidths):
            raise CodecError(f"{path}: [train] bandwidth_shares must have as many numbers as there are bandwidths.")
        longest = max(self.discriminator.windows, default=0) if self.discriminator.channels else 0
        if self.data.samples < max(longest, 2048):
            raise CodecError(f"{path}: [data] samples is {self.data.samples}, shorter than the longest window.")


def _expand(text: str) -> str:
    return os.path.expanduser(os.path.expandvars(text))


def _settings(table: Mapping[str, Any], path: Path) -> Settings:
    name = table.get("name", ENCODEC_24KHZ.name)
    if name not in MODELS or set(table) - {"name", "filters"}:
        raise CodecError(f"{path}: [model] has a `name`, one of {', '.join(MODELS)}, and a number of `filters`.")
    return replace(MODELS[name], filters=int(table.get("filters", 32)))


def _discriminator(table: Mapping[str, Any], settings: Settings, path: Path) -> DiscriminatorConfig:
    found = _section(DiscriminatorConfig, table, path, "discriminator")
    return found if found.windows else replace(found, windows=windows_at(settings.rate))


def _section(kind: type[Section], table: Mapping[str, Any], path: Path, name: str) -> Section:
    """Build a dataclass from a table, with a word about every name or type that does not fit."""
    hints = get_type_hints(kind)
    if unknown := sorted(set(table) - set(hints)):
        raise CodecError(f"{path}: [{name}] has no {unknown[0]!r}. It has {', '.join(hints)}.")
    given: dict[str, Any] = {}
    for key, value in table.items():
        hint, found = hints[key], tuple(value) if isinstance(value, list) else value
        allowed = get_args(hint) if getattr(hint, "__origin__", None) is Literal else ()
        if allowed and found not in allowed:
            raise CodecError(f"{path}: [{name}] {key} is {found!r}; it can be {', '.join(map(repr, allowed))}.")
        if hint is float and isinstance(found, int) and not isinstance(found, bool):
            found = float(found)
        if hint in (int, float, bool, str) and type(found) is not hint:
            raise CodecError(f"{path}: [{name}] {key} is {found!r}; it must be {hint.__name__}.")
        given[key] = found
    try:
        return kind(**given)
    except TypeError as error:
        raise CodecError(f"{path}: [{name}] is not complete: {error}.") from error
