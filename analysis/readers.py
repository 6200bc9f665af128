"""From files of ratings to the tidy frame. What a file is, its columns say.

Read are CSV (separated by comma, semicolon or tab), JSON (an array of objects, or one object a line) and Parquet,
holding

- our export: `export_results` with rater, clip, condition, score and more,
- a tidy table: rater, item, condition, score and what `analysis.frame.tidy` uses,
- lists in cells: signal, condition, ratings, participant_ids, one row per stimulus,
- results of webMUSHRA and pymushra (`analysis.mushra_files`),
- results of BeaqleJS, a file or a folder of files (`analysis.beaqlejs_files`),
- on request, wide tables (`analysis.wide_tables`).

Text is UTF-8, with or without a byte order mark. Scores may have a decimal comma.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis import beaqlejs_files
from analysis.files import TWICE, decimal_points, read_file, table_of
from analysis.frame import RatingsError, tidy
from analysis.mushra_files import PYMUSHRA, WEBMUSHRA, from_pymushra, from_webmushra
from analysis.wide_tables import from_wide


@dataclass(frozen=True)
class Layout:
    """A table of ratings that can be read.

    Attributes
    ----------
    title : str
        What messages call it.
    columns : frozenset of str
        What tells it from the others: all must be there. None tell a wide
        table.
    spread : callable
        Table -> one row per rating.
    """

    title: str
    columns: frozenset[str]
    spread: Callable[[pd.DataFrame], pd.DataFrame]


def spread_lists(table: pd.DataFrame) -> pd.DataFrame:
    """One row per rating of a table with lists in its cells.

    >>> spread_lists(pd.DataFrame({"signal": ["x"], "condition": ["A"], "ratings": ["[41, 32]"],
    ...                            "participant_ids": ["[2, 11]"]}))
      rater item condition  score
    0     2    x         A     41
    1    11    x         A     32
    """
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


WIDE = "wide"
BEAQLEJS = "beaqlejs"

LAYOUTS = {
    "webmushra": Layout("webMUSHRA", WEBMUSHRA, from_webmushra),
    "pymushra": Layout("pymushra", PYMUSHRA, from_pymushra),
    "export": Layout("export_results", frozenset({"rater", "clip", "condition", "score"}), pd.DataFrame),
    "tidy": Layout("tidy table", frozenset({"rater", "item", "condition", "score"}), pd.DataFrame),
    "lists": Layout("lists in cells", frozenset({"signal", "condition", "ratings", "participant_ids"}), spread_lists),
    WIDE: Layout("wide table", frozenset(), from_wide),
}
"""Tables by the name of their layout, in the order in which they are tried."""

LAYOUT_NAMES = (*LAYOUTS, BEAQLEJS)


def read_ratings(
    path: str | Path, *, roles: Mapping[str, str] | None = None, layout: str | None = None
) -> pd.DataFrame:
    """Read a file of ratings, or a folder of results of BeaqleJS.

    Parameters
    ----------
    path : str or Path
        A .csv, .tsv, .txt, .json, .jsonl or .parquet file, or a folder.
    roles : mapping, optional
        Condition -> role, for files that do not say it.
    layout : str, optional
        One of `LAYOUT_NAMES`. Without it the columns say what the file is; a
        wide table must be named.

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
    if layout is not None and layout not in LAYOUT_NAMES:
        raise RatingsError(f"There is no layout {layout!r}. Layouts: {', '.join(LAYOUT_NAMES)}.")
    try:
        return tidy(_ratings(path, layout), roles=roles)
    except RatingsError as error:
        raise RatingsError(f"{path}: {error}") from error


def _ratings(path: Path, layout: str | None) -> pd.DataFrame:
    if path.is_dir():
        if layout not in (None, BEAQLEJS):
            raise RatingsError(
                "This is not a file but a folder, which only results of BeaqleJS may be in. Name a file."
            )
        return beaqlejs_files.from_folder(path)
    found = read_file(path)
    if isinstance(found, list) and layout in (None, BEAQLEJS) and beaqlejs_files.is_result(found):
        return beaqlejs_files.from_results({path.name: found})
    if layout == BEAQLEJS:
        raise RatingsError("This is no result of BeaqleJS: a JSON array whose objects have a TestID.")
    return spread(table_of(found), layout)


def detect(table: pd.DataFrame) -> Layout:
    """Layout of a table.

    Raises
    ------
    RatingsError
        With the columns found, and those that each layout needs.

    >>> detect(pd.DataFrame(columns=["rater", "clip", "condition", "score"])).title
    'export_results'
    """
    columns = {str(name) for name in table.columns}
    told = [layout for layout in LAYOUTS.values() if layout.columns]
    for layout in told:
        if layout.columns <= columns:
            return layout
    needed = "; or ".join(f"{', '.join(sorted(layout.columns))} ({layout.title})" for layout in told)
    wide = " For a wide table, with a column for each condition, name the layout: wide." if "rater" in columns else ""
    raise RatingsError(
        f"These are not ratings. Columns found: {', '.join(sorted(columns)) or 'none'}. Needed: {needed}.{wide}"
    )


def spread(table: pd.DataFrame, layout: str | None = None) -> pd.DataFrame:
    """One row per rating of a table of any known layout; raises RatingsError."""
    known = LAYOUTS[layout] if layout else detect(table)
    missing = sorted(known.columns - {str(name) for name in table.columns})
    if missing:
        raise RatingsError(
            f"As {known.title} the table lacks {', '.join(missing)}. "
            f"Columns found: {', '.join(map(str, table.columns)) or 'none'}."
        )
    twice = [name for name in table.attrs.get(TWICE, []) if name in known.columns or not known.columns]
    if twice:
        raise RatingsError(f"There are several columns called {', '.join(twice)}. Rename all but one, or remove them.")
    ratings = known.spread(table)
    ratings.attrs = {}
    ratings["score"] = decimal_points(ratings["score"])
    return ratings


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
