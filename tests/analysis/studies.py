"""Ratings as `export_results` writes them, drawn from the variance components of real studies."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.simulation import Components, Plan, as_frame, draw_scores

CONDITIONS = [
    # condition, role, spec, weights, kbps, true score
    ("Reference", "hidden_reference", "reference", "", np.nan, 98),
    ("EnCodec 1.5", "system", "encodec_24khz@1.5:weights=published", "published (d7cc33bc)", 1.5, 45),
    ("EnCodec 3", "system", "encodec_24khz@3:weights=published", "published (d7cc33bc)", 3.0, 55),
    ("EnCodec 6", "system", "encodec_24khz@6:weights=published", "published (d7cc33bc)", 6.0, 68),
    ("EnCodec 12", "system", "encodec_24khz@12:weights=published", "published (d7cc33bc)", 12.0, 80),
    ("EVS 9.6", "system", "evs@9.6", "", 9.6, 72),
    ("Lyra 3.2", "system", "lyra@3.2", "", 3.2, 50),
    ("Lyra 6", "system", "lyra@6", "", 6.0, 58),
    ("Opus 6", "system", "opus@6", "", 6.1, 35),
    ("Opus 12", "system", "opus@12", "", 12.3, 66),
    ("Mid anchor", "mid_anchor", "lowpass@7000", "", np.nan, 48),
    ("Low anchor", "low_anchor", "lowpass@3500", "", np.nan, 20),
]

FEW = [CONDITIONS[n] for n in (0, 1, 4, 8, 11)]
"""Reference, low anchor, and two families of codecs, one at two rates."""


def exported(n_raters: int = 10, n_items: int = 6, *, seed: int = 1, conditions=CONDITIONS) -> pd.DataFrame:
    """A whole study, every session finished, rows shuffled within trials as slots are."""
    draw = np.random.default_rng(seed)
    rater_bias = draw.normal(0, 7, n_raters)
    item_bias = draw.normal(0, 6, n_items)
    fit = draw.normal(0, 8, (n_items, len(conditions)))
    rows = []
    for rater in range(n_raters):
        for position, item in enumerate(draw.permutation(n_items), start=1):
            for slot, c in enumerate(draw.permutation(len(conditions)), start=1):
                name, role, spec, weights, kbps, score = conditions[c]
                if role == "hidden_reference":
                    value = 100 - abs(draw.normal(0, 2))
                else:
                    value = score + rater_bias[rater] + item_bias[item] + fit[item, c] + draw.normal(0, 11)
                rows.append(
                    {
                        "study": "demo-speech",
                        "session": f"S{rater + 1}",
                        "session_state": "finished",
                        "rater": f"R{rater + 1:02}",
                        "clip": f"clip {item + 1}",
                        "category": "music" if item % 3 == 2 else "speech",
                        "condition": name,
                        "role": role,
                        "spec": spec,
                        "weights": weights,
                        "kbps": kbps,
                        "score": int(np.clip(round(value), 0, 100)),
                        "repeat": 0,
                        "trial_position": position,
                        "slot": slot,
                        "plays": 2,
                        "seconds_heard": 9.5,
                        "started_at": f"2026-03-{rater % 28 + 1:02}T10:00:00+00:00",
                        "rated_at": f"2026-03-{rater % 28 + 1:02}T10:05:00+00:00",
                        "excluded": "",
                    }
                )
    return pd.DataFrame(rows)


def scores_table(scores: dict[str, list[float]], item: str = "x", **columns: object) -> pd.DataFrame:
    """One rating per rater and condition: condition -> scores of rater 1, 2, ..."""
    rows = [
        {"rater": f"{rater}", "item": item, "condition": name, "score": score, **columns}
        for name, given in scores.items()
        for rater, score in enumerate(given, start=1)
    ]
    return pd.DataFrame(rows)


def small_study(seed: int) -> pd.DataFrame:
    """A small study with variances of which some are none, and in every third one missing ratings.

    Its ordinal model has standard deviations of 0, or a likelihood that is flat near 0.
    """
    draw = np.random.default_rng(seed)
    n_systems = int(draw.integers(2, 5))
    present = draw.random(4) > 0.3
    variances = draw.uniform(1, [150, 120, 60, 120]) * present
    plan = Plan(
        int(draw.integers(5, 10)),
        int(draw.integers(5, 8)),
        dict(zip("ABCD", draw.uniform(35, 75, n_systems).tolist(), strict=False)),
        Components(*variances.tolist(), float(draw.uniform(100, 400))),
        missing=float(draw.choice([0.0, 0.0, 0.2])),
    )
    return as_frame(draw_scores(plan, draw), plan)


def _apart(condition: str) -> int:
    """A score for each condition, so far from the others that their ratings never meet."""
    return 8 * [name for name, *_ in CONDITIONS].index(condition)


BAD_DATA = {
    "one rater": exported(1, 6),
    "two raters": exported(2, 6),
    "one item": exported(12, 1),
    "one system": exported(5, 3)[lambda t: t["condition"].isin(["Reference", "Opus 6", "Low anchor"])],
    "two systems": exported(5, 3)[lambda t: t["condition"].isin(["Reference", "Opus 6", "Opus 12"])],
    "no system": exported(5, 3)[lambda t: t["role"] != "system"],
    "no hidden reference": exported(5, 3)[lambda t: t["role"] == "system"],
    "all scores equal": exported(5, 3).assign(score=95),
    "a rater with one rating": pd.concat([exported(5, 3), exported(6, 3).tail(1)]),
    "nine tenths missing": exported(12, 6).sample(frac=0.1, random_state=1),
    "nobody finished": exported(4, 2).assign(session_state="trials"),
    "everybody excluded": exported(4, 2)
    .drop(columns="excluded")
    .assign(score=lambda t: t["score"].where(t["role"] == "system", 10)),
    "scores from a plain table": scores_table({"Reference": [100, 97, 98], "A": [20, 30, 40], "B": [50, 45, 60]}),
    "ties everywhere": exported(8, 4).assign(score=lambda t: (t["score"] / 50).round() * 50),
    "separated conditions": exported(8, 4).assign(score=lambda t: t["condition"].map(_apart) + t.index % 3),
}
"""What no study should look like, and some do."""
