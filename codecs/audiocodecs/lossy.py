"""Whether a coding loses something. The coding decides, never the container or the file's name."""

from __future__ import annotations

import av

SOUNDFILE_SUBTYPES = frozenset(
    {
        *("ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "VOX_ADPCM", "NMS_ADPCM_16", "NMS_ADPCM_24", "NMS_ADPCM_32"),
        *("GSM610", "G721_32", "G723_24", "G723_40", "DPCM_8"),
        *("VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"),
    }
)
"""Lossy codings by libsndfile's names."""


def loses(codec: av.Codec) -> bool:
    """Whether a codec of FFmpeg is lossy, by FFmpeg's own description of it.

    WavPack has a lossless and a lossy mode and counts as lossless. So has DTS, which counts as lossy: its lossless
    mode is rare.
    """
    return bool(codec.lossy) and (not codec.lossless or codec.canonical_name == "dts")
