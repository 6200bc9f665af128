"""Wide tables, with a column for each condition, as columns for `analysis.frame.tidy`.

Nothing in such a table tells scores from other numbers, such as ages. Wide tables are therefore read on request only.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from analysis.cells import decimal_points
from analysis.frame import RatingsError

ITEMS = ("item", "clip", "signal")
KEPT = ("study", "session", "session_state", "category", "repeat", "excluded")
"""Columns that are no conditions."""


def from_wide(table: pd.DataFrame, without: Collection[str] = ()) -> pd.DataFrame:
    """Ratings of a wide table.

    Parameters
    ----------
    table : DataFrame
        Either a row for each rater and item: rater, item (or clip, or signal)
        and a column for each condition. Or a row for each rater: rater and
        columns called item/condition. Both may have the columns `KEPT`.
    without : collection of str
        Columns to leave out.

    Returns
    -------
    DataFrame
        rater, item, condition, score and what there is of `KEPT`. An empty
        cell is a rating that was not given.

    Raises
    ------
    RatingsError
        If a column is missing, or is not called item/condition, or a cell is
        no score.

    >>> from_wide(pd.DataFrame({"rater": ["ann"], "speech/Reference": ["100"], "speech/Opus 6": ["40"]}))
      rater    item  condition score
    0   ann  speech  Reference   100
    1   ann  speech     Opus 6    40
    """
    if "rater" not in table:
        raise RatingsError(f"A wide table needs a column rater. Columns found: {', '.join(map(str, table.columns))}.")
    table = table.reset_index(drop=True)
    item = next((name for name in ITEMS if name in table), None)
    kept = [name for name in ("rater", item, *KEPT) if name is not None and name in table]
    columns = [name for name in table.columns if name not in kept and str(name) not in without]
    if not columns:
        raise RatingsError("A wide table needs a column for each condition, and there is none.")
    for name in columns:
        table[name] = _scores(table[name], name)
    long = table.melt(kept, columns, var_name="condition", value_name="score", ignore_index=False)
    long = long.sort_index(kind="stable").reset_index(drop=True)
    if item is None:
        pairs = {name: _pair(str(name)) for name in columns}
        long.insert(1, "item", long["condition"].map({name: pair[0] for name, pair in pairs.items()}))
        long["condition"] = long["condition"].map({name: pair[1] for name, pair in pairs.items()})
    elif item != "item":
        long = long.rename(columns={item: "item"})
    front = ["rater", "item", "condition", "score"]
    return long[front + [name for name in long.columns if name not in front]]


def _pair(name: str) -> tuple[str, str]:
    item, slash, condition = (part.strip() for part in name.partition("/"))
    if not item or not condition or "/" in condition:
        raise RatingsError(
            f"The column {name!r} is not called item/condition, with one slash. In a table without a column item each "
            "column but rater must be."
        )
    return item, condition


def _scores(cells: pd.Series, name: object) -> pd.Series:
    cells = decimal_points(cells, f"score of {name}")
    text = cells.astype("string").fillna("").str.strip()
    wrong = (text != "") & pd.to_numeric(text.mask(text == ""), errors="coerce").isna()
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise RatingsError(
            f"Row {row + 1}, column {name}: {text.iloc[row]!r} is no score. Correct it, or take the column out if it "
            "is no condition: --without-condition."
        )
    return cells
