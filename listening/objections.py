"""What ITU-R BS.1534-3 would object to in a study, each with the reason and the part of the Recommendation.

Nobody is kept from opening: evalapp builds tests after the Recommendation and certifies nothing.
"""

from __future__ import annotations

from analysis.screening import NONE
from listening import planned_power, way_words
from listening.models import Condition, Study

LONGEST_SESSION = 30
"""Minutes."""
MOST_TRIALS = 15
SHORTEST_CLIP = 5.0
"""Seconds; excerpts of about 10 s are meant."""
FEWEST_RATERS = 20


def objections(study: Study) -> list[str]:
    """Each as a sentence; empty where there is nothing to say."""
    return [*_signals(study), *_material(study), *_session(study), *_raters(study)]


def _signals(study: Study) -> list[str]:
    found = []
    roles = set(study.conditions.values_list("role", flat=True))
    if Condition.Role.LOW_ANCHOR not in roles:
        found.append(
            "The 3.5 kHz low anchor is missing: it ties the low end of the scale to a known quality, so that raters "
            "and studies use it alike (part 5, test method)."
        )
    if Condition.Role.MID_ANCHOR not in roles:
        found.append(
            "The 7 kHz mid anchor is missing: it shows whether raters tell middling quality from the best "
            "(part 5, test method)."
        )
    if study.rate <= 16000:
        found.append(
            f"At {study.get_rate_display()} the reference itself ends near 8 kHz: the 7 kHz mid anchor is hardly "
            "worse, and who hears no difference is not careless (part 5, test method)."
        )
    if not study.protocol.rules.all_rated:
        found.append("Sounds may stay unrated: every signal of a trial is to be graded (part 5, test method).")
    return found


def _material(study: Study) -> list[str]:
    found = []
    systems = study.conditions.filter(role=Condition.Role.SYSTEM, repeat=0).count()
    clips = list(study.clips.all())
    n = len(clips)
    if n and n < max(5, 1.5 * systems):
        found.append(
            f"{n} clip{'' if n == 1 else 's'} for {systems} system{'' if systems == 1 else 's'}: at least 5 and 1.5 "
            "times as many clips as systems are advised, or single clips decide (part 7, test material)."
        )
    short = [clip.name for clip in clips if min(clip.length, clip.original_seconds - clip.start) < SHORTEST_CLIP]
    if short:
        found.append(
            f"{_some(short)} shorter than {SHORTEST_CLIP:g} s: about 10 s are meant, long enough to judge and short "
            "enough to remember (part 7, test material)."
        )
    if lossy := [clip.name for clip in clips if clip.lossy_source]:
        found.append(
            f"{_some(lossy)} made from a lossy recording: a reference must be free of coding itself "
            "(part 7, test material)."
        )
    return found


def _session(study: Study) -> list[str]:
    found = []
    each = study.protocol.design.clips_each(study.clips.count())
    minutes = way_words.minutes_of_study(study)
    if each > MOST_TRIALS:
        found.append(
            f"{each} trials are more than the 10 to 15 that a session of 20 to 30 minutes holds: raters tire "
            "(part 5, test method). Give each rater fewer clips, under Raters' way."
        )
    elif minutes > LONGEST_SESSION and study.protocol.pause.after_minutes is None:
        found.append(
            f"A rater takes about {minutes} minutes, and no break is offered: sessions of 20 to 30 minutes are meant "
            "(part 5, test method). Set a break, or fewer clips, under Raters' way."
        )
    if not study.protocol.headphones.tests:
        found.append(
            "Nothing tests whether raters wear headphones: listening conditions are to be known and alike "
            "(part 8, listening conditions). Raters' way has two tests."
        )
    return found


def _raters(study: Study) -> list[str]:
    found = []
    if not [name for name in study.screening if name != NONE]:
        found.append(
            "No rater is left out whatever they rate: assessors who don't find the hidden reference are to be "
            "post-screened, by rules set before (part 4, selection of assessors)."
        )
    planned = planned_power.raters_of(study)
    if planned is not None and planned < FEWEST_RATERS:
        found.append(
            f"{planned} raters are planned: about {FEWEST_RATERS} are often enough where they are experts, and "
            "untrained raters vary more (part 4, selection of assessors)."
        )
    return found


def _some(names: list[str]) -> str:
    if len(names) == 1:
        return f"“{names[0]}” is"
    shown = ", ".join(f"“{name}”" for name in names[:3])
    return f"{shown}{f' and {len(names) - 3} more' if len(names) > 3 else ''} are"
