"""Who listened, and how many of those who began are in the results.

From the tables `sessions` and `answers` of an export. Answers in free text are not read, since they may name people.

>>> import pandas as pd
>>> sessions = pd.DataFrame({"rater": ["R1", "R2", "R3"], "session_state": ["finished", "screened_out", "finished"],
...                          "consented_at": "2026-03-01T10:00:00Z", "finished_at": "2026-03-01T10:30:00Z",
...                          "headphones": ["passed", "failed", "passed"]})
>>> found = listeners(ListenerTables(sessions, withdrawn=1), analysed=["R1"])
>>> dict(zip(found.attrition["step"], found.attrition["n"]))["screened out"]
1
>>> found.traits[["trait", "value", "n_analysed", "n_started"]].to_numpy().tolist()
[['headphone test', 'passed', 1, 2], ['headphone test', 'failed', 0, 1]]
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import pandas as pd

FINISHED, SCREENED_OUT, TIMED_OUT = "finished", "screened_out", "timed_out"

NOT_TAKEN = "not taken"
DURATION = "duration, minutes"

_ANSWERS = ["rater", "questionnaire", "occurrence", "question", "kind", "answer"]
_MOBILE = r"Mobi|Android|iPhone|iPad|Tablet"


@dataclass(frozen=True, eq=False)
class ListenerTables:
    """What is known of the listeners of a study.

    Attributes
    ----------
    sessions : DataFrame
        A row for each session, as `export_results --table sessions` writes
        them: rater, session_state, and, where they are there, consented_at,
        finished_at, language, browser, headphones.
    answers : DataFrame, optional
        A row for each answer, as `--table answers` writes them: rater,
        questionnaire, occurrence, question, kind, answer.
    withdrawn : int
        Raters who withdrew; their rows are deleted.
    invited : int, optional
        None where it is not recorded.
    """

    sessions: pd.DataFrame = field(repr=False)
    answers: pd.DataFrame | None = field(default=None, repr=False)
    withdrawn: int = 0
    invited: int | None = None


@dataclass(frozen=True, eq=False)
class Listeners:
    """Who listened.

    Attributes
    ----------
    attrition : DataFrame
        step, n (None where it is not recorded), in order.
    traits : DataFrame
        trait, value, n_analysed, n_started: raters analysed, and raters who
        agreed to take part, by what is known of them.
    amounts : DataFrame
        trait, group ("analysed" or "started"), n, median, least, most: traits
        that are numbers.
    """

    attrition: pd.DataFrame = field(repr=False)
    traits: pd.DataFrame = field(repr=False)
    amounts: pd.DataFrame = field(repr=False)


def listeners(tables: ListenerTables, analysed: Collection[str]) -> Listeners:
    """Count listeners by how far they came, and describe those who agreed to take part.

    Parameters
    ----------
    tables : ListenerTables
    analysed : collection of str
        Raters whose ratings are in the results.

    Notes
    -----
    What a report of a listening test says of its assessors: Recommendation
    ITU-R BS.1534-3, section 11. The steps are those of a flow of participants:
    CONSORT 2010, Schulz, Altman and Moher, BMJ 340 (2010) c332.

    Questionnaires that are asked several times count with their first answer.
    """
    sessions = tables.sessions.assign(rater=tables.sessions["rater"].astype(str))
    state = sessions["session_state"]
    started = sessions[_given(sessions, "consented_at") | (state == FINISHED)]
    finished = set(started.loc[started["session_state"] == FINISHED, "rater"])
    kept = set(map(str, analysed))
    n_of = started["session_state"].value_counts()
    counts = {
        "invited": tables.invited,
        "began": len(sessions) + tables.withdrawn,
        "started": len(started) + tables.withdrawn,
        "screened out": int(n_of.get(SCREENED_OUT, 0)),
        "withdrawn": tables.withdrawn,
        "timed out": int(n_of.get(TIMED_OUT, 0)),
        "left": int(n_of.drop([FINISHED, SCREENED_OUT, TIMED_OUT], errors="ignore").sum()),
        "finished": len(finished),
        "excluded": len(finished - kept),
        "analysed": len(kept),
    }
    attrition = pd.DataFrame({"step": list(counts), "n": pd.Series(list(counts.values()), dtype=object)})
    known, amounts = _of_sessions(started), [_durations(started)]
    if tables.answers is not None:
        answers = tables.answers.assign(rater=tables.answers["rater"].astype(str))
        first = answers[_given(answers, "answer") & (answers["occurrence"].astype(int) == 1)]
        first = first[first["rater"].isin(started["rater"])]
        first = first.assign(trait=first["questionnaire"] + ": " + first["question"], value=first["answer"].astype(str))
        chosen = first[first["kind"].isin(["choice", "likert"])]
        chosen = chosen.assign(value=chosen["value"].str.split(";")).explode("value")
        known = pd.concat([known, chosen[known.columns]], ignore_index=True)
        amounts.append(first.loc[first["kind"] == "number", known.columns])
    return Listeners(attrition, _counted(known, kept), _summed(pd.concat(amounts, ignore_index=True), kept))


def _given(table: pd.DataFrame, column: str) -> pd.Series:
    """Which cells of a column are filled; none if the table has no such column."""
    if column not in table:
        return pd.Series(False, index=table.index)
    return table[column].notna() & (table[column].astype(str) != "")


def _of_sessions(started: pd.DataFrame) -> pd.DataFrame:
    """rater, trait, value: what the sessions themselves say."""
    parts = [pd.DataFrame(columns=["rater", "trait", "value"])]
    if _given(started, "language").any():
        rows = started[_given(started, "language")]
        parts.append(rows[["rater"]].assign(trait="language", value=rows["language"]))
    if _given(started, "browser").any():
        rows = started[_given(started, "browser")]
        mobile = rows["browser"].str.contains(_MOBILE, regex=True)
        device = mobile.map({True: "phone or tablet", False: "computer"})
        parts.append(rows[["rater"]].assign(trait="device of the browser", value=device))
    if _given(started, "headphones").any():
        outcome = started["headphones"].where(_given(started, "headphones"), NOT_TAKEN)
        parts.append(started[["rater"]].assign(trait="headphone test", value=outcome))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _durations(started: pd.DataFrame) -> pd.DataFrame:
    """Minutes from consent to the end of the sessions that were finished."""
    if not {"consented_at", "finished_at"} <= set(started.columns):
        return pd.DataFrame(columns=["rater", "trait", "value"])
    begin, end = (
        pd.to_datetime(started[name].replace("", None), errors="coerce", utc=True)
        for name in ("consented_at", "finished_at")
    )
    minutes = (end - begin).dt.total_seconds() / 60
    done = minutes.notna() & (started["session_state"] == FINISHED)
    return started.loc[done, ["rater"]].assign(trait=DURATION, value=minutes[done])


def _counted(known: pd.DataFrame, kept: Collection[str]) -> pd.DataFrame:
    """Raters by trait and value; traits in the order in which they come, values by how many have them."""
    columns = ["trait", "value", "n_analysed", "n_started"]
    if known.empty:
        return pd.DataFrame(columns=columns)
    counted = known.assign(n_analysed=known["rater"].isin(list(kept)), n_started=1)
    table = counted.groupby(["trait", "value"], sort=False)[["n_analysed", "n_started"]].sum().astype(int).reset_index()
    place = pd.factorize(table["trait"])[0]
    table = table.assign(place=place).sort_values(["place", "n_started"], ascending=[True, False], kind="stable")
    return table[columns].reset_index(drop=True)


def _summed(amounts: pd.DataFrame, kept: Collection[str]) -> pd.DataFrame:
    rows = []
    amounts = amounts.assign(value=pd.to_numeric(amounts["value"], errors="coerce")).dropna(subset=["value"])
    for trait, all_of_them in amounts.groupby("trait", sort=False):
        groups = {"analysed": all_of_them[all_of_them["rater"].isin(list(kept))], "started": all_of_them}
        for group, own in groups.items():
            value = own["value"].astype(float)
            rows.append((trait, group, len(value), value.median(), value.min(), value.max()))
    return pd.DataFrame(rows, columns=["trait", "group", "n", "median", "least", "most"])
