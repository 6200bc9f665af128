"""From files of ratings to the tidy frame. What a file is, its columns say.

Read are CSV (separated by comma, semicolon or tab), JSON (an array of objects, or one object a line) and Parquet,
holding

- our export: `export_results` with rater, clip, condition, score and more,
- a tidy table: rater, item, condition, score and what `analysis.frame.tidy` uses,
- lists in cells: signal, condition, ratings, participant_ids, one row per stimulus.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.frame import RatingsError, tidy

EXPORT = "export_results"
TIDY = "tidy table"
LISTS = "lists in cells"


@dataclass(frozen=True)
class Layout:
    """A table of ratings that can be read.

    Attributes
    ----------
    name : str
    columns : frozenset of str
        What tells it from the others: all must be there.
    """

    name: str
    columns: frozenset[str]


LAYOUTS = (
    Layout(EXPORT, frozenset({"rater", "clip", "condition", "score"})),
    Layout(TIDY, frozenset({"rater", "item", "condition", "score"})),
    Layout(LISTS, frozenset({"signal", "condition", "ratings", "participant_ids"})),
)
"""In the order in which they are tried."""


def read_ratings(path: str | Path, *, roles: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read a file of ratings.

    Parameters
    ----------
    path : str or Path
        A .csv, .tsv, .json, .jsonl or .parquet file.
    roles : mapping, optional
        Condition -> role, for files that do not say it.

    Returns
    -------
    DataFrame
        Tidy frame, see `analysis.frame.tidy`.

    Raises
    ------
    RatingsError
        If the file is not there, cannot be read, has none of the known
        layouts, or its ratings fail the checks of `tidy`.
    """
    path = Path(path)
    try:
        return tidy(spread(read_table(path)), roles=roles)
    except RatingsError as error:
        raise RatingsError(f"{path}: {error}") from error


def detect(table: pd.DataFrame) -> Layout:
    """Layout of a table.

    Raises
    ------
    RatingsError
        With the columns found, and those that each layout needs.

    >>> detect(pd.DataFrame(columns=["rater", "clip", "condition", "score"])).name
    'export_results'
    """
    columns = {str(name) for name in table.columns}
    for layout in LAYOUTS:
        if layout.columns <= columns:
            return layout
    needed = "; or ".join(f"{', '.join(sorted(layout.columns))} ({layout.name})" for layout in LAYOUTS)
    raise RatingsError(
        f"These are not ratings. Columns found: {', '.join(sorted(columns)) or 'none'}. Needed: {needed}."
    )


def spread(table: pd.DataFrame) -> pd.DataFrame:
    """One row per rating of a table of any known layout; raises RatingsError."""
    if detect(table).name != LISTS:
        return table
    columns = {name: table[name].tolist() for name in ("signal", "condition", "ratings", "participant_ids")}
    rows = []
    stimuli = zip(*columns.values(), strict=True)
    for number, (item, condition, cell, ids) in enumerate(stimuli, start=1):
        scores, raters = _list(cell, number, "ratings"), _list(ids, number, "participant_ids")
        if len(scores) != len(raters):
            raise RatingsError(
                f"Row {number} ({item}, {condition}) has {len(scores)} ratings and {len(raters)} participant_ids. "
                "Give one id for each rating."
            )
        rows += [(str(rater), item, condition, score) for rater, score in zip(raters, scores, strict=True)]
    return pd.DataFrame(rows, columns=["rater", "item", "condition", "score"])


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV, JSON or Parquet file as it stands, text unchanged; raises RatingsError."""
    if not path.is_file():
        raise RatingsError("There is no such file." if not path.exists() else "This is not a file.")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pd.read_parquet(path)
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
            return pd.DataFrame(_records(text))
        if not text.strip():
            raise RatingsError("There are no ratings: the file is empty.")
        # Text stays text: a rater may be called "NA" and a condition "1.50".
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", sep=_separator(text))
    except UnicodeDecodeError as error:
        raise RatingsError(f"The file is not UTF-8 text ({error}). Save it as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise RatingsError(f"The file is not JSON: {error}.") from error
    except pd.errors.ParserError as error:
        raise RatingsError(f"The file is not a CSV table: {str(error).strip()}.") from error
    except OSError as error:
        raise RatingsError(f"The file cannot be read: {error}.") from error
    except ValueError as error:  # pyarrow's own errors are ValueErrors
        if isinstance(error, RatingsError):
            raise
        raise RatingsError(f"The file cannot be read: {error}.") from error


def _separator(text: str) -> str:
    header = text.lstrip().splitlines()[0]
    return max(",;\t", key=header.count)


def _records(text: str) -> list[dict[str, object]]:
    found = (
        json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.splitlines() if line]
    )
    if not all(isinstance(row, dict) for row in found):
        raise RatingsError("The JSON must be an array of objects, one for each rating, or one object a line.")
    return list(found)


def _list(cell: object, number: int, column: str) -> list[object]:
    """Cell of a table as a list; Parquet gives arrays, CSV gives their text."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell.replace("'", '"').replace("nan", "null"))
        except json.JSONDecodeError as error:
            raise RatingsError(f"Row {number}: {column} is not a list such as [41, 32]: {cell!r}.") from error
    elif hasattr(cell, "tolist"):
        cell = cell.tolist()
    if not isinstance(cell, list):
        raise RatingsError(f"Row {number}: {column} is not a list such as [41, 32]: {cell!r}.")
    return cell
