"""Which raters are excluded, by rules that have names.

The rules follow the post-screening of assessors in Recommendation ITU-R BS.1534-3 and in published tests; a rater is
excluded if any of the chosen rules says so, and every rule reports its counts for everyone. Nothing is ever
deleted: `Screening.kept` is what the statistics use, the ratings themselves stay as they are.

What is counted is a *trial* (an item, or each presentation of an item that was repeated) in which the rater rated
the condition that the rule asks about. Trials without that rating are in no denominator. Ratings of unfinished
sessions are set aside before any rule unless they are to be kept.

Four rules look at how raters listened instead: `cannot_have_listened`, `too_fast`, `not_heard` and `no_variance`. New
studies of the platform have the first one by default. It needs a column of that name, which the platform fills; the
next two need columns of the export (started_at and rated_at; seconds_heard).

>>> import pandas as pd
>>> from analysis.frame import tidy
>>> def ratings(rater, slips):
...     return [(rater, f"item {i:02}", "Reference", 80 if i < slips else 100) for i in range(20)]
>>> frame = tidy(pd.DataFrame(ratings("ann", 1) + ratings("ben", 3) + ratings("eve", 4),
...                           columns=["rater", "item", "condition", "score"]))
>>> found = screen(frame, ["bs1534_hidden_reference"])
>>> found.excluded
['eve']
>>> found.raters.set_index("rater").loc["eve", "reason"]
'bs1534_hidden_reference: hidden reference below 90 in 4 of 20 trials (20%; allowed: up to 15%)'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.frame import COLUMNS, HIDDEN_REFERENCE, LOW_ANCHOR, MID_ANCHOR, RatingsError, rated, rows_where
from analysis.groups import group
from analysis.order import sorted_raters

UNFINISHED = "session not finished"
"""Start of the reason for raters who did not go through to the end."""

UNRATED = "no rating given"
"""Reason for raters who finished without one rating."""

FAST_SECONDS = 5.0
"""A trial that was rated in less time was rated too fast."""

HEARD_SECONDS = 1.0
"""A stimulus that was played for less time in all was not heard."""

FLAT_POINTS = 2.0
"""Scores with a smaller standard deviation tell nothing apart."""

FLAT_RATINGS = 5
"""Ratings below which equal scores may be chance."""

CANNOT_HAVE_LISTENED = "cannot_have_listened"
MARKED = "marked"
NONE = "none"

DEFAULT_RULES = ("bs1534_hidden_reference", CANNOT_HAVE_LISTENED)
"""Rules that a new study has unless it names others."""

Counts = NDArray[np.int64]
Verdicts = NDArray[np.bool_]
Checks = tuple[pd.DataFrame, list[str]]

_CHECKS = ["rule", "rater", "check", "failed", "of", "share", "excluded", "reason"]
_TRIAL = ["rater", "session", "item", "repeat"]


@dataclass(frozen=True)
class Rule:
    """A named rule.

    Attributes
    ----------
    name : str
    text : str
        What it does, as a sentence.
    roles : tuple of str
        Roles whose ratings it looks at.
    check : callable
        Rated rows of a tidy frame -> frame of the columns rater, check,
        failed, of, excluded, reason, one row per rater and check; and notes.
    lacking : str
        What the ratings of a rater lack whom it could not judge; "" if it
        judges everyone whom there is something to say of.
    columns : tuple of str
        Columns that it needs beside those of every tidy frame.
    """

    name: str
    text: str
    roles: tuple[str, ...]
    check: Callable[[pd.DataFrame], Checks]
    lacking: str = "no rating of what it looks at"
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Screening:
    """What screening found.

    Attributes
    ----------
    rules : tuple of Rule
        Those asked for, in order.
    raters : DataFrame
        rater, n_ratings (given, in all sessions), n_unfinished (sessions not
        finished), excluded, reason. All raters, in natural order.
    checks : DataFrame
        rule, rater, check, failed, of, share, excluded, reason: the counts of
        every rule for every rater whom it could judge, excluded or not.
    kept : DataFrame
        Rows of the tidy frame that the analysis uses, without the columns
        that only rules look at.
    notes : tuple of str
        What a reader must know: rules that could not be applied, items that
        did not count, raters whom a rule could not judge.
    """

    rules: tuple[Rule, ...]
    raters: pd.DataFrame
    checks: pd.DataFrame
    kept: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def excluded(self) -> list[str]:
        """Excluded raters."""
        return list(self.raters.loc[self.raters["excluded"], "rater"])


def default_rules(frame: pd.DataFrame) -> list[str]:
    """Rules where none are asked for: the marks of a file that has a column for them, else the hidden reference's.

    An export carries the exclusions by its study's own rules, also where they
    exclude nobody. Another rule on top would give other results than the
    study's page.
    """
    return [MARKED] if frame["has_marks"].any() else ["bs1534_hidden_reference"]


def screen(frame: pd.DataFrame, rules: Sequence[str] | None = None, *, keep_unfinished: bool = False) -> Screening:
    """Apply named rules.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study.
    rules : sequence of str, optional
        Names out of `RULES`; `default_rules` where not given.
    keep_unfinished : bool
        Analyse sessions that were not finished like the others. By default
        they are set aside with the reason "session not finished": who leaves
        early often does so because of what was heard, and has rated another
        mix of items than the others.

    Returns
    -------
    Screening

    Raises
    ------
    RatingsError
        If there is no rule of a name.
    """
    chosen = _rules(default_rules(frame) if rules is None else rules)
    usable = rated(frame)
    if not keep_unfinished:
        usable = rows_where(usable, usable["finished"])
    reasons: dict[str, list[str]] = {rater: [] for rater in sorted_raters(list(frame["rater"].unique()))}
    without = frame[~frame["rater"].isin(usable["rater"].unique())]
    for rater, rows in without.groupby("rater"):
        reasons[str(rater)].append(_why_nothing_is_left(rows))
    found, notes = [], []
    for rule in chosen:
        absent = [role for role in rule.roles if not (usable["role"] == role).any()]
        if absent and len(absent) == len(rule.roles):
            notes.append(f"{rule.name} was not applied: there is no rating of a {_words(absent)}.")
            continue
        if absent:
            notes.append(f"{rule.name} was applied without the {_words(absent)}, of which there is no rating.")
        absent = [name for name in rule.columns if name not in usable]
        if absent:
            notes.append(f"{rule.name} was not applied: the ratings have no column {' and no column '.join(absent)}.")
            continue
        checks, remarks = rule.check(usable)
        checks = checks.sort_values("rater", key=_places_of(list(reasons)), kind="stable")
        checks.insert(0, "rule", rule.name)
        found.append(checks)
        notes += remarks + _not_judged(rule, checks, usable)
        for row in checks[checks["excluded"]].to_dict("records"):
            reasons[row["rater"]].append(f"{rule.name}: {row['reason']}")
    sessions = frame.loc[~frame["finished"], ["rater", "session"]].groupby("rater")["session"].nunique()
    raters = pd.DataFrame({"rater": list(reasons)})
    raters["n_ratings"] = raters["rater"].map(rated(frame)["rater"].value_counts()).fillna(0).astype(int)
    raters["n_unfinished"] = raters["rater"].map(sessions).fillna(0).astype(int)
    raters["excluded"] = [bool(why) for why in reasons.values()]
    raters["reason"] = ["; ".join(why) for why in reasons.values()]
    out = set(raters.loc[raters["excluded"], "rater"])
    checks = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=_CHECKS)
    checks["share"] = checks["failed"].to_numpy(float) / checks["of"].to_numpy(float)
    kept = rows_where(usable[COLUMNS], ~usable["rater"].isin(out)).reset_index(drop=True)
    return Screening(chosen, raters, checks[_CHECKS], kept, tuple(notes))


def _places_of(raters: Sequence[str]) -> Callable[[pd.Series], pd.Series]:
    places = {rater: place for place, rater in enumerate(raters)}
    return lambda column: column.map(places)


def _words(roles: Sequence[str]) -> str:
    return " or ".join(role.replace("_", " ") for role in roles)


def _rules(names: Sequence[str]) -> tuple[Rule, ...]:
    unknown = [name for name in names if name not in RULES]
    if unknown:
        raise RatingsError(f"There is no screening rule {', '.join(unknown)}. There are: {', '.join(RULES)}.")
    if NONE in names and len(set(names)) > 1:
        raise RatingsError("The screening rule none goes with no other.")
    return tuple(RULES[name] for name in dict.fromkeys(names) if name != NONE)


def _why_nothing_is_left(rows: pd.DataFrame) -> str:
    if rows["finished"].all():
        return UNRATED
    return f"{UNFINISHED} ({rows['score'].notna().sum()} ratings given)"


def _not_judged(rule: Rule, checks: pd.DataFrame, usable: pd.DataFrame) -> list[str]:
    missed = sorted_raters(list(set(usable["rater"].unique()) - set(checks["rater"])))
    if not rule.lacking or not missed:
        return []
    return [f"{rule.name} could not judge {', '.join(missed)}: {rule.lacking}."]


def _count(
    check: str,
    raters: pd.Series,
    failed: pd.Series,
    exceeds: Callable[[Counts, Counts], Verdicts],
    allowed: str,
    of_what: str = "trials",
) -> pd.DataFrame:
    """Verdict of one check on each rater, from whether each trial failed it.

    Parameters
    ----------
    check : str
        What it is, in words.
    raters, failed : Series
        One value per trial: whose it was, and whether it failed.
    exceeds : callable
        Failed and all trials of each rater -> whether the rater is excluded.
    allowed : str
        The border in words.
    of_what : str
        What was counted, where it is not trials.
    """
    of_raters = group(raters)
    n_failed, of = of_raters.sums(failed).astype(int), of_raters.counts()
    reasons = [
        f"{check} in {k} of {n} {of_what} ({100 * k / n:.3g}%; allowed: {allowed})"
        for k, n in zip(n_failed, of, strict=True)
    ]
    columns = {"check": check, "failed": n_failed, "of": of, "excluded": exceeds(n_failed, of), "reason": reasons}
    return pd.DataFrame({"rater": list(raters.iloc[of_raters.first]), **columns})


def _of_role(rows: pd.DataFrame, *roles: str) -> pd.DataFrame:
    return rows.loc[rows["role"].isin(roles), [*_TRIAL, "role", "score"]]


def bs1534_hidden_reference(rows: pd.DataFrame) -> Checks:
    """Hidden reference below 90 in more than 15% of the trials (strict). After BS.1534-3."""
    rows = _of_role(rows, HIDDEN_REFERENCE)
    failed = rows["score"] < 90
    return _count("hidden reference below 90", rows["rater"], failed, lambda k, n: 100 * k > 15 * n, "up to 15%"), []


def bs1534_mid_anchor(rows: pd.DataFrame) -> Checks:
    """Mid anchor above 90 in more than 15% of the trials (strict). After BS.1534-3.

    An item whose mid anchor more than 25% of the raters (of those who rated
    it; strict; a rater's repeats averaged) put above 90 was not degraded
    enough: its trials count as no failure, and stay in the denominator.
    """
    rows = _of_role(rows, MID_ANCHOR)
    above = rows.groupby(["item", "rater"])["score"].mean() > 90
    by_item = above.astype(int).groupby("item").agg(["sum", "size"])
    exempt = [str(item) for item in by_item.index[4 * by_item["sum"] > by_item["size"]]]
    failed = (rows["score"] > 90) & ~rows["item"].isin(exempt)
    notes = [
        f"bs1534_mid_anchor: {', '.join(exempt)} did not count against raters. More than 25% of them gave the mid "
        "anchor there more than 90, so it was not degraded enough."
    ]
    checks = _count("mid anchor above 90", rows["rater"], failed, lambda k, n: 100 * k > 15 * n, "up to 15%")
    return checks, notes if exempt else []


def encodec_2022(rows: pd.DataFrame) -> Checks:
    """Reference below 90 in at least 20% of the trials, or low anchor above 80 in more than 50% (strict).

    Défossez, Copet, Synnaeve, Adi, "High Fidelity Neural Audio Compression", 2022.
    """
    reference, anchor = _of_role(rows, HIDDEN_REFERENCE), _of_role(rows, LOW_ANCHOR)
    low, high = reference["score"] < 90, anchor["score"] > 80
    checks = [
        _count("hidden reference below 90", reference["rater"], low, lambda k, n: 5 * k >= n, "less than 20%"),
        _count("low anchor above 80", anchor["rater"], high, lambda k, n: 2 * k > n, "up to 50%"),
    ]
    return pd.concat(checks, ignore_index=True), []


def mpeg(rows: pd.DataFrame) -> Checks:
    """Any trial with the hidden reference below 90, or not hidden reference >= mid anchor >= low anchor.

    Where one of the three was not rated, the other two are compared.
    """
    roles = [HIDDEN_REFERENCE, MID_ANCHOR, LOW_ANCHOR]
    rows = _of_role(rows, *roles)
    of_trials = group(*(rows[name] for name in _TRIAL))
    trials = rows[["rater"]].iloc[of_trials.first].reset_index(drop=True)
    for role in roles:
        own = (rows["role"] == role).to_numpy()
        trials[role] = rows["score"][own].groupby(of_trials.number[own]).mean()
    reference, mid, low = trials[HIDDEN_REFERENCE], trials[MID_ANCHOR], trials[LOW_ANCHOR]
    slips = trials[reference.notna()]
    # An order takes two; comparisons with a missing score are false, so they break none.
    pairs = trials[trials[roles].notna().sum(axis=1) >= 2]
    broken = ((reference < mid) | (reference < low) | (mid < low)).loc[pairs.index]
    checks = [
        _count("hidden reference below 90", slips["rater"], slips[HIDDEN_REFERENCE] < 90, lambda k, n: k > 0, "none"),
        _count("reference and anchors out of order", pairs["rater"], broken, lambda k, n: k > 0, "none"),
    ]
    return pd.concat(checks, ignore_index=True), []


def too_fast(rows: pd.DataFrame, *, seconds: float = FAST_SECONDS) -> Checks:
    """More than 15% of the trials (strict) rated in less than so many seconds.

    Counted is from when the trial was first shown (`started_at`) to its last
    score (`rated_at`), so that a trial that was left and taken up again counts
    as slow. Trials of which one of the times is not known are in no denominator.
    """
    of_trials = group(*(rows[name] for name in _TRIAL))
    started, ended = (
        pd.to_datetime(rows[name].replace("", None), errors="coerce", utc=True, format="ISO8601")
        for name in ("started_at", "rated_at")
    )
    trials = rows[["rater"]].iloc[of_trials.first].reset_index(drop=True)
    trials["took"] = ended.groupby(of_trials.number).max() - started.groupby(of_trials.number).min()
    trials = trials.dropna()
    failed = trials["took"].dt.total_seconds() < seconds
    check = f"rated within less than {seconds:g} s"
    return _count(check, trials["rater"], failed, lambda k, n: 100 * k > 15 * n, "up to 15%"), []


def not_heard(rows: pd.DataFrame, *, seconds: float = HEARD_SECONDS) -> Checks:
    """More than 15% of the rated stimuli (strict) played for less than so many seconds (`seconds_heard`) in all.

    Stimuli of which the time is not known are in no denominator.
    """
    heard = pd.to_numeric(rows["seconds_heard"].replace("", None), errors="coerce").astype(float)
    known = heard.notna()
    check = f"rated after less than {seconds:g} s of it were heard"
    raters, failed = rows.loc[known, "rater"], heard[known] < seconds
    return _count(check, raters, failed, lambda k, n: 100 * k > 15 * n, "up to 15%", "stimuli"), []


def cannot_have_listened(rows: pd.DataFrame) -> Checks:
    """Raters whose server found that they cannot have listened (column `cannot_have_listened`), with its reason."""
    of_raters = group(rows["rater"], rows[CANNOT_HAVE_LISTENED].fillna("")).first
    found: dict[str, str] = {}
    for rater, why in rows[["rater", CANNOT_HAVE_LISTENED]].fillna("").iloc[of_raters].itertuples(index=False):
        found[rater] = found.get(rater) or str(why)
    reasons = list(found.values())
    columns = {"failed": [int(bool(why)) for why in reasons], "of": 1, "excluded": [bool(why) for why in reasons]}
    check = "found by the server"
    return pd.DataFrame({"rater": list(found), "check": check, **columns, "reason": reasons}), []


def no_variance(rows: pd.DataFrame, *, points: float = FLAT_POINTS) -> Checks:
    """All scores alike, or with a standard deviation (ddof 1) below so many points, hidden reference and anchors too.

    Raters with fewer than 5 ratings are not judged.
    """
    of_raters = group(rows["rater"])
    found = rows["score"].groupby(of_raters.number).agg(["size", "std", "min", "max"])
    found = found.set_index(rows["rater"].iloc[of_raters.first])
    found = found[found["size"] >= FLAT_RATINGS]
    flat = (found["max"] == found["min"]) | (found["std"] < points)
    reasons = [
        f"all {n} scores are {low:g}"
        if low == high
        else f"{n} scores with a standard deviation of {sd:.2f} points (allowed: {points:g} or more)"
        for n, sd, low, high in found.itertuples(index=False)
    ]
    columns = {"failed": flat.to_numpy(int), "of": 1, "excluded": flat.to_numpy(bool), "reason": reasons}
    check = f"standard deviation of scores below {points:g} points"
    return pd.DataFrame({"rater": list(found.index), "check": check, **columns}), []


def marked(rows: pd.DataFrame) -> Checks:
    """Raters whom the file itself marks as excluded (column `excluded` of an export), with the file's reasons.

    The mark "session not finished" is left to `keep_unfinished`.
    """
    found: dict[str, list[str]] = {}
    different = group(rows["rater"], rows["marks"]).first
    for rater, marks in rows[["rater", "marks"]].iloc[different].itertuples(index=False):
        parts = [part.strip() for part in marks.split(";")]
        found.setdefault(rater, []).extend(part for part in parts if part and not part.startswith(UNFINISHED))
    reasons = ["; ".join(dict.fromkeys(parts)) for parts in found.values()]
    columns = {"failed": [int(bool(why)) for why in reasons], "of": 1, "excluded": [bool(why) for why in reasons]}
    return pd.DataFrame({"rater": list(found), "check": "marked in the file", **columns, "reason": reasons}), []


def _none(rows: pd.DataFrame) -> Checks:
    return pd.DataFrame(columns=_CHECKS[1:]), []


RULES = {
    rule.name: rule
    for rule in (
        Rule(
            "bs1534_hidden_reference",
            "Excludes raters who give the hidden reference less than 90 in more than 15% of their trials.",
            (HIDDEN_REFERENCE,),
            bs1534_hidden_reference,
        ),
        Rule(
            "bs1534_mid_anchor",
            "Excludes raters who give the mid anchor more than 90 in more than 15% of their trials. Items on which "
            "more than 25% of the raters do so do not count.",
            (MID_ANCHOR,),
            bs1534_mid_anchor,
        ),
        Rule(
            "encodec_2022",
            "Excludes raters who give the hidden reference less than 90 in at least 20% of their trials, or the low "
            "anchor more than 80 in more than 50%.",
            (HIDDEN_REFERENCE, LOW_ANCHOR),
            encodec_2022,
        ),
        Rule(
            "mpeg",
            "Excludes raters who give the hidden reference less than 90 in any trial, or break the order hidden "
            "reference, mid anchor, low anchor.",
            (HIDDEN_REFERENCE, MID_ANCHOR, LOW_ANCHOR),
            mpeg,
        ),
        Rule(
            CANNOT_HAVE_LISTENED,
            "Excludes raters who cannot have listened: the sounds were never sent or never played, or there was no "
            "time to play them.",
            (),
            cannot_have_listened,
            "",
            (CANNOT_HAVE_LISTENED,),
        ),
        Rule(
            "too_fast",
            f"Excludes raters who rate more than 15% of their trials in less than {FAST_SECONDS:g} s each.",
            (),
            too_fast,
            "it is not known how long their trials took",
            ("started_at", "rated_at"),
        ),
        Rule(
            "not_heard",
            f"Excludes raters who rate more than 15% of the stimuli after playing less than {HEARD_SECONDS:g} s of "
            "each.",
            (),
            not_heard,
            "it is not known how long they heard what they rated",
            ("seconds_heard",),
        ),
        Rule(
            "no_variance",
            "Excludes raters whose scores, hidden reference and anchors included, are all the same or have a standard "
            f"deviation below {FLAT_POINTS:g} points.",
            (),
            no_variance,
            f"fewer than {FLAT_RATINGS} ratings",
        ),
        Rule(MARKED, "Excludes raters that the file of ratings marks as excluded.", (), marked, ""),
        Rule(NONE, "Excludes no rater.", (), _none, ""),
    )
}
"""Rules by name. `marked` takes over the marks in an export; `none` excludes nobody."""
