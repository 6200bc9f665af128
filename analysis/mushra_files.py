"""Result files of webMUSHRA (`mushra.csv`) and pymushra, as columns for `analysis.frame.tidy`.

Both have a row for each stimulus that was rated, and the answers to a questionnaire on all rows of a session. Who
the rater was, `session_uuid` says (pymushra: `questionaire_uuid`). Older files have none; there

- a session begins where the answers change, or a stimulus of a trial comes again;
- its rater is called by its rows, such as "rows 1-12", by which the session can be found in the file. Answers may be
  names or addresses, which have no place in a report. A person who took part twice counts as two raters;
- sessions with the same answers must have the same trials and stimuli. If they do not, nothing says where one ends,
  and the file is refused.

A trial that comes again within a session is a repeat.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.frame import HIDDEN_REFERENCE, LOW_ANCHOR, MID_ANCHOR, RatingsError

STIMULI = {"reference": HIDDEN_REFERENCE, "anchor35": LOW_ANCHOR, "anchor70": MID_ANCHOR}
"""Stimuli that both programs make or name themselves."""

STATE = "evalapp_session_state"
EXCLUDED = "evalapp_excluded"
"""Questionnaire columns that `analysis.writers` adds, so that no rating comes back as one that counts and does not."""

WEBMUSHRA = frozenset({"session_test_id", "trial_id", "rating_stimulus", "rating_score"})
PYMUSHRA = frozenset({"wm_id", "responses_stimulus", "responses_score"})
"""Columns that must be there."""

ANSWER = "questionaire_"
"""What pymushra puts before the name of a question."""


def from_webmushra(table: pd.DataFrame) -> pd.DataFrame:
    """Ratings of a table with the columns of webMUSHRA.

    Parameters
    ----------
    table : DataFrame
        With the columns `WEBMUSHRA` and, if they are there, session_uuid and
        rating_time. What stands between session_test_id and trial_id is the
        questionnaire.

    Returns
    -------
    DataFrame
        study, rater, item, condition, role, score, repeat.

    Raises
    ------
    RatingsError
        If raters cannot be told apart, or a page is there twice.

    >>> table = pd.DataFrame({"session_test_id": "t", "age": ["30", "30", "41", "41"], "trial_id": "speech",
    ...                       "rating_stimulus": ["reference", "C1"] * 2, "rating_score": ["100", "40", "98", "55"]})
    >>> from_webmushra(table)[["rater", "condition", "role", "score"]]
          rater  condition              role score
    0  rows 1-2  reference  hidden_reference   100
    1  rows 1-2         C1                      40
    2  rows 3-4  reference  hidden_reference    98
    3  rows 3-4         C1                      55
    """
    columns = list(table.columns)
    between = columns[columns.index("session_test_id") + 1 : columns.index("trial_id")]
    # Files that were put one after another have their headers in between.
    needed = sorted(WEBMUSHRA)
    header = (table[needed] == needed).all(axis=1)
    names = _Names(
        study="session_test_id",
        session="session_uuid",
        answers=[name for name in between if name not in ("session_uuid", STATE, EXCLUDED)],
        item="trial_id",
        stimulus="rating_stimulus",
        score="rating_score",
        time="rating_time",
        state=STATE,
        excluded=EXCLUDED,
    )
    return _ratings(table[~header], names)


def from_pymushra(table: pd.DataFrame) -> pd.DataFrame:
    """Ratings of a table with the columns of pymushra; as `from_webmushra`.

    Pages of other kinds than MUSHRA are left out.

    Raises
    ------
    RatingsError
        Also if no page is of the type mushra.
    """
    if "wm_type" in table:
        kinds = sorted(set(_text(table["wm_type"])))
        table = table[(_text(table["wm_type"]) == "mushra").to_numpy()]
        if kinds and table.empty:
            raise RatingsError(f"No ratings of MUSHRA pages found. wm_type is: {', '.join(kinds)}.")
    names = _Names(
        study="wm_testId",
        session=f"{ANSWER}uuid",
        answers=[
            name
            for name in table.columns
            if str(name).startswith(ANSWER) and name not in (f"{ANSWER}uuid", f"{ANSWER}{STATE}", f"{ANSWER}{EXCLUDED}")
        ],
        item="wm_id",
        stimulus="responses_stimulus",
        score="responses_score",
        time="responses_time",
        state=f"{ANSWER}{STATE}",
        excluded=f"{ANSWER}{EXCLUDED}",
    )
    return _ratings(table, names)


@dataclass(frozen=True)
class _Names:
    """Names of the columns in a program's table."""

    study: str
    session: str
    answers: list[str]
    item: str
    stimulus: str
    score: str
    time: str
    state: str
    excluded: str


