"""Residual vector quantizer whose first stages predict from frame to frame.

The first two codebooks code what a fixed leaky prediction from the last base reconstruction
misses; the others refine, each the error of those before. Prediction uses the base alone, so a
stream cut to fewer codebooks (not below the base) stays decodable.
Codebooks are learned by exponential moving averages (van den Oord et al. 2017, appendix A.1;
SoundStream, Zeghidour et al. 2021), started by k-means, unused entries replaced from the batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

BASE = 2
"""Codebooks inside the prediction: those of the lowest rate."""


def nearest(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Index of the nearest entry: (n, d), (k, d) -> (n,)."""
    half_square = 0.5 * codebook.square().sum(1)
    return torch.addmm(half_square, vectors, codebook.T, beta=-1).argmax(1)


def kmeans(
    vectors: Tensor, entries: int, rounds: int, generator: torch.Generator, start: Tensor | None = None
) -> Tensor:
    """Lloyd's algorithm: (n, d) -> (entries, d). Empty cells restart at a random vector.

    It starts from the entries `start`, or else from random vectors.
    """
    if start is None:
        start = vectors[torch.randperm(len(vectors), generator=generator)[:entries]]
    centres = start.clone()
    for _ in range(rounds):
        codes = nearest(vectors, centres)
        counts = torch.bincount(codes, minlength=entries).float()
        sums = torch.zeros_like(centres).index_add_(0, codes, vectors)
        fresh = vectors[torch.randint(len(vectors), (entries,), generator=generator)]
        centres = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], fresh)
    return centres


