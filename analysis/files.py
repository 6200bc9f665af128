"""Files as they stand: a table of text from CSV, Excel or Parquet, or an array from JSON."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import chain, islice
from pathlib import Path
from zipfile import BadZipFile

import pandas as pd
import pyarrow

from analysis.cells import TWICE
from analysis.frame import RatingsError
from analysis.golisten_files import from_golisten, is_golisten

TABLES = (".parquet", ".pq")
JSON = (".json", ".jsonl", ".ndjson")
SEPARATORS = ",;\t"
COMPRESSED = ".gz"
WORKBOOKS = (".xlsx", ".xlsm")
OTHERS = {
    ".xls": "Save the sheet as CSV or .xlsx.",
    ".ods": "Save the sheet as CSV or .xlsx.",
    ".numbers": "Export the sheet as CSV.",
    ".sav": "Save it as CSV.",
    ".rds": 'Save it as CSV: write.csv(ratings, "ratings.csv", row.names = FALSE).',
    ".zip": "Unpack it and name the file of ratings.",
}
"""Formats that are not read, and what to do."""

AT_ONCE = 1000
"""Rows of text turned into columns at once: as text in lists they take many times the room."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


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
    ending, compressed = path.suffix.lower(), False
    if ending == COMPRESSED:
        ending, compressed = path.with_suffix("").suffix.lower(), True
    if ending in OTHERS:
        raise RatingsError(f"Files in the format {ending} are not read. {OTHERS[ending]}")
    try:
        content = gzip.decompress(path.read_bytes()) if compressed else path.read_bytes()
        if ending in TABLES:
            return pd.read_parquet(io.BytesIO(content))
        if ending in WORKBOOKS:
            return _sheet(content)
        text = content.decode("utf-8-sig")
        if "\0" in text:  # UTF-16 without its mark passes for UTF-8
            raise RatingsError("The file is not UTF-8 text (it has zero bytes). Save it as UTF-8.")
        del content
        if not re.search(r"[^\s,;\"]", text):
            raise RatingsError("No ratings found: the file is empty.")
        if ending in JSON or (ending == ".txt" and text.lstrip()[0] in "[{"):
            return _array(text)
        return _table(text)
    except (EOFError, zlib.error) as error:
        raise RatingsError(f"The file cannot be unpacked: {error}.") from error
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
        raise RatingsError('The JSON must be an array of objects, one for each rating (pandas: orient="records").')
    return pd.DataFrame(list(found))


def _table(text: str) -> pd.DataFrame:
    text, separator = _without_separator_line(text)
    separator = separator or _separator(text)
    try:
        return _parsed(text, separator)
    except RatingsError:
        if '\\"' not in text:
            raise
        return _parsed(_doubled_quotes(text, separator), separator)


def _parsed(text: str, separator: str) -> pd.DataFrame:
    rows = _rows(text, separator)
    first = list(islice(rows, 3))
    if is_golisten(first):
        return from_golisten([*first, *rows])
    return _of_rows(_as_wide_as_the_header(chain(first, rows)))


def _without_separator_line(text: str) -> tuple[str, str]:
    """Text without the line by which Excel learns the separator, and the separator.

    >>> _without_separator_line("sep=;\\nrater;score\\n")
    ('rater;score\\n', ';')
    """
    line = re.match(r'"?sep=([,;\t|])"?[;,\t|]*(?:\r\n|\n|\r)', text, flags=re.IGNORECASE)
    return (text[line.end() :], line[1]) if line else (text, "")


def _doubled_quotes(text: str, separator: str) -> str:
    r"""Text of PHP's fputcsv, which leaves a quote after a backslash as it is, with quotes as CSV writes them.

    A quote at the end of a cell closes it, also after a backslash.

    >>> print(_doubled_quotes(r'a,"a \"robot\" at C:\"', ","))
    a,"a ""robot"" at C:\"
    """
    return re.sub(rf'\\"(?!{re.escape(separator)}|\r|\n|\Z)', '""', text)


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    """Rows of CSV that have a cell; raises RatingsError."""
    n = 0
    lines = (line[0] for line in _LINE.finditer(text))  # io.StringIO takes four bytes a letter
    try:
        for row in csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True):
            if "".join(row).strip():  # spreadsheets leave empty rows at the end
                yield row
                n += 1
    except csv.Error as error:
        raise RatingsError(f"The file is not a CSV table: {error} (after row {max(n - 1, 0)}).") from error


