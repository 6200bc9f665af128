"""From files of ratings to the tidy frame. What a file is, its columns say.

Read are CSV (separated by comma, semicolon or tab), Excel's .xlsx (the first sheet), JSON (an array of objects, one
object a line, or what pandas writes) and Parquet, holding

- our export: `export_results` with rater, clip, condition, score and more,
- a tidy table: rater, item, condition, score and what `analysis.frame.tidy` uses,
- lists in cells: signal, condition, ratings, participant_ids, one row per stimulus,
- results of webMUSHRA and pymushra (`analysis.mushra_files`),
- results of BeaqleJS, a file or a folder of files (`analysis.beaqlejs_files`),
- MUSHRA tests of GoListen (`analysis.golisten_files`),
- on request, wide tables (`analysis.wide_tables`).

Text is UTF-8, with or without a byte order mark. `analysis.cells` undoes what spreadsheets, R and pandas change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from analysis import beaqlejs_files
from analysis.cells import TWICE, index_columns, restored
from analysis.files import read_file, table_of
from analysis.frame import NOTES, SCALE, RatingsError, names_in, tidy, unified
from analysis.mushra_files import PYMUSHRA, WEBMUSHRA, from_pymushra, from_webmushra
from analysis.scales import Scale, check_scale
from analysis.wide_tables import from_wide
from analysis.wording import listed


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

LEFT_OUT = "left_out"
"""Among a table's attributes: columns of a wide table that were left out."""


@dataclass(frozen=True)
class Reading:
    """How a file of ratings is read.

    Attributes
    ----------
    layout : str, optional
        One of `LAYOUT_NAMES`. Without it the columns say what the file is; a
        wide table must be named.
    columns : mapping
        Name of a column in the file -> name that this package uses.
    without : mapping
        Column out of rater, item, condition -> names whose ratings are left
        out.
    scale : Scale, optional
        The scale of the scores, over the columns scale_min and scale_max.
        Without either it is 0 to 100.
    """

    layout: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    without: Mapping[str, Sequence[str]] = field(default_factory=dict)
    scale: Scale | None = None


def read_ratings(
    path: str | Path,
    *,
    roles: Mapping[str, str] | None = None,
    layout: str | None = None,
    columns: Mapping[str, str] | None = None,
    without: Mapping[str, Sequence[str]] | None = None,
    scale: Scale | None = None,
) -> pd.DataFrame:
    """Read a file of ratings, or a folder of results of BeaqleJS.

    Parameters
    ----------
    path : str or Path
        A .csv, .tsv, .txt, .json, .jsonl, .xlsx or .parquet file, also
        compressed as .gz, or a folder.
    roles : mapping, optional
        Condition -> role, for files that do not say it.
    layout, columns, without, scale
        See `Reading`.

    Returns
    -------
    DataFrame
        Tidy frame, see `analysis.frame.tidy`, with scores in points: 0 is the
        lower end of the scale and 100 the upper. Its attributes have `SCALE`,
        and `NOTES`: what a reader of the analysis must know.

    Raises
    ------
    RatingsError
        If the file is not there, cannot be read, has none of the known
        layouts, or its ratings fail the checks of `tidy` or cannot be on the
        scale.
    """
    path = Path(path)
    if layout is not None and layout not in LAYOUT_NAMES:
        raise RatingsError(f"There is no layout {layout!r}. Layouts: {', '.join(LAYOUT_NAMES)}.")
    reading = Reading(layout, columns or {}, without or {}, scale)
    notes: list[str] = []
    try:
        ratings = _without(_ratings(path, reading, notes), reading.without, notes)
        ratings, found = _in_points(ratings, reading.scale, notes)
        frame = tidy(ratings, roles=roles)
    except RatingsError as error:
        raise RatingsError(f"{path}: {error}") from error
    notes += [
        f"One {name} is called NA. If a missing {name} is meant, correct the file."
        for name in ("rater", "item", "condition")
        if (frame[name] == "NA").any()
    ]
    frame.attrs = {NOTES: tuple(notes), SCALE: (found.low, found.high)}
    return frame


def _ratings(path: Path, reading: Reading, notes: list[str]) -> pd.DataFrame:
    if path.is_dir():
        if reading.layout not in (None, BEAQLEJS):
            raise RatingsError(
                "This is not a file but a folder, which only results of BeaqleJS may be in. Name a file."
            )
        return beaqlejs_files.from_folder(path)
    found = read_file(path)
    if isinstance(found, list) and reading.layout in (None, BEAQLEJS) and beaqlejs_files.is_result(found):
        return beaqlejs_files.from_results({path.name: found})
    if reading.layout == BEAQLEJS:
        raise RatingsError("This is no result of BeaqleJS: a JSON array whose objects have a TestID.")
    return spread(restored(table_of(found), reading.columns), reading, notes)


