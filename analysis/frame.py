"""The tidy frame: one row per rating, checked.

Columns that every frame has after `tidy`: rater, item, condition, role, score, repeat, study, session, finished,
category, spec, weights, kbps, marks, has_marks, role_guessed.

Names are in Unicode's form NFC, so that an "é" typed on a Mac is the same as one typed elsewhere.

>>> import pandas as pd
>>> ratings = pd.DataFrame({
...     "rater": ["ann", "ann", "ben", "ben"], "item": "speech",
...     "condition": ["Reference", "Opus 6"] * 2, "score": [100, 40, 96, 52]})
>>> frame = tidy(ratings)
>>> frame[["rater", "condition", "role", "score"]]
  rater  condition              role  score
0   ann  Reference  hidden_reference  100.0
1   ann     Opus 6            system   40.0
2   ben  Reference  hidden_reference   96.0
3   ben     Opus 6            system   52.0
>>> tidy(ratings.replace({"score": {52: 152}}))
Traceback (most recent call last):
analysis.frame.RatingsError: 1 score lies outside 0 to 100: row 4 (rater ben, item speech, condition Opus 6): 152.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.groups import Groups, group

HIDDEN_REFERENCE = "hidden_reference"
LOW_ANCHOR = "low_anchor"
MID_ANCHOR = "mid_anchor"
SYSTEM = "system"
ROLES = (HIDDEN_REFERENCE, MID_ANCHOR, LOW_ANCHOR, SYSTEM)

FINISHED_STATES = frozenset({"finished", "completed", "complete", ""})
"""Values of `session_state` that mean that the rater went through to the end; empty where it is not recorded."""

KEY = ["study", "rater", "session", "item", "condition", "repeat"]
"""What names one rating: two rows that agree in all of it are a mistake in the data."""

CELL = ["rater", "item", "category", "condition", "role"]
"""What repeats of a rating have in common."""

NOTES = "notes"
"""Among a frame's attributes: what its reader must know of how the file was read."""

SCALE = "scale"
"""Among a frame's attributes: the lower and the upper end of the scale on which the scores were given."""

COLUMNS = [
    *CELL, "score", "repeat", "study", "session", "finished", "spec", "weights", "kbps", "marks", "has_marks",
    "role_guessed",
]  # fmt: skip
"""What every tidy frame has."""

_REQUIRED = ("rater", "item", "condition", "score")
_TEXT = ("study", "session", "category", "spec", "weights", "marks")


class RatingsError(ValueError):
    """Ratings that cannot be analysed; the text says what is wrong, where, and what to do."""


def guess_role(condition: str) -> str:
    """Role of a condition by its name, where the data do not say it.

    A name that is "anchor" and no more is the low anchor, the one that every
    MUSHRA test has.

    >>> [guess_role(name) for name in ("Reference", "hidden_ref", "anchor70", "Low-pass 3.5 kHz", "Anchor", "Opus 12")]
    ['hidden_reference', 'hidden_reference', 'mid_anchor', 'low_anchor', 'low_anchor', 'system']
    """
    name = re.sub(r"[\s_.\-]+", " ", condition).strip().lower()
    if re.fullmatch(r"(hidden )?ref(erence)?|hr", name):
        return HIDDEN_REFERENCE
    if re.fullmatch(
        r"(mid( ?range)? ?anchor|anchor ?(mid|70|7k(hz)?|7 ?khz|7 0)|low ?pass[ @]?7(000| ?k(hz)?)|c70)", name
    ):
        return MID_ANCHOR
    if re.fullmatch(r"(low ?anchor|anchor ?(low|35|3 ?5 ?k(hz)?|3 5)?|low ?pass[ @]?3(500| 5 ?k(hz)?)|c35)", name):
        return LOW_ANCHOR
    return SYSTEM


