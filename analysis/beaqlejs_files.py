"""Result files of BeaqleJS: JSON, one file for each rater, as columns for `analysis.frame.tidy`.

A file is an array with an object for each test set (TestID, Runtime, rating: label of the file -> score), and one for
the rater (UserName). A set that was not shown has no rating.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.files import read_file
from analysis.frame import HIDDEN_REFERENCE, RatingsError

ENDINGS = (".txt", ".json")
"""What BeaqleJS and its web service name their files."""

REFERENCE = "Reference"
"""Label that every test set must have."""


def is_result(found: object) -> bool:
    """Whether JSON is a result of BeaqleJS.

    >>> is_result([{"TestID": "speech", "rating": {"Reference": 100, "1": 40}}, {"UserName": "ann"}])
    True
    >>> is_result([{"rater": "ann", "item": "speech", "condition": "A", "score": 40}])
    False
    """
    return isinstance(found, list) and any(isinstance(part, dict) and "TestID" in part for part in found)


def from_folder(folder: Path) -> pd.DataFrame:
    """Ratings of all result files in a folder; as `from_results`."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
    if not files:
        raise RatingsError(
            "This is not a file of ratings but a folder, and it has no results of BeaqleJS (.txt, .json). Name a file."
        )
    results = {}
    for path in files:
        try:
            found = read_file(path)
        except RatingsError as error:
            raise RatingsError(f"{path.name}: {error}") from error
        if not is_result(found) or not isinstance(found, list):
            raise RatingsError(f"{path.name} is no result of BeaqleJS. Take it out of the folder.")
        results[path.name] = found
    return from_results(results)


def from_results(results: Mapping[str, Sequence[object]]) -> pd.DataFrame:
    """Ratings of raters.

    Parameters
    ----------
    results : mapping
        Name of the file -> what is in it.

    Returns
    -------
    DataFrame
        rater, item, condition, role, score. A rater is called by UserName, or
        by the file where that is empty or several files have it.

    Raises
    ------
    RatingsError
        If a file is no MUSHRA test, has a TestID twice, or is a copy of
        another.

    >>> from_results({"1.txt": [{"TestID": "speech", "rating": {"Reference": 100, "1": 40}}, {"UserName": "ann"}]})
      rater    item  condition              role  score
    0   ann  speech  Reference  hidden_reference    100
    1   ann  speech          1                       40
    """
    _check_copies(results)
    raters = _raters(results)
    rows = [
        (raters[name], item, label, HIDDEN_REFERENCE if label == REFERENCE else "", score)
        for name, parts in results.items()
        for item, rating in _rated(name, parts).items()
        for label, score in rating.items()
    ]
    if not rows:
        raise RatingsError("No ratings found: no test set has a rating.")
    return pd.DataFrame(rows, columns=["rater", "item", "condition", "role", "score"])


def _rated(name: str, parts: Sequence[object]) -> dict[str, dict[str, object]]:
    """Test set -> label -> score."""
    found: dict[str, dict[str, object]] = {}
    for part in parts:
        if not isinstance(part, dict) or ("TestID" not in part and "rating" in part):
            raise RatingsError(f"{name} has something else than test sets with a TestID: {str(part)[:60]}.")
        if "rating" not in part:
            continue  # the rater, or a set that this rater was not shown
        item, rating = str(part["TestID"]), part["rating"]
        if item in found:
            raise RatingsError(f"{name} has the TestID {item} twice. Give each test set a different TestID.")
        if not isinstance(rating, dict):
            raise RatingsError(f"{name}, TestID {item}: rating is {rating!r}, and not a score for each file.")
        for label, score in rating.items():
            if isinstance(score, bool) or not isinstance(score, int | float | None):
                raise RatingsError(f"{name}, TestID {item}, {label}: {score!r} is no score.")
        found[item] = rating
    return found


def _raters(results: Mapping[str, Sequence[object]]) -> dict[str, str]:
    """Name of the file -> name of the rater."""
    users = {name: _user(parts) for name, parts in results.items()}
    counts = Counter(users.values())
    called = {name: user if user and counts[user] == 1 else Path(name).stem for name, user in users.items()}
    counts = Counter(called.values())
    return {name: rater if counts[rater] == 1 else name for name, rater in called.items()}


def _user(parts: Sequence[object]) -> str:
    named = [part["UserName"] for part in parts if isinstance(part, dict) and part.get("UserName")]
    return str(named[-1]).strip() if named else ""


def _check_copies(results: Mapping[str, Sequence[object]]) -> None:
    """Who presses the button twice sends two files; their run times, in milliseconds, are the same."""
    seen: dict[str, str] = {}
    for name, parts in results.items():
        sets = [part for part in parts if isinstance(part, dict) and "Runtime" in part]
        if sets and repr(sets) in seen:
            raise RatingsError(f"{name} is a copy of {seen[repr(sets)]}. Remove one of them.")
        seen[repr(sets)] = name