def _without(ratings: pd.DataFrame, names: Mapping[str, Sequence[str]], notes: list[str]) -> pd.DataFrame:
    """Ratings without those of some raters, items or conditions."""
    kept = pd.Series(True, index=ratings.index)
    for column, left_out in names.items():
        if not left_out:
            continue
        among = names_in(ratings[_column(ratings, column)])
        chosen = {unified(name) for name in left_out}
        absent = sorted(chosen - set(among) - {unified(name) for name in ratings.attrs.get(LEFT_OUT, ())})
        if absent:
            raise RatingsError(f"There is no {column} {listed(absent)}. There are: {listed(sorted(set(among)))}.")
        kept &= ~among.isin(chosen)
        notes.append(f"Left out by request: the {column} {listed(sorted(chosen))}.")
    return ratings[kept].reset_index(drop=True)


def _column(ratings: pd.DataFrame, name: str) -> str:
    """Column of the items, which has several names; others have one."""
    return next((other for other in ("item", "clip", "signal") if other in ratings), name) if name == "item" else name


def _in_points(ratings: pd.DataFrame, declared: Scale | None, notes: list[str]) -> tuple[pd.DataFrame, Scale]:
    """Scores in points, and the scale that they were given on."""
    text = ratings["score"].astype("string").str.strip()
    scores = pd.to_numeric(text.mask(text == ""), errors="coerce").astype(float)
    if (scores.isna() & text.fillna("").ne("")).any() or scores.isna().all():
        return ratings, declared or Scale()  # `tidy` says where
    scale, known = declared or Scale(), declared is not None
    if declared is None and {"scale_min", "scale_max"} <= set(ratings.columns):
        ends = ratings[["scale_min", "scale_max"]].apply(pd.to_numeric, errors="coerce").dropna().drop_duplicates()
        if len(ends) > 1:
            raise RatingsError("The ratings have several scales (scale_min, scale_max). Analyse each by itself.")
        if len(ends):
            scale, known = Scale(*map(float, ends.iloc[0])), True
    names = ratings[["rater", _column(ratings, "item"), "condition"]]
    check_scale(
        scores,
        scale,
        declared=known,
        place=lambda row: "Rater {}, item {}, condition {}".format(*names.iloc[[row]].astype(str).iloc[0]),
    )
    if not scale.is_points:
        notes.append(
            f"Scores were given from {scale}. They are shown in points: {scale.low:g} is 0, {scale.high:g} is 100, and "
            f"one unit of the scale is {scale.points:g} points."
        )
        ratings = ratings.assign(score=scale.in_points(scores))
    return ratings.drop(columns=["scale_min", "scale_max"], errors="ignore"), scale


def detect(table: pd.DataFrame) -> Layout:
    """Layout of a table.

    Raises
    ------
    RatingsError
        With the columns found, and what is needed.

    >>> detect(pd.DataFrame(columns=["rater", "clip", "condition", "score"])).title
    'export_results'
    """
    columns = {str(name) for name in table.columns}
    for layout in LAYOUTS.values():
        if layout.columns and layout.columns <= columns:
            return layout
    wide = " For a wide table, with a column for each condition, name the layout: wide." if "rater" in columns else ""
    raise RatingsError(
        f"These are not ratings. Columns found: {listed(sorted(columns)) or 'none'}. Needed: rater, item, condition, "
        f"score. Name columns that are called otherwise: --columns OLD=NEW.{wide}"
    )


def spread(table: pd.DataFrame, reading: Reading, notes: list[str]) -> pd.DataFrame:
    """One row per rating of a table of any known layout; raises RatingsError."""
    known = LAYOUTS[reading.layout] if reading.layout else detect(table)
    missing = sorted(known.columns - {str(name) for name in table.columns})
    if missing:
        raise RatingsError(
            f"As {known.title} the table lacks {', '.join(missing)}. "
            f"Columns found: {listed([*map(str, table.columns)]) or 'none'}."
        )
    twice = [name for name in table.attrs.get(TWICE, []) if name in known.columns or not known.columns]
    if twice:
        raise RatingsError(f"There are several columns called {', '.join(twice)}. Rename all but one, or remove them.")
    if known.columns:
        ratings = known.spread(table)
        ratings.attrs = {}
        return ratings
    indexes = index_columns(table)
    if indexes:
        names = listed([name or "without a name" for name in indexes])
        notes.append(f"Left out: the column {names}, which numbers the rows and is no condition.")
    others = [*reading.without.get("condition", ()), *indexes]
    return _wide(table, others)


def _wide(table: pd.DataFrame, others: Sequence[str]) -> pd.DataFrame:
    ratings = from_wide(table, others)
    ratings.attrs = {LEFT_OUT: tuple(name for name in others if name in table.columns)}
    return ratings


def _list(cell: object, number: int, column: str) -> list[object]:
    """Cell of a table as a list; Parquet gives arrays, CSV gives their text."""
    if isinstance(cell, str):
        text = re.sub(r"(?<![\w'\"])(?:NA|NaN|nan|N/A)(?![\w'\"])", "null", cell).replace("'", '"')
        try:
            cell = json.loads(text)
        except json.JSONDecodeError as error:
            raise RatingsError(f"Row {number}: {column} is not a list such as [41, 32]: {cell!r}.") from error
    elif hasattr(cell, "tolist"):
        cell = cell.tolist()
    if not isinstance(cell, list):
        raise RatingsError(f"Row {number}: {column} is not a list such as [41, 32]: {cell!r}.")
    return cell
