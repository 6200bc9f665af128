"""Ratings as `export_results` writes them, drawn from the variance components of real studies."""

from __future__ import annotations

import numpy as np
import pandas as pd

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
