"""What rendering a study will take, said before it starts: stimuli, time and room on the disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from statistics import median

from audiocodecs.registry import parse_spec
from listening.models import Clip, Rendering, Study

SECONDS_PER_STIMULUS = 0.4
"""Beside the codec: reading, aligning, measuring, storing, packing."""
USUAL_PACE = {
    "reference": 0.0,
    "lowpass": 0.005,
    "opus": 0.02,
    "mp3": 0.02,
    "aac": 0.04,
    "vorbis": 0.15,
    "g722": 0.01,
    "amrnb": 0.03,
    "lyra": 0.06,
    "lc3": 0.01,
    "codec2": 0.02,
    "speex": 0.03,
    "amrwb": 0.03,
    "evs": 0.1,
    "encodec_24khz": 0.2,
    "encodec_48khz": 0.35,
    "spectral_24khz": 0.1,
    "spectral_48khz": 0.1,
}
"""Processor seconds for a second of audio, where nothing was rendered here yet (docs/speed.md, one core)."""
PACKED_SHARE = 0.65
"""FLAC beside the WAV that it holds."""
LATEST = 200


@dataclass(frozen=True)
class Estimate:
    """What is still to be rendered.

    Attributes
    ----------
    stimuli : int
    seconds : float
        On all cores of this machine.
    cores : int
    size : int
        Bytes of the files.
    """

    stimuli: int
    seconds: float
    cores: int
    size: int

    @property
    def minutes(self) -> int:
        """Whole minutes, at least one."""
        return max(1, round(self.seconds / 60))


def estimate(study: Study) -> Estimate:
    """Estimate what `studies.start_rendering` would queue; paces are those seen here, where there are any."""
    there = set(
        Rendering.objects.filter(clip__study=study)
        .exclude(state=Rendering.State.FAILED)
        .values_list("clip_id", "condition_id")
    )
    conditions = list(study.conditions.values_list("pk", "spec"))
    paces = {spec: pace(spec) for _, spec in conditions}
    stimuli, seconds, size = 0, 0.0, 0
    for clip in study.clips.all():
        for pk, spec in conditions:
            if (clip.pk, pk) not in there:
                stimuli += 1
                seconds += SECONDS_PER_STIMULUS + paces[spec] * _length(clip)
                size += round(2 * study.channels * study.rate * _length(clip) * (1 + PACKED_SHARE))
    cores = os.cpu_count() or 1
    return Estimate(stimuli, seconds / cores, cores, size)


def pace(spec: str) -> float:
    """Seconds that a second of audio takes: the median of what was rendered here, of this spec or else of its codec."""
    parsed = parse_spec(spec)
    done = Rendering.objects.filter(state=Rendering.State.DONE, encode_seconds__isnull=False, clip__frames__gt=0)
    for same in (
        done.filter(condition__spec=spec),
        done.filter(condition__spec__startswith=f"{parsed.name}{':' if parsed.value is None else '@'}"),
    ):
        found = same.order_by("-finished_at").values_list(
            "encode_seconds", "decode_seconds", "clip__frames", "clip__study__rate"
        )
        if taken := [(encode + decode) * rate / frames for encode, decode, frames, rate in found[:LATEST]]:
            return median(taken)
    return USUAL_PACE.get(parsed.name, 0.2)


def _length(clip: Clip) -> float:
    return max(0.0, min(clip.length, clip.original_seconds - clip.start))