def _as_wide_as_the_header(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows; raises RatingsError for one that is longer or shorter than the header.

    pandas would fill short rows and shift long ones without a word.

    >>> list(_as_wide_as_the_header(iter([["rater", "score"], ["ann", "40", ""], ["ben", "52", ""]])))
    [['rater', 'score'], ['ann', '40'], ['ben', '52']]
    """
    header = next(rows, None)
    if header is None:
        raise RatingsError("No ratings found: the file is empty.")
    yield header
    width = len(header)
    longer = 0  # length of the first row, if a spreadsheet may have ended all rows alike with empty cells
    for number, row in enumerate(rows, start=1):
        ends_empty = len(row) > width and not any(row[width:])
        if number == 1 and ends_empty:
            longer = len(row)
        if longer and ends_empty:
            yield row[:width]
        elif longer or len(row) != width:
            wrong, n_cells = (1, longer) if longer else (number, len(row))
            raise RatingsError(
                f"The file is not a CSV table: row {wrong} has {n_cells} cells, and the header has {width}. "
                "Complete the row, or remove it."
            )
        else:
            yield row


def _of_rows(rows: Iterable[Sequence[str]]) -> pd.DataFrame:
    """Table whose header is the first row."""
    rows = iter(rows)
    header = [name.strip() for name in next(rows)]
    parts: list[list[pyarrow.Array]] = [[pyarrow.array([], pyarrow.large_string())] for _ in header]
    while block := list(islice(rows, AT_ONCE)):
        for part, cells in zip(parts, zip(*block, strict=True), strict=True):
            part.append(pyarrow.array(cells, pyarrow.large_string()))
    columns = [pyarrow.concat_arrays(parts.pop(0)) for _ in header]  # a column's parts go as it is made
    table: pd.DataFrame = pyarrow.table(columns, names=_distinct(header)).to_pandas()
    table = table.iloc[:, [i for i, name in enumerate(header) if name or (table.iloc[:, i] != "").any()]]
    table.attrs[TWICE] = sorted({name for name in header if name and header.count(name) > 1})
    return table


def _sheet(content: bytes) -> pd.DataFrame:
    """First sheet of an Excel workbook."""
    from openpyxl import load_workbook  # takes time to load, and few files need it

    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        rows = [[_text(cell) for cell in row] for row in book.worksheets[0].iter_rows(values_only=True)]
    except (BadZipFile, KeyError, IndexError) as error:
        raise RatingsError("This is not an Excel workbook. Save the sheet as CSV.") from error
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        raise RatingsError("No ratings found: the first sheet is empty.")
    width = max(map(len, rows))
    return _of_rows([row + [""] * (width - len(row)) for row in rows])


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _distinct(header: list[str]) -> list[str]:
    return [name if name not in header[:i] else f"{name}.{header[:i].count(name)}" for i, name in enumerate(header)]


def _separator(text: str) -> str:
    """The separator that gives rows of one width, and most columns: names may have the others within."""

    def fit(separator: str) -> tuple[bool, int]:
        widths = [len(row) for row in _first_rows(text, separator)]
        return len(set(widths)) == 1 and widths[0] > 1, widths[0] if widths else 0

    return max(SEPARATORS, key=fit)


def _first_rows(text: str, separator: str) -> list[list[str]]:
    lines = (line[0] for line in _LINE.finditer(text))
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    try:
        return [row for row in islice(reader, 50) if any(row)]
    except csv.Error:  # a quote that never ends, where the separator is another
        return []


def _array(text: str) -> list[object]:
    if text.lstrip().startswith("["):
        return list(json.loads(text))
    try:
        return _records(json.loads(text))
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def _records(found: dict[str, object]) -> list[object]:
    """Rows of one JSON object: an array within it, or a table as pandas writes it.

    >>> _records({"ratings": [{"score": 40}]}), _records({"score": {"0": 40}}), _records({"score": [40]})
    ([{'score': 40}], [{'score': 40}], [{'score': 40}])
    >>> _records({"columns": ["score"], "index": [0], "data": [[40]]}), _records({"0": {"score": 40}})
    ([{'score': 40}], [{'score': 40}])
    """
    columns, data = found.get("columns"), found.get("data")
    if isinstance(columns, list) and isinstance(data, list):
        return [dict(zip(columns, row, strict=True)) for row in data]
    within = [value for value in found.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    if len(within) == 1:
        return list(within[0])
    values = list(found.values())
    if values and all(isinstance(value, dict) for value in values):
        if all(key.isdigit() for key in found):
            return values
        return list(pd.DataFrame(found).astype(object).to_dict("records"))
    if values and all(isinstance(value, list) and len(value) == len(values[0]) for value in values):  # type: ignore[arg-type]
        return list(pd.DataFrame(found).astype(object).to_dict("records"))
    return [found]
