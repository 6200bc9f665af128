"""Which language model belongs to which weights, for entropy coding.

The published weights have the published one. Weights of one's own, `NAME.th`, have what lies beside them:
`NAME.lm.safetensors`, as our training writes it, for RVQF; or `NAME.lm.th`, in the published layout, for ECDC too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audiocodecs.base import CodecUnavailable
from audiocodecs.encodec import checkpoints
from audiocodecs.encodec.checkpoints import Checkpoint
from audiocodecs.encodec.entropy.block_coding import BlockCoding
from audiocodecs.encodec.entropy.loading import block_coding, segment_coding
from audiocodecs.encodec.entropy.published_coding import PublishedCoding
from audiocodecs.encodec.entropy.settings import PUBLISHED_24KHZ, PUBLISHED_48KHZ, LanguageModelSettings
from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ, Settings

_SIZES = {ENCODEC_24KHZ.name: PUBLISHED_24KHZ, ENCODEC_48KHZ.name: PUBLISHED_48KHZ}


@dataclass(frozen=True)
class LanguageFile:
    """A file with a language model.

    Attributes
    ----------
    path : Path
    settings : LanguageModelSettings or None
        Its size in the published layout; None for a file of our training, which says it itself.
    """

    path: Path
    settings: LanguageModelSettings | None

    @property
    def sha256(self) -> str:
        """Of the file, in hex."""
        return checkpoints.sha256(self.path)

    def for_blocks(self) -> BlockCoding:
        """Entropy coding of RVQF; raises CodecUnavailable if the file is no language model."""
        return block_coding(self.path, self.settings)

    def for_segments(self) -> PublishedCoding:
        """Entropy coding of ECDC; raises CodecUnavailable if it is none, or in whole numbers."""
        if self.settings is None:
            raise CodecUnavailable(
                f"{self.path} is a language model in whole numbers; the published format ECDC needs one in fractions.",
                "Use container=rvqf.",
            )
        return segment_coding(self.path, self.settings)


def published_language_file(checkpoint: Checkpoint, settings: Settings) -> LanguageFile:
    """The published language model; raises CodecUnavailable if it is absent or damaged."""
    return LanguageFile(checkpoints.require(checkpoint), _SIZES[settings.name])


def language_file_beside(weights: Path, settings: Settings) -> LanguageFile:
    """The language model that lies beside weights of one's own; raises CodecUnavailable if there is none."""
    own, published = weights.with_suffix(".lm.safetensors"), weights.with_suffix(".lm.th")
    if own.is_file():
        return LanguageFile(own, None)
    if published.is_file():
        return LanguageFile(published, _SIZES[settings.name])
    raise CodecUnavailable(
        f"There is no language model for the weights {weights.name}: neither {own} nor {published.name} beside it.",
        "Leave out entropy=lm, or train one (docs/training.md).",
    )
