"""The CSV of a MUSHRA test on GoListen, as columns for `analysis.frame.tidy`.

The format is that of GoListen's published server code. No export of a real study was at hand.

- A row `Tags`; a row `Name,Date` with the title of each example and the questions; a row with the names of the files.
- Then a row for each rater. The scores of an example stand below its files, in their order.

A condition is called by its file, without the ending and without what all files of its example begin or end with.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from os.path import commonprefix

import pandas as pd

from analysis.frame import RatingsError

_AUDIO = re.compile(r"\.(wav|flac|mp3|m4a|aac|ogg|oga|opus|webm|aiff?)$", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TITLE_ENDING = " rating"


def is_golisten(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the rows of a CSV are an export of GoListen.

    >>> is_golisten([["Tags", "", ""], ["Name", "Date", "Speech rating"], ["", "", "a.wav"]])
    True
    """
    return bool(rows) and rows[0][0].strip() == "Tags" and any(row[:2] == ["Name", "Date"] for row in rows[1:3])


def from_golisten(rows: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Ratings in the rows of an export.

    Parameters
    ----------
    rows : sequence of sequences of str
        Cells of the CSV. Rows may have different lengths.

    Returns
    -------
    DataFrame
        rater, item, condition, score. A rater is called by Name, and by Name
        and Date where several rows have one name.

    Raises
    ------
    RatingsError
        If no row names audio files, as in exports of other tests.

    >>> from_golisten([["Tags", "", ""], ["Name", "Date", "Speech rating", ""], ["", "", "reference.wav", "A.wav"],
    ...                ["ann", "2024-05-01 10:00:00", "100", "40"]])
      rater    item  condition score
    0   ann  Speech  reference   100
    1   ann  Speech          A    40
    """
    answers = [row for row in rows if len(row) > 1 and _DATE.match(row[1].strip())]
    headers = rows[: rows.index(answers[0])] if answers else rows
    files = max(headers, key=lambda row: sum(bool(_AUDIO.search(cell.strip())) for cell in row))
    if not any(_AUDIO.search(cell.strip()) for cell in files):
        raise RatingsError("This export of GoListen names no sound files. Only its MUSHRA tests are read.")
    columns = _columns(next(row for row in headers if row[:2] == ["Name", "Date"]), files)
    raters = _raters(answers)
    cells = [
        (rater, item, condition, row[column].strip() if column < len(row) else "")
        for rater, row in zip(raters, answers, strict=True)
        for column, (item, condition) in columns.items()
    ]
    return pd.DataFrame(cells, columns=["rater", "item", "condition", "score"])


def _columns(titles: Sequence[str], files: Sequence[str]) -> dict[int, tuple[str, str]]:
    """Column -> item and condition. A title stands above the first of its files only."""
    examples: dict[int, dict[int, str]] = {}
    first = 0
    for column, cell in enumerate(files):
        if not _AUDIO.search(cell.strip()):
            continue
        if (column < len(titles) and titles[column].strip()) or column - 1 not in examples.get(first, {}):
            first = column
        examples.setdefault(first, {})[column] = _AUDIO.sub("", cell.strip())
    items = {
        first: (titles[first].strip().removesuffix(_TITLE_ENDING) if first < len(titles) else "") or f"example {number}"
        for number, first in enumerate(examples, start=1)
    }
    counts = Counter(items.values())
    items = {first: name if counts[name] == 1 else f"{name} (column {first + 1})" for first, name in items.items()}
    conditions = [list(names.values()) for names in examples.values()]
    short = [_without_common_parts(names) for names in conditions]
    # Files that are called alike in all examples need no shortening: "low.wav" and "lowpass.wav" share "low".
    chosen = conditions if len(set(map(frozenset, conditions))) == 1 else short
    return {
        column: (items[first], condition)
        for (first, names), called in zip(examples.items(), chosen, strict=True)
        for column, condition in zip(names, called, strict=True)
    }


def _without_common_parts(names: Sequence[str]) -> list[str]:
    """Names without the words that all begin or end with.

    >>> _without_common_parts(["speech_ref_16k", "speech_A_16k"]), _without_common_parts(["ref", "A"])
    (['ref', 'A'], ['ref', 'A'])
    """
    before = len(re.sub(r"[^_\-. ]*$", "", commonprefix(list(names))))
    rest = [name[before:] for name in names]
    after = len(re.sub(r"[^_\-. ]*$", "", commonprefix([name[::-1] for name in rest])))
    short = [name[: len(name) - after] for name in rest]
    return short if all(short) and len(set(short)) == len(short) else list(names)


def _raters(answers: Sequence[Sequence[str]]) -> list[str]:
    names = [row[0].strip() for row in answers]
    counts = Counter(names)
    return [
        name if name and counts[name] == 1 else f"{name} {row[1].strip()}".strip()
        for name, row in zip(names, answers, strict=True)
    ]