def _ratings(table: pd.DataFrame, names: _Names) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "study": _text(table[names.study]) if names.study in table else "",
            "item": _text(table[names.item]),
            "condition": _text(table[names.stimulus]),
            "score": table[names.score],
            "time": _text(table[names.time]) if names.time in table else "",
        }
    )
    if names.session in table:
        frame.insert(1, "rater", _text(table[names.session]))
        _check_named(frame["rater"], names.session)
    else:
        answers = pd.DataFrame({name: _text(table[name]) for name in names.answers}, index=table.index)
        frame.insert(1, "rater", _sessions(frame, answers, names.session))
    frame["role"] = frame["condition"].map(STIMULI).fillna("")
    frame["repeat"] = _repeats(frame)
    if names.state in table:
        frame["session_state"] = _text(table[names.state])
    if names.excluded in table:
        frame["excluded"] = _text(table[names.excluded])
    return frame.drop(columns="time")[
        ["study", "rater", "item", "condition", "role", "score", "repeat"]
        + [name for name in ("session_state", "excluded") if name in frame]
    ]


def _text(cells: pd.Series) -> pd.Series:
    return cells.astype("string").fillna("").str.strip().astype(object)


def _check_named(raters: pd.Series, column: str) -> None:
    nameless = raters.index[raters == ""]
    if len(nameless):
        raise RatingsError(
            f"Row {nameless[0] + 1} has no {column}. Give each session one, or take the column out of the file: raters "
            "are then told apart by their answers and by trials that begin anew."
        )


@dataclass(frozen=True)
class _Session:
    row: int
    rated: set[tuple[str, str]]


def _sessions(frame: pd.DataFrame, answers: pd.DataFrame, column: str) -> list[str]:
    """Names of the raters, row by row, where no column has them."""
    numbers: list[int] = []
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    sessions: dict[tuple[str, ...], list[_Session]] = {}
    now: tuple[str, ...] | None = None
    given = answers.itertuples(index=False, name=None) if len(answers.columns) else iter([()] * len(frame))
    n = 0
    for row, study, item, stimulus, answered in zip(
        frame.index, frame["study"], frame["item"], frame["condition"], given, strict=True
    ):
        who = (study, *answered)
        if who != now or (item, stimulus) in sessions[who][-1].rated:
            now = who
            n += 1
            sessions.setdefault(who, []).append(_Session(int(row), set()))
        sessions[who][-1].rated.add((item, stimulus))
        numbers.append(n)
        ends[n] = int(row)
        starts.setdefault(n, int(row))
    for who, several in sessions.items():
        for other in several[1:]:
            if other.rated != several[0].rated:
                same = ", ".join(f"{name} {cell!r}" for name, cell in zip(answers.columns, who[1:], strict=True))
                raise RatingsError(
                    f"Raters cannot be told apart: what begins at row {several[0].row + 1} and at row {other.row + 1} "
                    f"has {f'the same answers ({same})' if same else 'no answers to a questionnaire'}, but not the "
                    f"same trials and stimuli. Add a column {column} that has one name for each session."
                )
    return [f"rows {starts[n] + 1}-{ends[n] + 1}" for n in numbers]


def _repeats(frame: pd.DataFrame) -> list[int]:
    """How often the rater had seen the trial before, row by row; a page that was copied is refused."""
    repeats: list[int] = []
    open_pages: dict[tuple[str, str], _Page] = {}
    pages: dict[tuple[str, str, str], list[_Page]] = {}
    columns = (frame[name] for name in ("study", "rater", "item", "condition", "score", "time"))
    for row, study, rater, item, stimulus, score, time in zip(frame.index, *columns, strict=True):
        page = open_pages.get((study, rater))
        if page is None or page.item != item or stimulus in page.scores:
            page = open_pages[study, rater] = _Page(item, int(row), time, {})
            pages.setdefault((study, rater, item), []).append(page)
        page.scores[stimulus] = str(score)
        repeats.append(len(pages[study, rater, item]) - 1)
    for (_, rater, item), shown in pages.items():
        seen: dict[tuple[object, ...], _Page] = {}
        for page in shown:
            what = (page.time, frozenset(page.scores.items()))
            # Two looks at one page never take the same number of milliseconds; files that were merged twice do.
            if page.time and what in seen:
                raise RatingsError(
                    f"Row {page.row + 1} begins a copy of what begins at row {seen[what].row + 1} (rater {rater}, "
                    f"trial {item}): the same scores in the same time. Remove one of them."
                )
            seen[what] = page
    return repeats


@dataclass(frozen=True)
class _Page:
    item: str
    row: int
    time: str
    scores: dict[str, str]