def search(vectors: Tensor, codebooks: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Code vectors stage by stage, keeping the `width` best beginnings at each (the M-algorithm).

    A width of 1 takes the nearest entry of each stage. 16 takes away 10 to 20 % more of the error at
    6 and 12 kbit/s, and any decoder reads the result.

    Parameters
    ----------
    vectors : Tensor, shape (n, d)
    codebooks : Tensor, shape (stages, k, d)
    width : int

    Returns
    -------
    codes : Tensor of int64, shape (n, stages)
    residual : Tensor, shape (n, d)
        What the codes miss.
    """
    entries, size = codebooks.shape[1:]
    residual = vectors[:, None]
    codes = torch.empty(len(vectors), 1, 0, dtype=torch.int64)
    for stage, book in enumerate(codebooks):
        distance = residual.square().sum(-1, keepdim=True) + book.square().sum(1) - 2 * residual @ book.T
        keep = 1 if stage + 1 == len(codebooks) else min(width, distance[0].numel())
        best = distance.flatten(1).topk(keep, largest=False).indices
        path, entry = best // entries, best % entries
        residual = residual.gather(1, path[..., None].expand(-1, -1, size)) - book[entry]
        codes = torch.cat([codes.gather(1, path[..., None].expand(-1, -1, stage)), entry[..., None]], dim=-1)
    return codes[:, 0], residual[:, 0]


def search_every_count(vectors: Tensor, codebooks: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """The same search, its best codes after each stage and not only after the last.

    Parameters
    ----------
    vectors : Tensor, shape (n, d)
    codebooks : Tensor, shape (stages, k, d)
    width : int

    Returns
    -------
    codes : Tensor of int64, shape (n, stages + 1, stages)
        Row s has the best codes of the first s stages, then -1.
    error : Tensor, shape (n, stages + 1)
        Squared length of what they miss.
    """
    stages, entries, size = codebooks.shape
    residual = vectors[:, None]
    paths = torch.empty(len(vectors), 1, 0, dtype=torch.int64)
    codes = torch.full((len(vectors), stages + 1, stages), -1)
    error = torch.empty(len(vectors), stages + 1)
    error[:, 0] = vectors.square().sum(-1)
    for stage, book in enumerate(codebooks):
        distance = residual.square().sum(-1, keepdim=True) + book.square().sum(1) - 2 * residual @ book.T
        found = distance.flatten(1).topk(min(width, distance[0].numel()), largest=False)
        path, entry = found.indices // entries, found.indices % entries
        residual = residual.gather(1, path[..., None].expand(-1, -1, size)) - book[entry]
        paths = torch.cat([paths.gather(1, path[..., None].expand(-1, -1, stage)), entry[..., None]], dim=-1)
        codes[:, stage + 1, : stage + 1] = paths[:, 0]
        error[:, stage + 1] = found.values[:, 0]
    return codes, error


@dataclass(frozen=True)
class QuantizerConfig:
    """Shape of the quantizer and how it learns.

    Attributes
    ----------
    codebooks, entries : int
    decay : float
        Of the moving averages, each step.
    dead_below : float
        An entry is replaced when its average use falls below this share of an equal one.
    """

    codebooks: int = 16
    entries: int = 1024
    decay: float = 0.996
    dead_below: float = 0.03


class PredictiveResidualQuantizer(nn.Module):
    """Codes latents (batch, t, d) as (batch, t, codebooks) indices.

    Parameters
    ----------
    config : QuantizerConfig
    prediction : Tensor, shape (d,)
        How much of each dimension of the last base reconstruction is expected again, 0 to below 1.
    """

    codebooks: Tensor
    prediction: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, config: QuantizerConfig, prediction: Tensor) -> None:
        super().__init__()
        self.config = config
        shape = (config.codebooks, config.entries, len(prediction))
        self.register_buffer("codebooks", torch.zeros(shape))
        self.register_buffer("prediction", prediction.clone())
        self.register_buffer("counts", torch.ones(shape[:2]))
        self.register_buffer("sums", torch.zeros(shape))

    def encode_base(self, latent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Code a batch with the predicting codebooks, frame after frame, the nearest entry of each stage.

        Parameters
        ----------
        latent : Tensor, shape (batch, t, d)

        Returns
        -------
        codes : Tensor of int64, shape (batch, t, 2)
        innovation : Tensor, shape (batch, t, d)
            What the base codebooks were asked to code.
        reconstruction : Tensor, shape (batch, t, d)
        """
        batch, frames, size = latent.shape
        last = latent.new_zeros(batch, size)
        codes = torch.empty(batch, frames, BASE, dtype=torch.int64)
        innovation = torch.empty_like(latent)
        reconstruction = torch.empty_like(latent)
        books = self.codebooks[:BASE]
        half = 0.5 * books.square().sum(-1)
        for t in range(frames):
            last = last * self.prediction
            residual = latent[:, t] - last
            innovation[:, t] = residual
            for i, book in enumerate(books):
                chosen = torch.addmm(half[i], residual, book.T, beta=-1).argmax(1)
                codes[:, t, i] = chosen
                residual = residual - book[chosen]
                last = last + book[chosen]
            reconstruction[:, t] = last
        return codes, innovation, reconstruction

    def search_base(self, latent: Tensor, state: Tensor, width: int) -> tuple[Tensor, Tensor]:
        """Code one clip with the predicting codebooks, the best pair of each frame.

        In numpy: a frame's work is so small that torch would spend its time starting it.

        Parameters
        ----------
        latent : Tensor, shape (t, d)
        state : Tensor, shape (d,)
            Last base reconstruction, zeros at the start.
        width : int
            First entries that are tried with every second one.

        Returns
        -------
        codes : Tensor of int64, shape (t, 2)
        reconstruction : Tensor, shape (t, d)
        """
        first, second = (book.numpy() for book in self.codebooks[:BASE])
        half = [0.5 * np.square(book).sum(1) for book in (first, second)]
        together = first @ second.T
        prediction, last = self.prediction.numpy(), state.numpy()
        codes = np.empty((len(latent), BASE), np.int64)
        reconstruction = np.empty(latent.shape, np.float32)
        for t, wanted in enumerate(latent.numpy()):
            last = last * prediction
            innovation = wanted - last
            alone = half[0] - first @ innovation
            tried = np.argpartition(alone, width - 1)[:width] if width < len(alone) else np.arange(len(alone))
            # |x - a - b|^2 / 2 without |x|^2 / 2
            pairs = alone[tried, None] + (half[1] - second @ innovation) + together[tried]
            row, chosen = divmod(int(pairs.argmin()), len(second))
            codes[t] = tried[row], chosen
            last = last + first[tried[row]] + second[chosen]
            reconstruction[t] = last
        return torch.from_numpy(codes), torch.from_numpy(reconstruction)

    def encode(self, latent: Tensor, count: int, state: Tensor | None = None, width: int = 1) -> tuple[Tensor, Tensor]:
        """Code one clip, or a piece of one.

        Parameters
        ----------
        latent : Tensor, shape (t, d)
        count : int
            Codebooks to use, at least 2.
        state : Tensor, shape (d,), optional
            Of the piece before.
        width : int
            Of the search. The first two codes do not depend on `count`; with a width of 1 none of
            those that two counts share do.

        Returns
        -------
        codes : Tensor of int64, shape (t, count)
        state : Tensor, shape (d,)
        """
        state = torch.zeros_like(self.prediction) if state is None else state
        codes, quantized = self.search_base(latent, state, width)
        # In parts of 256: the search holds width * entries distances for each vector.
        rest = self.codebooks[BASE:count]
        parts = [search(part, rest, width)[0] for part in torch.split(latent - quantized, 256)]
        return torch.cat([codes, torch.cat(parts)], dim=-1), quantized[-1]

    def encode_every_count(
        self, latent: Tensor, state: Tensor | None = None, width: int = 1
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Code one clip, or a piece of one, with each number of codebooks.

        Parameters
        ----------
        latent : Tensor, shape (t, d)
        state : Tensor, shape (d,), optional
        width : int

        Returns
        -------
        codes : Tensor of int64, shape (t, codebooks - 1, codebooks)
            For 2 codebooks, 3, and so on; -1 where there is none.
        error : Tensor, shape (t, codebooks - 1)
            Squared length of what they miss.
        state : Tensor, shape (d,)
        """
        state = torch.zeros_like(self.prediction) if state is None else state
        base, quantized = self.search_base(latent, state, width)
        rest = self.codebooks[BASE:]
        parts = [search_every_count(part, rest, width) for part in torch.split(latent - quantized, 256)]
        refined, error = (torch.cat(side) for side in zip(*parts, strict=True))
        codes = torch.cat([base[:, None].expand(-1, refined.shape[1], -1), refined], dim=-1)
        return codes, error, quantized[-1]

    def decode(
        self, codes: Tensor, state: Tensor | None = None, lowered: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Latents of codes.

        Parameters
        ----------
        codes : Tensor of int64, shape (batch, t, count)
            -1 for none. A frame without any was lost, and takes the base of the one before.
        state : Tensor, shape (batch, d), optional
            Of the frames before.
        lowered : Tensor, shape (d,), optional
            What a lost frame's latent is lower by than the last.

        Returns
        -------
        latents : Tensor, shape (batch, t, d)
        state : Tensor, shape (batch, d)
            For the frames that follow.
        """
        base = min(BASE, codes.shape[-1])
        total = sum(self.codebooks[i][codes[..., i]] for i in range(base))
        assert isinstance(total, Tensor)
        lost = codes[..., :1] < 0
        last = torch.zeros_like(total[:, 0]) if state is None else state
        lower = torch.zeros_like(self.prediction) if lowered is None else lowered
        quantized = torch.empty_like(total)
        for t in range(total.shape[1]):
            last = torch.where(lost[:, t], last - lower, last * self.prediction + total[:, t])
            quantized[:, t] = last
        for i in range(base, codes.shape[-1]):
            sent = codes[..., i] >= 0
            quantized = quantized + self.codebooks[i][codes[..., i].clamp(min=0)] * sent[..., None]
        return quantized, last

    @torch.no_grad()
    def initialise(self, latent: Tensor, generator: torch.Generator, rounds: int = 7) -> None:
        """K-means of every stage on the residuals of the stages before: latent (segments, t, d).

        The base codes what its own past leaves over, so it is clustered three times: on the
        innovation of a perfect past, then twice on that of the codebooks found before.
        """
        innovation = latent.clone()
        innovation[:, 1:] -= self.prediction * latent[:, :-1]
        attempts = [4, 4, rounds] if self.prediction.any() else [rounds]
        for attempt, its_rounds in enumerate(attempts):
            self._cluster(range(BASE), innovation, its_rounds, generator, go_on=False)
            if attempt + 1 < len(attempts):
                _, innovation, _ = self.encode_base(latent)
        self._cluster_rest(latent, rounds, generator, go_on=False)

    @torch.no_grad()
    def extend(self, known: int, latent: Tensor, generator: torch.Generator, rounds: int = 7) -> None:
        """K-means of the stages from `known` on, on what the codes of those before miss of latent (segments, t, d)."""
        missed = [clip - self.decode(self.encode(clip, known, width=4)[0][None])[0][0] for clip in latent]
        self._cluster(range(known, self.config.codebooks), torch.stack(missed), rounds, generator, go_on=False)

    @torch.no_grad()
    def refine(self, latent: Tensor, generator: torch.Generator, rounds: int = 3) -> None:
        """Some more rounds of k-means from the present codebooks, on many latents (segments, t, d) of one encoder.

        Moving averages remember few vectors for each entry and lag behind the encoder; this takes both away.
        """
        for _ in range(2):
            _, innovation, _ = self.encode_base(latent)
            self._cluster(range(BASE), innovation, rounds, generator, go_on=True)
        self._cluster_rest(latent, rounds, generator, go_on=True)

    def _cluster_rest(self, latent: Tensor, rounds: int, generator: torch.Generator, go_on: bool) -> None:
        _, _, quantized = self.encode_base(latent)
        rest = range(BASE, self.config.codebooks)
        self._cluster(rest, latent - quantized, rounds, generator, go_on)
        self.counts.fill_(1.0)
        self.sums.copy_(self.codebooks)

    def _cluster(self, stages: range, target: Tensor, rounds: int, generator: torch.Generator, go_on: bool) -> None:
        residual = target.flatten(0, 1)
        for i in stages:
            start = self.codebooks[i] if go_on else None
            self.codebooks[i] = kmeans(residual, self.config.entries, rounds, generator, start)
            residual = residual - self.codebooks[i][nearest(residual, self.codebooks[i])]

    @torch.no_grad()
    def quantize(self, latent: Tensor, counts: Tensor, learn: bool = True) -> Tensor:
        """Quantise a training batch, each sample with its own number of codebooks.

        Parameters
        ----------
        latent : Tensor, shape (batch, t, d)
        counts : Tensor of int64, shape (batch,)
            Codebooks in use for each sample, at least the base.
        learn : bool
            Whether the codebooks move.

        Returns
        -------
        Tensor, shape (batch, t, d)
        """
        batch, frames, size = latent.shape
        codes, innovation, quantized = self.encode_base(latent)
        residual = innovation.flatten(0, 1)
        for i in range(BASE):
            chosen = codes[..., i].flatten()
            if learn:
                self._average(i, residual, chosen)
            residual = residual - self.codebooks[i][chosen]
        # Most samples go first, so that each stage runs on the samples that use it and no others.
        order = counts.argsort(descending=True, stable=True)
        residual = (latent - quantized)[order].flatten(0, 1)
        total = quantized[order].flatten(0, 1)
        for i in range(BASE, int(counts.max())):
            used = int((counts > i).sum()) * frames
            chosen = nearest(residual[:used], self.codebooks[i])
            entry = self.codebooks[i][chosen]
            if learn:
                self._average(i, residual[:used], chosen)
            residual = residual[:used] - entry
            total[:used] += entry
        out = torch.empty_like(quantized)
        out[order] = total.view(batch, frames, size)
        return out

    def _average(self, stage: int, vectors: Tensor, chosen: Tensor) -> None:
        keep = self.config.decay
        # Counted so that an entry used equally often has the count 1.
        share = self.config.entries / len(vectors)
        used = torch.bincount(chosen, minlength=self.config.entries).float() * share
        summed = torch.zeros_like(self.sums[stage]).index_add_(0, chosen, vectors) * share
        self.counts[stage].mul_(keep).add_(used, alpha=1 - keep)
        self.sums[stage].mul_(keep).add_(summed, alpha=1 - keep)

    @torch.no_grad()
    def update(self, latent: Tensor | None = None, generator: torch.Generator | None = None) -> int:
        """Move the codebooks to their averages; with `latent`, replace dead entries from its residuals.

        Returns
        -------
        int
            Entries replaced.
        """
        self.codebooks.copy_(self.sums / self.counts.clamp(min=1e-4)[..., None])
        if latent is None:
            return 0
        replaced = 0
        _, innovation, quantized = self.encode_base(latent)
        residual = innovation.flatten(0, 1)
        for i in range(self.config.codebooks):
            if i == BASE:
                residual = (latent - quantized).flatten(0, 1)
            dead = torch.nonzero(self.counts[i] < self.config.dead_below).flatten()[: len(residual) // 2]
            chosen = nearest(residual, self.codebooks[i])
            if len(dead):
                source = residual[torch.randperm(len(residual), generator=generator)[: len(dead)]]
                self.codebooks[i][dead] = source
                self.sums[i][dead] = source * 0.2
                self.counts[i][dead] = 0.2
                replaced += len(dead)
            residual = residual - self.codebooks[i][chosen]
        return replaced
