"""Random weights of the published size, to time EnCodec where the published ones are absent: the speed is the same."""

from __future__ import annotations

from pathlib import Path

import torch

from audiocodecs.encodec.entropy.language_model import LanguageModel
from audiocodecs.encodec.entropy.settings import PUBLISHED_24KHZ, PUBLISHED_48KHZ
from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ, EncodecModel

_SETTINGS = {
    ENCODEC_24KHZ.name: (ENCODEC_24KHZ, PUBLISHED_24KHZ),
    ENCODEC_48KHZ.name: (ENCODEC_48KHZ, PUBLISHED_48KHZ),
}


def write_random_weights(folder: Path, name: str, language_model: bool = False) -> Path:
    """Write random weights for the model `name` to `folder`, with a language model beside them if asked for.

    Returns
    -------
    Path
        For `weights=PATH`.
    """
    settings, language = _SETTINGS[name]
    path = folder / f"{name}_random.th"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = EncodecModel(settings)
        for codebook in model.quantizer.codebooks:
            codebook.embed.normal_()
        torch.save(model.state_dict(), path)
        if language_model:
            torch.save(LanguageModel(language).state_dict(), path.with_suffix(".lm.th"))
    return path
