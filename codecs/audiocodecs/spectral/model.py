"""The network around the parametric codec: ConvNeXt blocks that add corrections.

Both halves see one frame of look-ahead and are causal otherwise. With the MDCT's own two hops the
codec's algorithmic latency is four hops: 53.3 ms at 24 kHz, 80 ms at 48 kHz.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiocodecs.spectral.mdct import Mdct
from audiocodecs.spectral.parametric import Parametric, ParametricConfig
from audiocodecs.spectral.quantizer import PredictiveResidualQuantizer, QuantizerConfig

KERNEL = 7
LATENCY_FRAMES = 4


@dataclass(frozen=True)
class ModelConfig:
    """Everything that shapes the network.

    Attributes
    ----------
    rate, channels, hop : int
        Of the audio, Hz; 1 or 2; samples from frame to frame.
    counts : tuple of int
        Codebooks at each of the bitrates, ascending.
    free : int
        Latent numbers that mean nothing before training.
    encoder_width, encoder_hidden, encoder_blocks : int
    decoder_width, decoder_hidden, decoder_blocks : int
    band_prediction, low_prediction : float
        How much of the last frame's bands and coefficients the quantizer expects again.
    noise_by_band : bool
        Whether the noise has one gain for each band. A gain for each coefficient learns fixed values, which
        whistle in every fricative.
    added_top : float
        Frequency in Hz up to which the decoder adds coefficients to those that were sent; 0 for all.
    """

    rate: int = 24_000
    channels: int = 1
    hop: int = 320
    counts: tuple[int, ...] = (2, 4, 8, 16)
    free: int = 16
    encoder_width: int = 320
    encoder_hidden: int = 960
    encoder_blocks: int = 3
    decoder_width: int = 384
    decoder_hidden: int = 1024
    decoder_blocks: int = 6
    band_prediction: float = 0.8
    low_prediction: float = 0.0
    noise_by_band: bool = False
    added_top: float = 0.0
    parametric: ParametricConfig = field(default_factory=ParametricConfig)
    quantizer: QuantizerConfig = field(default_factory=QuantizerConfig)

    @classmethod
    def of(cls, table: dict[str, object]) -> ModelConfig:
        """Read the nested tables of an experiment or of a weights file."""
        rest = dict(table)
        if "counts" in rest:
            rest["counts"] = tuple(rest["counts"])  # type: ignore[arg-type]
        parts = {"parametric": ParametricConfig, "quantizer": QuantizerConfig}
        nested = {name: kind(**rest.pop(name, {})) for name, kind in parts.items()}  # type: ignore[arg-type]
        return cls(**rest, **nested)  # type: ignore[arg-type]

    def table(self) -> dict[str, object]:
        """The inverse of `of`."""
        return asdict(self)

    @property
    def kbps_per_codebook(self) -> float:
        """What each codebook costs: 10 bits a frame."""
        return 10 * self.rate / self.hop / 1000


class Block(nn.Module):
    """ConvNeXt block in time (Liu et al. 2022): depthwise convolution, then a two-layer perceptron.

    Parameters
    ----------
    ahead : int
        Frames of look-ahead.
    """

    def __init__(self, width: int, hidden: int, ahead: int = 0) -> None:
        super().__init__()
        self.ahead = ahead
        self.taps = nn.Parameter(torch.randn(KERNEL, width) * KERNEL**-0.5)
        self.norm = nn.LayerNorm(width)
        self.wide = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, t, width) -> the same."""
        frames = x.shape[1]
        padded = functional.pad(x, (0, 0, KERNEL - 1 - self.ahead, self.ahead))
        # Shifted products: three times as fast on a CPU as a grouped convolution of this shape.
        taps = self.taps.to(x.dtype)
        mixed = padded[:, :frames] * taps[0]
        for i in range(1, KERNEL):
            mixed = torch.addcmul(mixed, padded[:, i : i + frames], taps[i])
        added: Tensor = self.narrow(functional.gelu(self.wide(self.norm(mixed))))
        return x + added * self.scale.to(x.dtype)


def small_linear(width: int, out: int, gain: float = 0.02) -> nn.Linear:
    """A last layer near zero, so that training starts at the parametric codec."""
    layer = nn.Linear(width, out)
    nn.init.normal_(layer.weight, std=gain * width**-0.5)
    nn.init.zeros_(layer.bias)
    return layer