def tidy(ratings: pd.DataFrame, *, roles: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Check ratings and bring them to one form. A tidy frame comes back unchanged.

    Parameters
    ----------
    ratings : DataFrame
        One row per rating with at least rater, item (or clip), condition and
        score (0 to 100; empty where the rater has not rated yet). Further
        columns are used where they are there: role, study, session,
        session_state, category, spec, weights, kbps, repeat, excluded.
    roles : mapping, optional
        Condition -> role, over what the data say. Roles that neither say are
        guessed from the conditions' names, and `role_guessed` marks them.

    Returns
    -------
    DataFrame
        Rows in their order, index 0..n-1. `score` is float with NaN where
        there is no rating; `finished` is whether the session was; `marks` is
        the export's column `excluded`, and `has_marks` whether there was one.

    Raises
    ------
    RatingsError
        If there are no ratings, a column is missing, a score is no number or
        outside 0 to 100, a role is unknown, a condition has two roles, an item
        two categories, or a rating is there twice without being a repeat.
    """
    frame = ratings.rename(columns=_renames(ratings.columns)).reset_index(drop=True)
    missing = [name for name in _REQUIRED if name not in frame]
    if missing:
        raise RatingsError(f"The ratings have no column {' and no column '.join(missing)}. {_found(ratings)}")
    if frame.empty:
        raise RatingsError("No ratings found: the table has column names but no rows.")
    for name in ("rater", "item", "condition"):
        frame[name] = _names(frame, name)
    if "has_marks" not in frame:
        frame["has_marks"] = "marks" in frame
    nothing = pd.Series("", index=frame.index, dtype=str)
    for name in _TEXT:
        frame[name] = _texts(frame[name]) if name in frame else nothing
    frame["score"] = _scores(frame)
    frame["kbps"] = _numbers(frame, "kbps") if "kbps" in frame else np.nan
    frame["repeat"] = _repeats(frame)
    frame["finished"] = _finished(frame)
    _fill_roles(frame, roles or {})
    _check_one_value(frame, "condition", "role")
    _check_one_value(frame, "item", "category")
    _check_duplicates(frame)
    if frame["score"].isna().all():
        raise RatingsError(f"No ratings found: the score is empty in all {len(frame)} rows.")
    return frame


def one_study(frame: pd.DataFrame, study: str | None = None) -> pd.DataFrame:
    """Rows of one study of a tidy frame; conditions of different studies were never heard together.

    Raises
    ------
    RatingsError
        If there are several and `study` names none, or it names one that is
        not there.
    """
    names = sorted(frame["study"].unique())
    listed = ", ".join(names)
    if study is None:
        if len(names) > 1:
            raise RatingsError(f"The ratings are of {len(names)} studies: {listed}. Choose one (--study NAME).")
        return frame
    if study not in names:
        raise RatingsError(f"No ratings of the study {study!r} found. The table has ratings of: {listed}.")
    return frame[frame["study"] == study].reset_index(drop=True)


def rated(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of a tidy frame that have a score."""
    return rows_where(frame, frame["score"].notna())


def rows_where(frame: pd.DataFrame, chosen: pd.Series) -> pd.DataFrame:
    """Chosen rows of a frame; nothing is copied where that is all of them."""
    return frame.copy(deep=False) if chosen.all() else frame[chosen]


def systems_of(frame: pd.DataFrame) -> pd.DataFrame:
    """What the tests use of a tidy frame: ratings of the systems, repeats one by one."""
    return rows_where(frame[[*CELL, "spec", "score"]], frame["role"] == SYSTEM)


def average_repeats(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per rater, item and condition: the mean over repeats of the trial.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame.

    Returns
    -------
    DataFrame
        rater, item, category, condition, role, score, n_ratings (how many
        ratings the score is the mean of).
    """
    rows, cells = in_cells(frame)
    table = rows[CELL].iloc[cells.first].reset_index(drop=True)
    return table.assign(score=cells.means(rows["score"]), n_ratings=cells.counts())


def in_cells(frame: pd.DataFrame) -> tuple[pd.DataFrame, Groups]:
    """Rows with a score, and what `average_repeats` makes one row of, for those who need no names in it."""
    rows = rated(frame[[*CELL, "score"]])
    return rows, group(*(rows[name] for name in CELL))


def rater_means(frame: pd.DataFrame, conditions: Sequence[str] | None = None) -> pd.DataFrame:
    """Mean score of each rater for each condition, over the items that the rater rated.

    Repeats are averaged first, so an item that was repeated weighs no more
    than another.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame.
    conditions : sequence of str, optional
        Columns wanted, in this order.

    Returns
    -------
    DataFrame, shape (raters, conditions)
        NaN where a rater rated no item of a condition.

    >>> frame = tidy(pd.DataFrame({"rater": list("aaab"), "item": ["x", "x", "y", "x"], "condition": "Opus 6",
    ...                            "score": [10, 20, 45, 50], "repeat": [0, 1, 0, 0]}))
    >>> rater_means(frame)["Opus 6"].to_dict()
    {'a': 30.0, 'b': 50.0}
    """
    rows, cells = in_cells(frame)
    raters, columns = (group(rows[name]) for name in ("rater", "condition"))
    rater, column = raters.over(cells), columns.over(cells)
    both = group(rater, column)
    means = np.full((len(raters), len(columns)), np.nan)
    means[rater.number[both.first], column.number[both.first]] = both.means(cells.means(rows["score"]))
    index = pd.Index(rows["rater"].iloc[raters.first], name="rater")
    names = pd.Index(rows["condition"].iloc[columns.first], name="condition")
    table = pd.DataFrame(means, index=index, columns=names)
    return table if conditions is None else table.reindex(columns=list(conditions))


def _renames(columns: pd.Index) -> dict[str, str]:
    renames = {}
    for new, others in {"item": ("clip", "signal"), "marks": ("excluded",)}.items():
        if new not in columns:
            renames.update({other: new for other in others[:] if other in columns})
    return renames


def _found(ratings: pd.DataFrame) -> str:
    return f"Needed: {', '.join(_REQUIRED)}. Found: {', '.join(map(str, ratings.columns)) or 'no columns'}."


def unified(name: str) -> str:
    """Name in one form: letters with accents have several in Unicode.

    >>> unified("Caf\N{LATIN SMALL LETTER E}\N{COMBINING ACUTE ACCENT} ") == "Café"
    True
    """
    return unicodedata.normalize("NFC", name).strip()


def names_in(values: pd.Series) -> pd.Series:
    """Names of a column in one form; "" where there is none."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")  # a missing cell made 3 into 3.0
    return _texts(values)


def _texts(values: pd.Series) -> pd.Series:
    text = values.astype("string").fillna("")
    numbers, different = pd.factorize(text)
    names = [unified(name) for name in different]
    return text.astype("str") if names == list(different) else _of_each(names, numbers, values.index)


def _names(frame: pd.DataFrame, name: str) -> pd.Series:
    text = names_in(frame[name])
    empty = frame.index[text == ""]
    if len(empty):
        raise RatingsError(f"{_count(len(empty), 'row has', 'rows have')} no {name}: {_rows(empty)}.")
    return text


def _numbers(frame: pd.DataFrame, name: str) -> pd.Series:
    given = frame[name]
    if pd.api.types.is_numeric_dtype(given):
        return given.astype(float)
    text = given.astype("string").str.strip()
    given = given.mask((text == "").fillna(False))
    number = pd.to_numeric(given, errors="coerce").astype(float)
    broken = given.notna() & number.isna()
    if broken.any():
        raise RatingsError(
            f"{_count(int(broken.sum()), f'{name} is', f'values of {name} are')} not a number: "
            f"{_places(frame, broken, text)}."
        )
    return number


def _scores(frame: pd.DataFrame) -> pd.Series:
    score = _numbers(frame, "score")
    outside = score.notna() & ~score.between(0, 100)
    if outside.any():
        raise RatingsError(
            f"{_count(int(outside.sum()), 'score lies', 'scores lie')} outside 0 to 100: "
            f"{_places(frame, outside, frame['score'].astype(str))}."
        )
    return score


def _repeats(frame: pd.DataFrame) -> pd.Series:
    if "repeat" not in frame:
        return pd.Series(0, index=frame.index)
    number = _numbers(frame, "repeat").fillna(0)
    broken = number % 1 != 0
    if broken.any():
        raise RatingsError(
            f"{_count(int(broken.sum()), 'repeat is', 'repeats are')} not a whole number: "
            f"{_places(frame, broken, frame['repeat'].astype(str))}."
        )
    return number.astype(int)


def _finished(frame: pd.DataFrame) -> pd.Series:
    if "finished" in frame:
        return frame["finished"].astype(bool)
    if "session_state" in frame:
        return frame["session_state"].fillna("").astype(str).str.strip().str.lower().isin(FINISHED_STATES)
    return pd.Series(True, index=frame.index)


def _fill_roles(frame: pd.DataFrame, given: Mapping[str, str]) -> None:
    """Set `role` and `role_guessed` from `given`, the data, and the names, in that order."""
    if "role" not in frame:
        frame["role"] = ""
    role = frame["role"].fillna("").astype(str).str.strip()
    given = {unified(condition): role for condition, role in given.items()}
    numbers, conditions = pd.factorize(frame["condition"])
    absent = sorted(set(given) - set(conditions))
    if absent:
        raise RatingsError(
            f"A role is given for {', '.join(absent)}, which the ratings do not have. "
            f"Conditions: {', '.join(sorted(conditions))}."
        )
    if given:
        role = _of_each([given.get(name) for name in conditions], numbers, frame.index).fillna(role)
    guessed = role == ""
    if guessed.any():
        role = role.mask(guessed, _of_each([guess_role(name) for name in conditions], numbers, frame.index))
    frame["role"] = role
    if "role_guessed" not in frame:
        frame["role_guessed"] = guessed
    elif given:
        frame["role_guessed"] &= ~frame["condition"].isin(list(given))
    unknown = sorted(set(frame["role"].unique()) - set(ROLES))
    if unknown:
        raise RatingsError(f"Unknown role: {', '.join(unknown)}. A role is one of {', '.join(ROLES)}.")


def _of_each(texts: Sequence[str | None], numbers: NDArray[np.int64], index: pd.Index) -> pd.Series:
    return pd.Series(pd.array(texts, dtype="str").take(numbers), index=index)


def _check_one_value(frame: pd.DataFrame, of: str, what: str) -> None:
    values = frame.iloc[group(frame["study"], frame[of], frame[what]).first]
    twice = values[values.duplicated(["study", of], keep=False)]
    if len(twice):
        name = twice[of].iloc[0]
        several = " and ".join(repr(value) for value in twice.loc[twice[of] == name, what])
        raise RatingsError(f"The {of} {name} has more than one {what}: {several}. Give it one.")


def _check_duplicates(frame: pd.DataFrame) -> None:
    ratings = group(*(frame[name] for name in KEY))
    if len(ratings) < len(frame):
        twice = pd.Series(True, index=frame.index)
        twice.iloc[ratings.first] = False
        raise RatingsError(
            f"{_count(int(twice.sum()), 'rating is', 'ratings are')} in the table more than once: "
            f"{_places(frame, twice)}. Remove the copies, or number repeated trials in a column `repeat`."
        )


def _count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _rows(index: pd.Index) -> str:
    """Name rows as a person counts them, from 1, without the header."""
    listed = ", ".join(f"row {i + 1}" for i in index[:5])
    return listed + (f" and {len(index) - 5} more" if len(index) > 5 else "")


def _places(frame: pd.DataFrame, where: pd.Series, values: pd.Series | None = None) -> str:
    found = frame.index[where]
    listed = [
        f"row {i + 1} (rater {frame['rater'].iat[i]}, item {frame['item'].iat[i]}, "
        f"condition {frame['condition'].iat[i]})" + ("" if values is None else f": {values.iat[i]}")
        for i in map(int, found[:5])
    ]
    return "; ".join(listed) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
