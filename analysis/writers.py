"""Ratings as files of other programs: the CSV of webMUSHRA and of pymushra.

Neither has a place for a role, so the hidden reference, the low anchor and the mid anchor take the names that these
programs give them: reference, anchor35, anchor70. What decides whether a rating counts, the state of its session and
why it is excluded, goes among the answers to the questionnaire, as `evalapp_session_state` and `evalapp_excluded`;
`analysis.readers` takes it from there.

>>> from analysis.frame import tidy
>>> frame = tidy(pd.DataFrame({"rater": "ann", "item": "speech", "condition": ["Original", "Opus 6"],
...                            "role": ["hidden_reference", "system"], "score": [100, 40.5]}))
>>> print(webmushra_csv(frame), end="")
session_test_id,session_uuid,trial_id,rating_stimulus,rating_score,rating_time,rating_comment
,ann,speech,reference,100,,
,ann,speech,Opus 6,40.5,,
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.frame import SYSTEM, RatingsError, guess_role
from analysis.mushra_files import ANSWER, EXCLUDED, STATE, STIMULI

NAMES = {role: name for name, role in STIMULI.items()}


def webmushra_csv(frame: pd.DataFrame) -> str:
    """Text of a `mushra.csv`, with session_uuid.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame. `rating_time` is written where it has started_at and
        rated_at, for a page from the first to the last.

    Raises
    ------
    RatingsError
        If a role has two conditions, or the name of a condition says another
        role than it has.
    """
    rows = _in_pages(frame)
    table = pd.DataFrame({"session_test_id": rows["study"]})
    table = table.assign(**_marks(rows), session_uuid=rows["rater"], trial_id=rows["item"])
    table["rating_stimulus"] = _stimuli(rows)
    table["rating_score"] = rows["score"].map(_number)
    table["rating_time"] = _milliseconds(rows)
    table["rating_comment"] = ""
    return table.to_csv(index=False, lineterminator="\n")


def pymushra_csv(frame: pd.DataFrame) -> str:
    """Text of a CSV as pymushra gives it out; else as `webmushra_csv`.

    `wm_date` is when the page was finished, in UTC, where the frame has
    rated_at. `wm_config` is empty.
    """
    rows = _in_pages(frame)
    table = pd.DataFrame({"responses_stimulus": _stimuli(rows)})
    table["responses_score"] = rows["score"].map(_number)
    table["responses_time"] = _milliseconds(rows)
    table["responses_comment"] = ""
    table = table.assign(**{f"{ANSWER}{name}": cells for name, cells in _marks(rows).items()})
    table[f"{ANSWER}uuid"] = rows["rater"]
    table["wm_id"] = rows["item"]
    table["wm_type"] = "mushra"
    table["wm_testId"] = rows["study"]
    table["wm_config"] = ""
    table["wm_date"] = _dates(rows)
    return table.to_csv(index=False, sep=";", lineterminator="\n")


WRITERS: dict[str, Callable[[pd.DataFrame], str]] = {"webmushra": webmushra_csv, "pymushra": pymushra_csv}
"""Writers by the name of their format."""


def _in_pages(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows rater by rater and page by page, repeats in their order: it is all that tells them apart in these files."""
    order = pd.DataFrame(
        {
            "rater": frame.groupby(["study", "rater"], sort=False).ngroup(),
            "session": frame.groupby(["study", "rater", "session"], sort=False).ngroup(),
            "repeat": frame["repeat"],
            "page": frame.groupby(["study", "rater", "session", "item", "repeat"], sort=False).ngroup(),
        }
    )
    order = order.sort_values(list(order.columns), kind="stable")
    return frame.loc[order.index].assign(page=order["page"]).reset_index(drop=True)


def _stimuli(rows: pd.DataFrame) -> pd.Series:
    """Names of the conditions in these programs."""
    of_study = rows.drop_duplicates(["study", "condition"])
    for study, role, condition in zip(of_study["study"], of_study["role"], of_study["condition"], strict=True):
        if role == SYSTEM and guess_role(condition) != SYSTEM:
            raise RatingsError(
                f"The condition {condition} is a system, and would be read as the {guess_role(condition)} by its name. "
                "webMUSHRA and pymushra know roles by names only: rename it, or choose another format."
            )
        same = of_study[(of_study["study"] == study) & (of_study["role"] == role)]
        if role != SYSTEM and len(same) > 1:
            raise RatingsError(
                f"The role {role} has {len(same)} conditions: {', '.join(same['condition'])}. webMUSHRA and pymushra "
                "know one: choose another format."
            )
    return rows["role"].map(NAMES).fillna(rows["condition"])


def _marks(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """What decides whether a rating counts, where the frame says it."""
    marks = {}
    if not rows["finished"].all():
        marks[STATE] = rows["finished"].map({True: "finished", False: "unfinished"})
    if rows["has_marks"].all():
        marks[EXCLUDED] = rows["marks"]
    return marks


def _number(score: float) -> str:
    if np.isnan(score):
        return ""
    return str(int(score)) if score == int(score) else repr(float(score))


def _milliseconds(rows: pd.DataFrame) -> pd.Series:
    """Time of each row's page."""
    if "started_at" not in rows or "rated_at" not in rows:
        return pd.Series("", index=rows.index)
    started = _times(rows["started_at"]).groupby(rows["page"]).transform("min")
    seconds: pd.Series = (_finished_at(rows) - started).dt.total_seconds()
    return seconds.map(lambda n: "" if pd.isna(n) else str(round(n * 1000)))


def _dates(rows: pd.DataFrame) -> pd.Series:
    if "rated_at" not in rows:
        return pd.Series("", index=rows.index)
    dates: pd.Series = _finished_at(rows).dt.strftime("%Y-%m-%d %H:%M:%S.%f")
    return dates.fillna("")


def _finished_at(rows: pd.DataFrame) -> pd.Series:
    """When the last score of each row's page was set."""
    return pd.Series(_times(rows["rated_at"]).groupby(rows["page"]).transform("max"))


def _times(cells: pd.Series) -> pd.Series:
    return pd.to_datetime(cells, utc=True, format="ISO8601", errors="coerce")
