"""What happens to a clip's file in its study, in words."""

from __future__ import annotations

from collections import Counter

from listening.models import Clip, Study


def fate(clip: Clip) -> str:
    """One sentence: channels, rate, level.

    >>> from listening.models import Study
    >>> study = Study(rate=48000, channels=1, loudness=-23.0)
    >>> fate(Clip(study=study, original_rate=44100, original_channels=2))
    'In this study: mixed to mono, resampled from 44.1 to 48 kHz, brought to −23 LUFS.'
    """
    study = clip.study
    steps = []
    if clip.original_channels != study.channels:
        steps.append("mixed to mono" if study.channels == 1 else "both channels made the same, as it is mono")
    else:
        steps.append("stays mono" if study.channels == 1 else "stays stereo")
    if clip.original_rate != study.rate:
        more = "; nothing is gained above its own band" if clip.original_rate < study.rate else ""
        steps.append(f"resampled from {clip.original_rate / 1000:g} to {study.rate / 1000:g} kHz{more}")
    else:
        steps.append(f"stays at {study.rate / 1000:g} kHz")
    reached = clip.loudness if clip.loudness is not None and _differs(clip.loudness, study) else study.loudness
    short = ", as its peaks allow no more" if reached < study.loudness else ""
    return f"In this study: {', '.join(steps)}, brought to {_signed(round(reached, 1))} LUFS{short}."


def loudness(study: Study) -> str:
    """Loudness that the references have, for the report: the study's, and how many differ from it."""
    target = f"{_signed(study.loudness)} LUFS"
    reached = [value for value in study.clips.values_list("loudness", flat=True) if value is not None]
    apart = sorted(round(value, 1) for value in reached if _differs(value, study))
    if not apart:
        return f"references at {target}"
    ends = dict.fromkeys([apart[0], apart[-1]])
    return (
        f"references brought to {target} as far as their peaks allow; {len(apart)} of {len(reached)} reached "
        f"{' to '.join(map(_signed, ends))} LUFS"
    )


def _differs(loudness: float, study: Study) -> bool:
    """Whether a reference's loudness is not the study's, to the decimal that is shown."""
    return abs(loudness - study.loudness) >= 0.05


def rule(study: Study) -> str:
    """What happens to files of other channels and rates, for the page of the clips."""
    channels = (
        "stereo files are mixed to mono (the mean of both channels)"
        if study.channels == 1
        else "of mono files both channels are made the same"
    )
    return (
        f"This study is {study.get_channels_display()} at {study.rate / 1000:g} kHz: files of other rates are "
        f"resampled, {channels}, files with more than two channels or below 16 kHz are refused. Every "
        f"excerpt is brought to {_signed(study.loudness)} LUFS, as far as its peaks allow."
    )


def licences(study: Study) -> str:
    """Licences of the material with how many clips have each, for the report; "" where none is noted."""
    counted = Counter(licence for licence in study.clips.values_list("licence", flat=True) if licence)
    if not counted:
        return ""
    listed = "; ".join(f"{name} ({n})" for name, n in sorted(counted.items()))
    without = study.clips.count() - counted.total()
    return f"Licences of the material: {listed}{f'; not noted ({without})' if without else ''}."


def _signed(value: float) -> str:
    return f"{value:g}".replace("-", "\u2212")