class Encoder(nn.Module):
    """Adds to the parametric latents what the network finds in MDCT, MDST and log power."""

    def __init__(self, config: ModelConfig, size: int) -> None:
        super().__init__()
        width = config.encoder_width
        self.into = nn.Linear(3 * config.channels * config.hop, width)
        self.blocks = nn.ModuleList(
            Block(width, config.encoder_hidden, ahead=int(i == 0)) for i in range(config.encoder_blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.out = small_linear(width, size)

    def forward(self, mdct: Tensor, mdst: Tensor) -> Tensor:
        """Corrections (batch, t, size) to the latents of frames (batch, t, channels * hop)."""
        power = mdct**2 + mdst**2
        compand = (power + 1e-6) ** -0.25
        inputs = torch.cat([mdct * compand, mdst * compand, 0.1 * torch.log(power + 1e-7) + 1.0], dim=-1)
        x = self.into(2.0 * inputs)
        for block in self.blocks:
            x = block(x)
        correction: Tensor = self.out(self.norm(x))
        return correction.float()


class Decoder(nn.Module):
    """Adds to the parametric synthesis: new coefficients, gains for those sent, gains for the noise."""

    counts: Tensor

    def __init__(self, config: ModelConfig, size: int, low: int) -> None:
        super().__init__()
        width = config.decoder_width
        self.frame = config.channels * config.hop
        self.low = low
        self.into = nn.Linear(size, width)
        self.rate = nn.Parameter(torch.zeros(len(config.counts), width))
        self.register_buffer("counts", torch.tensor(config.counts, dtype=torch.float32), persistent=False)
        self.blocks = nn.ModuleList(
            Block(width, config.decoder_hidden, ahead=int(i == 0)) for i in range(config.decoder_blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.out = small_linear(width, 2 * self.frame + low)

    def rate_of(self, counts: Tensor) -> Tensor:
        """Embedding of each frame's number of codebooks, between the bitrates' own: (batch, t) to (batch, t, width)."""
        place = torch.searchsorted(self.counts, counts.clamp(max=self.counts[-1])).clamp(min=1)
        low, high = self.counts[place - 1], self.counts[place]
        share = torch.log2(counts / low) / torch.log2(high / low)
        return torch.lerp(self.rate[place - 1], self.rate[place], share[..., None])

    def forward(self, latent: Tensor, counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Corrections for latents (batch, t, size) of frames with these numbers of codebooks, (batch, t)."""
        x = self.into(latent) + self.rate_of(counts).to(latent.dtype)
        for block in self.blocks:
            x = block(x)
        added, noise_gain, low_gain = self.out(self.norm(x)).float().split([self.frame, self.frame, self.low], dim=-1)
        return added, noise_gain, low_gain


class SpectralModel(nn.Module):
    """Audio to latents, latents to audio; the quantizer is beside it.

    See `audiocodecs.spectral.codec` for files and other sample rates.
    """

    added_below: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.mdct = Mdct(config.hop)
        self.parametric = Parametric(config.parametric, config.hop, config.channels)
        size = self.parametric.size + config.free
        bands = self.parametric.bands
        prediction = torch.zeros(size)
        prediction[:bands] = config.band_prediction
        prediction[bands : self.parametric.size] = config.low_prediction
        self.encoder = Encoder(config, size)
        self.decoder = Decoder(config, size, self.parametric.low)
        top = round(config.added_top / (config.rate / 2) * config.hop) or config.hop
        added = (torch.arange(config.hop) < top).float().repeat(config.channels)
        self.register_buffer("added_below", added, persistent=False)
        self.quantizer = PredictiveResidualQuantizer(config.quantizer, prediction)

    def analyse(self, audio: Tensor, padded: bool = False) -> tuple[Tensor, Tensor]:
        """MDCT and MDST frames of audio.

        Parameters
        ----------
        audio : Tensor, shape (batch, channels, n)
        padded : bool
            Whether the hop before the first frame and the one after the last are in `audio`.

        Returns
        -------
        mdct, mdst : Tensor, shape (batch, t, channels * hop)
            In stereo the middle's coefficients and then the side's.
        """
        signals = middle_and_side(audio)
        batch, channels, n = signals.shape
        transform = self.mdct.frames if padded else self.mdct
        parts = transform(signals.reshape(batch * channels, n))
        frames = [part.view(batch, channels, -1, self.config.hop).transpose(1, 2).flatten(2) for part in parts]
        return frames[0], frames[1]

    def synthesise(self, spectrum: Tensor) -> Tensor:
        """Audio (batch, channels, (t - 1) * hop) of MDCT frames (batch, t, channels * hop)."""
        batch, frames, _ = spectrum.shape
        channels, hop = self.config.channels, self.config.hop
        apart = spectrum.view(batch, frames, channels, hop).transpose(1, 2).reshape(batch * channels, frames, hop)
        return middle_and_side(self.mdct.inverse(apart).view(batch, channels, -1))

    def latents(self, mdct: Tensor, mdst: Tensor) -> Tensor:
        """Latents (batch, t, size) of frames (batch, t, channels * hop)."""
        known = functional.pad(self.parametric.analyse(mdct, mdst), (0, self.config.free))
        correction: Tensor = self.encoder(mdct, mdst)
        return known + correction

    def spectrum(self, latent: Tensor, counts: Tensor, signs: Tensor) -> Tensor:
        """MDCT frames of latents.

        Parameters
        ----------
        latent : Tensor, shape (batch, t, size)
        counts : Tensor, shape (batch, t)
            Codebooks that each frame has.
        signs : Tensor, shape (batch, t, channels * hop) or (t, channels * hop)
            Of the noise carrier.

        Returns
        -------
        Tensor, shape (batch, t, channels * hop)
        """
        amplitude, low = self.parametric.split(latent)
        added, noise_gain, low_gain = self.decoder(latent, counts)
        index = self.parametric.index
        gain = torch.exp(noise_gain.clamp(-6, 2))
        missing = self.parametric.missing(amplitude, low)[..., index]
        if self.config.noise_by_band:
            gain = self.parametric.by_band(gain)
            # What is sent of a band says nothing of its other coefficients.
            missing = torch.where(self.parametric.is_sent, missing, amplitude[..., index])
        noise = missing * gain * signs
        sent = self.parametric.place(low * torch.exp(low_gain.clamp(-6, 2)))
        spectrum: Tensor = sent + amplitude[..., index] * added * self.added_below + noise
        return spectrum


def middle_and_side(audio: Tensor) -> Tensor:
    """Stereo (batch, 2, n) as (L + R) / sqrt 2 and (L - R) / sqrt 2, which is also the way back; mono as it is."""
    if audio.shape[1] == 1:
        return audio
    left, right = audio.unbind(1)
    rotated: Tensor = torch.stack([left + right, left - right], dim=1) * 0.5**0.5
    return rotated
