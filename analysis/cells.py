"""Headers and cells as spreadsheets, R and pandas change them, brought back to what was exported.

- Headers: in any case; `repeat.` is `repeat`, which R does not allow as a name.
- Missing cells: `MISSING`. In columns of names they are names: a condition may be called NA.
- A decimal comma, in columns of numbers.
- The apostrophe before `-6 dB`: our export writes it so that no spreadsheet runs the cell as a formula.
- Columns that number the rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import pandas as pd

from analysis.frame import RatingsError
from analysis.wording import listed

MISSING = frozenset({"", "NA", "NaN", "nan", "N/A", "#N/A", "<NA>"})
"""Cells without a value."""

TWICE = "twice"
"""Among a table's attributes: names that several of its columns have."""

NAMES: tuple[str, ...] = (
    "rater", "item", "clip", "signal", "condition", "session_uuid", "trial_id", "rating_stimulus", "questionaire_uuid",
    "wm_id", "responses_stimulus",
)  # fmt: skip
"""Columns of names."""

NUMBERS: tuple[str, ...] = (
    "score", "kbps", "repeat", "trial_position", "slot", "plays", "seconds_heard", "scale_min", "scale_max",
    "rating_score", "responses_score",
)  # fmt: skip
"""Columns of numbers."""

_OTHERS: tuple[str, ...] = (
    "study", "session", "session_state", "category", "role", "spec", "weights", "excluded", "attribute", "started_at",
    "rated_at", "ratings", "participant_ids", "session_test_id", "rating_time", "wm_testId", "wm_type",
    "responses_time",
)  # fmt: skip
_KNOWN = {name.lower(): name for name in (*NAMES, *NUMBERS, *_OTHERS)}

_COUNTING = re.compile(r"|X|index|level_0|\.\.\.1|Unnamed: \d+", re.IGNORECASE)
_FORMULA = re.compile(r"\A'(?=[=+\-@\t\r])")


def restored(table: pd.DataFrame, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Table with the headers and cells that were exported.

    Parameters
    ----------
    table : DataFrame
        As read from a file.
    columns : mapping, optional
        Name in the file -> name that this package uses.

    Raises
    ------
    RatingsError
        If the table lacks one of `columns`, or a column of numbers has commas
        and points.

    >>> restored(pd.DataFrame({"Rater": ["NA"], "repeat.": ["NA"], "Condition": ["'-6 dB"], "score": ["80,5"]}))
      rater repeat condition score
    0    NA            -6 dB  80.5
    """
    table = _renamed(table, columns or {})
    for name in table.columns:
        cells = table[name]
        if not (pd.api.types.is_object_dtype(cells) or pd.api.types.is_string_dtype(cells)):
            continue
        if pd.api.types.is_object_dtype(cells):  # of JSON, where cells may be numbers and lists
            text = cells[cells.map(lambda cell: isinstance(cell, str))]
            cells = cells.copy()
            cells[text.index] = _restored_text(text.astype("str"), str(name)).astype(object)
        else:
            cells = _restored_text(cells.astype("str"), str(name))
        table[name] = decimal_points(cells, str(name)) if name in NUMBERS else cells
    return table


def _restored_text(text: pd.Series, column: str) -> pd.Series:
    quoted = text.str.startswith("'")
    if quoted.any():
        text = text.mask(quoted, text[quoted].map(lambda cell: _FORMULA.sub("", cell)))
    if column in NAMES:
        return text
    missing = text.str.strip().isin(MISSING) & (text != "")
    return text.mask(missing, "") if missing.any() else text


def decimal_points(cells: pd.Series, name: str = "score") -> pd.Series:
    """Numbers with a decimal comma, as spreadsheets of many countries write them, as numbers with a point.

    Raises
    ------
    RatingsError
        If some have a comma and others a point.

    >>> decimal_points(pd.Series(["80,5", "7"])).tolist()
    ['80.5', '7']
    """
    if not (pd.api.types.is_object_dtype(cells) or pd.api.types.is_string_dtype(cells)):
        return cells
    text = cells.astype("string").str.strip()
    comma = text.str.fullmatch(r"-?\d+,\d+").fillna(False).to_numpy(dtype=bool)
    if not comma.any():
        return cells
    point = text.str.fullmatch(r"-?\d+\.\d+").fillna(False).to_numpy(dtype=bool)
    if point.any():
        one, other = int(comma.argmax()), int(point.argmax())
        raise RatingsError(
            f"Row {one + 1} has the {name} {text.iloc[one]} and row {other + 1} {text.iloc[other]}. "
            "Write all with a point, or all with a comma."
        )
    return cells.mask(comma, text.str.replace(",", "."))


def index_columns(table: pd.DataFrame) -> list[str]:
    """Columns that number the rows, as pandas and R write them; they have no name or one that both give.

    >>> index_columns(pd.DataFrame({"Unnamed: 0": [0, 1], "X": [70, 80], "rater": ["a", "b"]}))
    ['Unnamed: 0']
    """
    return [
        str(name)
        for name in table.columns
        if _COUNTING.fullmatch(str(name)) and (not str(name) or str(name)[0] in "Uu." or _counts(table[name]))
    ]


def _counts(cells: pd.Series) -> bool:
    numbers = pd.to_numeric(cells, errors="coerce").tolist()
    return len(numbers) > 1 and numbers in (list(range(len(numbers))), list(range(1, len(numbers) + 1)))


def _renamed(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    absent = [name for name in columns if name not in table.columns]
    if absent:
        raise RatingsError(f"There is no column {listed(absent)}. Columns: {listed([*map(str, table.columns)])}.")
    given = table.rename(columns=dict(columns))
    taken = Counter(map(str, given.columns))
    names = {}
    for name in given.columns:
        known = _KNOWN.get(str(name).strip().rstrip(".").lower())
        if known and known != name and not taken[known]:
            names[name] = known
    renamed = given.rename(columns=names)
    twice = [name for name, n in Counter(map(str, renamed.columns)).items() if n > 1]
    renamed.attrs[TWICE] = sorted({*(columns.get(name, name) for name in table.attrs.get(TWICE, [])), *twice})
    if twice:  # refused by whatever needs one of them
        renamed = renamed.loc[:, ~renamed.columns.duplicated()]
    return renamed
