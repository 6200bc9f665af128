"""The pre-registration file: all that was fixed before the first rating, with fingerprints of the sounds.

It is made when a study opens and kept byte for byte; its checksum is in the log. Publish it, or give the checksum to
somebody else, before the first rater comes: then anybody can see later that nothing was changed.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from analysis.screening import NONE, RULES
from analysis.versions import versions
from listening import material, planned_power, primary_claims, recruiting, way_words, yaml_files
from listening.models import Registration, Rendering, Study
from listening.objections import objections
from listening.protocol import stored

FORMAT = 1


def register(study: Study, at: datetime) -> Registration:
    """Make and store the file of a study that opens at this moment; who opens it again gets the one that is there."""
    text = text_of(study, at)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    made, _ = Registration.objects.get_or_create(study=study, defaults={"text": text, "sha256": sha256, "made_at": at})
    return made


def of(study: Study) -> Registration | None:
    """The file of a study; None before it opens, and of studies that an older version opened."""
    return Registration.objects.filter(study=study).first()


def text_of(study: Study, at: datetime | None) -> str:
    """The file's text: YAML that a person can read from top to bottom; a draft where no time is given."""
    head = _DRAFT if at is None else _HEAD
    return head.format(title=study.title.replace("\n", " ")) + yaml_files.written(
        {
            "format": FORMAT,
            "title": study.title,
            "slug": study.slug,
            "fixed_at": f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None,
            "claim": _claim(study),
            "post_screening": {name: RULES[name].text for name in study.screening if name != NONE} or "none",
            "planned_analysis": _analysis(study),
            "design": _design(study),
            "what_raters_get": way_words.in_sentences(study),
            "power": _power(study),
            "departures_from_bs1534": objections(study),
            "material": [
                {"about": each.about, "grade": each.grade, "text": each.text} for each in material.findings(study)
            ],
            "sound": {"rate": study.rate, "channels": study.channels, "loudness_lufs": study.loudness},
            "conditions": [_condition(each) for each in study.conditions.all()],
            "clips": [_clip(each) for each in study.clips.all()],
            "stimuli": _stimuli(study),
            "texts": {"consent": study.consent_text, "instructions": study.instructions_text},
            "seconds_that_count_as_heard": study.heard_seconds,
            "protocol": stored(study.protocol),
            "versions": versions(),
        }
    )


_HEAD = """\
# Pre-registration of the listening test "{title}", made by evalapp when it was opened for raters.
# Nothing of it can be changed afterwards. Its SHA-256 stands in the study's log.
# It holds no data of raters: none had come.

"""

_DRAFT = """\
# DRAFT of the pre-registration of the listening test "{title}": nothing is fixed yet.
# The file itself is made when the study opens for raters, with the time, and its SHA-256 goes into the study's log.

"""


def _claim(study: Study) -> dict[str, Any]:
    primary = primary_claims.in_words(study) or "None is declared: every comparison is secondary."
    if study.margin is None:
        in_words = "No margin is set: differences are tested, equality is not claimed."
        return {"primary": primary, "margin": None, "in_words": in_words}
    return {
        "primary": primary,
        "margin": study.margin,
        "in_words": (
            f"Two systems whose means differ by no more than {study.margin:g} points of 100 count as equivalent; one "
            f"is non-inferior to the other if it is worse by no more than {study.margin:g} points."
        ),
    }


def _analysis(study: Study) -> list[str]:
    return [
        "Ratings of unfinished sessions are set aside, then raters are left out after the rules under post_screening, "
        "and no others. Figures before and after are reported.",
        "Repeats of a page are averaged. Training and pages of attention are not analysed.",
        "Primary claim: one test at the 5% level without a correction. Better, no worse and equivalent are tested on "
        "the ratings of the two conditions alone (two-sided; one-sided; two one-sided tests); reaches is shown if the "
        "upper limit of the 95% interval of the equivalent rate is the rate of the system or less. All other "
        "comparisons are secondary.",
        "Main analysis: each pair of systems (reference and anchors left out) by the ratings of these two alone, in a "
        "mixed model with random effects of raters, items, raters with systems and items with systems, by restricted "
        "maximum likelihood; Satterthwaite's degrees of freedom, two-sided at 5%, with Holm's correction over all "
        "pairs but that of a primary claim of being better.",
        "Beside it, on raters' means: Friedman's test with Kendall's W, and Wilcoxon's signed-rank test of every pair "
        "with Holm's correction and Hodges and Lehmann's shift.",
        (
            "Within the margin: non-inferiority of each system to those of other codecs at its rate or above by a "
            "one-sided test in the mixed model, equivalence by two one-sided tests, each at 5% with Holm's correction "
            f"over all these comparisons but the primary claim, with a margin of {study.margin:g} points; the same of "
            "each system against the "
            "hidden reference."
            if study.margin
            else "No claim of equivalence is made."
        ),
        "Made by this version's report (`python manage.py analyze`), with its defaults.",
    ]


def _design(study: Study) -> dict[str, Any]:
    design, clips = study.protocol.design, study.clips.count()
    set_quotas = {panel.panel.name or "(no name)": panel.panel.quota for panel in recruiting.panels(study)}
    return {
        "clips": clips,
        "clips_per_rater": design.clips_each(clips),
        "ratings_wanted_per_stimulus": design.ratings_per_stimulus,
        "raters_wanted": planned_power.raters_of(study),
        "panels": list(design.panels),
        "quotas": {name: quota for name, quota in set_quotas.items() if quota},
    }


def _power(study: Study) -> dict[str, Any] | None:
    found = planned_power.of(study)
    if found is None:
        return None
    return {
        "in_words": (
            f"Smallest difference of two systems, in points, that {found.percent}% of studies find at the 5% level."
        ),
        "assumed_variances": vars(found.components),
        "by_raters": {
            row.n_raters: {
                "on_these_clips": round(row.here, 1),
                "on_clips_like_these": row.beyond and round(row.beyond, 1),
            }
            for row in found.rows
        },
    }


def _condition(condition: Any) -> dict[str, Any]:
    made = Rendering.objects.filter(condition=condition, state=Rendering.State.DONE)
    return {
        "title": condition.title,
        "spec": condition.spec,
        "role": condition.role,
        **({"weights": condition.weights} if condition.weights else {}),
        **({"stands_for": condition.stands_for} if condition.stands_for else {}),
        "codec_versions": sorted(set(made.values_list("codec_version", flat=True)) - {""}),
    }


def _clip(clip: Any) -> dict[str, Any]:
    return {
        "name": clip.name,
        "category": clip.category,
        "file": clip.original_name,
        "sha256": clip.original_sha256,
        "start": clip.start,
        "length": clip.length,
        "reference_sha256": clip.reference_sha256,
    }


def _stimuli(study: Study) -> dict[str, dict[str, str]]:
    """By clip and condition, the sha256 of what raters hear."""
    found: dict[str, dict[str, str]] = {}
    made = Rendering.objects.filter(clip__study=study, state=Rendering.State.DONE).order_by(
        "clip__position", "clip", "condition__position", "condition"
    )
    for clip, spec, sha256 in made.values_list("clip__name", "condition__spec", "stimulus_sha256"):
        found.setdefault(clip, {})[spec] = sha256
    return found
