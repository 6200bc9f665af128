"""Rows to CSV, JSON and Parquet, a block at a time.

Times are ISO 8601 in UTC. In CSV, a text that a spreadsheet would run as a formula
gets an apostrophe before it.

>>> list(csv_lines({"rater": str, "score": int}, [("=SUM(A1)", 80), ("R2", None)]))
['rater,score\\n', "'=SUM(A1),80\\n", 'R2,\\n']
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import BinaryIO

import pyarrow as pa
from pyarrow import parquet

Columns = dict[str, type]
Rows = Iterable[tuple[object, ...]]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet takes a cell for a formula (OWASP, CSV injection)."""
_NUMBER = re.compile(r"-\d+(\.\d+)?")
PARQUET_ROWS = 20_000
PARQUET_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), datetime: pa.timestamp("us", tz="UTC")}


def csv_lines(columns: Columns, rows: Rows) -> Iterator[str]:
    """CSV text, the header first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for row in _with_header(columns, rows):
        writer.writerow([_harmless(_plain(cell)) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def json_lines(columns: Columns, rows: Rows) -> Iterator[str]:
    """One JSON array of objects, an object a line.

    >>> "".join(json_lines({"score": int}, [(80,), (None,)]))
    '[\\n{"score": 80},\\n{"score": null}\\n]\\n'
    """
    separator = "[\n"
    for row in rows:
        cells = {name: _plain(cell) for name, cell in zip(columns, row, strict=True)}
        yield separator + json.dumps(cells, ensure_ascii=False)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def write_parquet(columns: Columns, rows: Rows, file: BinaryIO) -> None:
    """Write Parquet with typed columns to a binary file, in row groups of `PARQUET_ROWS`."""
    schema = pa.schema([(name, PARQUET_TYPES[kind]) for name, kind in columns.items()])
    remaining = iter(rows)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while block := list(islice(remaining, PARQUET_ROWS)):
            arrays = [
                pa.array(cells, field.type) for cells, field in zip(zip(*block, strict=True), schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


TEXT_FORMATS = {"csv": csv_lines, "json": json_lines}
FORMATS = (*TEXT_FORMATS, "parquet")


def _with_header(columns: Columns, rows: Rows) -> Iterator[tuple[object, ...]]:
    yield tuple(columns)
    yield from rows


def _plain(cell: object) -> object:
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return cell


def _harmless(cell: object) -> object:
    formula = isinstance(cell, str) and cell.startswith(FORMULA_STARTS) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if formula else cell
