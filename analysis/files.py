"""Files as they stand: a table of text from CSV, JSON or Parquet, or an array from JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pandas as pd

from analysis.frame import RatingsError

TABLES = (".parquet", ".pq")
JSON = (".json", ".jsonl", ".ndjson")
SEPARATORS = ",;\t"
TWICE = "twice"
"""Among a table's attributes: names that several of its columns have."""


def read_file(path: Path) -> pd.DataFrame | list[object]:
    """Read a file by its ending; what is in a .txt file its first character says.

    Parameters
    ----------
    path : Path

    Returns
    -------
    DataFrame or list
        A list for JSON. Cells of CSV are text, unchanged.

    Raises
    ------
    RatingsError
        If there is no such file, or it is empty, not UTF-8, or not what its
        ending says.
    """
    if not path.is_file():
        raise RatingsError("There is no such file." if not path.exists() else "This is not a file.")
    ending = path.suffix.lower()
    try:
        if ending in TABLES:
            return pd.read_parquet(path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
        if "\0" in text:  # UTF-16 without its mark passes for UTF-8
            raise RatingsError("The file is not UTF-8 text (it has zero bytes). Save it as UTF-8.")
        if not re.search(r"[^\s,;\"]", text):
            raise RatingsError("There are no ratings: the file is empty.")
        if ending in JSON or (ending == ".txt" and text.lstrip().startswith("[")):
            return _array(text)
        return _table(text)
    except UnicodeDecodeError as error:
        raise RatingsError(f"The file is not UTF-8 text ({error}). Save it as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise RatingsError(f"The file is not JSON: {error}.") from error
    except OSError as error:
        raise RatingsError(f"The file cannot be read: {error}.") from error
    except ValueError as error:  # pyarrow's own errors are ValueErrors
        if isinstance(error, RatingsError):
            raise
        raise RatingsError(f"The file cannot be read: {error}.") from error


def table_of(found: pd.DataFrame | Sequence[object]) -> pd.DataFrame:
    """Table of what `read_file` gave; raises RatingsError if it is JSON of another shape."""
    if isinstance(found, pd.DataFrame):
        return found
    if not all(isinstance(row, dict) for row in found):
        raise RatingsError("The JSON must be an array of objects, one for each rating, or one object a line.")
    return pd.DataFrame(list(found))


def decimal_points(cells: pd.Series) -> pd.Series:
    """Scores with a decimal comma, as spreadsheets of many countries write them, as scores with a point.

    No score is above 100, so a comma never parts thousands.

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
            f"Row {one + 1} has the score {text.iloc[one]} and row {other + 1} {text.iloc[other]}. "
            "Write all with a point, or all with a comma."
        )
    return cells.mask(comma, text.str.replace(",", "."))


def _table(text: str) -> pd.DataFrame:
    separator = _separator(text)
    rows: list[list[str]] = []
    try:
        # pandas would fill short rows and shift long ones without a word.
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            if any(cell.strip() for cell in row):  # spreadsheets leave empty rows at the end
                rows.append(row)
    except csv.Error as error:
        raise RatingsError(f"The file is not a CSV table: {error} (after row {max(len(rows) - 1, 0)}).") from error
    header, cells = [name.strip() for name in rows[0]], rows[1:]
    width = len(header)
    if all(len(row) > width and not any(row[width:]) for row in cells):
        cells = [row[:width] for row in cells]  # a spreadsheet that ends all rows alike
    for number, row in enumerate(cells, start=1):
        if len(row) != width:
            raise RatingsError(
                f"The file is not a CSV table: row {number} has {len(row)} cells, and the header has {width}. "
                "Complete the row, or remove it."
            )
    table = pd.DataFrame(cells, columns=_distinct(header), dtype=object)
    table = table.iloc[:, [i for i, name in enumerate(header) if name or (table.iloc[:, i] != "").any()]]
    table.attrs[TWICE] = sorted({name for name in header if name and header.count(name) > 1})
    return table


def _distinct(header: list[str]) -> list[str]:
    return [name if name not in header[:i] else f"{name}.{header[:i].count(name)}" for i, name in enumerate(header)]


def _separator(text: str) -> str:
    """The separator that gives rows of one width, and most columns: names may have the others within."""

    def fit(separator: str) -> tuple[bool, int]:
        widths = [len(row) for row in _first_rows(text, separator)]
        return len(set(widths)) == 1 and widths[0] > 1, widths[0] if widths else 0

    return max(SEPARATORS, key=fit)


def _first_rows(text: str, separator: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return [row for row in islice(reader, 50) if any(row)]
    except csv.Error:  # a quote that never ends, where the separator is another
        return []


def _array(text: str) -> list[object]:
    if text.lstrip().startswith("["):
        return list(json.loads(text))
    return [json.loads(line) for line in text.splitlines() if line.strip()]
