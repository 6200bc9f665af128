"""Which conclusions of a test change when one item, or one rater, is left out.

A conclusion is the answer to the primary claim, or the verdict on a pair of systems: whether the mixed model shows a
difference after Holm's correction, and, if the study fixed a margin, what the claim says about the pair.

>>> import pandas as pd
>>> from analysis.frame import tidy
>>> noise = lambda rater, item, name: 3 * (rater * item + 2 * rater + (name == "B") * item) % 7
>>> rows = [(f"R{rater}", f"clip {item}", name, 50 + noise(rater, item, name) - 40 * (name == "B") * (item == 3))
...         for rater in range(8) for item in range(4) for name in "AB"]
>>> found = influence(tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"])))
>>> sentences(found)
['A is higher than B. Without the item clip 3, A is not shown to differ from B.']
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.claim import Claim
from analysis.comparisons import NOT_COMPARABLE, VERDICTS, compare
from analysis.frame import SYSTEM, RatingsError, rated
from analysis.inference import ALPHA
from analysis.mixed import Items, MixedModel, Raters, mixed_model
from analysis.order import sorted_raters
from analysis.primary_answer import CANNOT_BE_TESTED, PrimaryAnswer, answer, secondary
from analysis.wording import count

MOST_RATINGS = 100_000
"""Ratings of systems above which nothing is left out."""

MOST_FITS = 2_000
"""Items and raters, times pairs of systems, above which nothing is left out: half a minute for missing ratings."""

MOST_RATINGS_FITTED = 10_000_000
"""Items and raters, times ratings of systems, above which nothing is left out."""

PRIMARY, DIFFERENCE, MARGIN = "primary", "difference", "margin"
"""Kinds of conclusions."""

HIGHER, LOWER, NO_DIFFERENCE = "higher", "lower", "no difference shown"

WORDS = {
    DIFFERENCE: {
        HIGHER: "is higher than",
        LOWER: "is lower than",
        NO_DIFFERENCE: "is not shown to differ from",
        NOT_COMPARABLE: VERDICTS[NOT_COMPARABLE],
    },
    MARGIN: VERDICTS,
}
"""Kind -> verdict -> the words for it between two systems."""

LEFT_OUT = ("item", "rater")

_VERDICTS = ["kind", "a", "b", "difference", "p", "verdict", "items"]


@dataclass(frozen=True, eq=False)
class Influence:
    """Conclusions with all ratings, and without each item and each rater.

    Attributes
    ----------
    n_items, n_raters : int
        How many were left out, one at a time; 0 where none could be.
    conclusions : DataFrame
        kind ("primary", "difference" or "margin"), a, b, difference (a - b,
        points; kbit/s of a primary claim of a rate), p (Holm's of the
        difference; of non-inferiority for the margin, after Holm's correction;
        of the test of the primary claim), verdict,
        items ("random" or "fixed"), and item and rater: the names without
        which the verdict changes, as tuples.
    without : DataFrame
        left_out ("item" or "rater"), name, then the columns of the
        conclusions up to `verdict`, and changes: whether the verdict is
        another than with all ratings.
    notes : tuple of str
        What was not left out, and why.
    """

    n_items: int
    n_raters: int
    conclusions: pd.DataFrame = field(repr=False)
    without: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...]

    @property
    def changes(self) -> pd.DataFrame:
        """Rows of `without` whose verdict changes."""
        return self.without[self.without["changes"]]


def influence(
    frame: pd.DataFrame,
    *,
    items: Items = "random",
    raters: Raters = "random",
    claim: Claim | None = None,
    model: MixedModel | None = None,
    level: float = 0.95,
) -> Influence:
    """Leave out each item, then each rater, and fit the mixed model again.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened.
    items, raters : {"random", "fixed"}
        See `analysis.mixed.mixed_model`.
    claim : Claim, optional
        Of the same ratings. Its primary claim is answered again, and its
        comparisons if it has a margin.
    model : MixedModel, optional
        Of the same ratings, if it is there already.
    level : float
        Confidence of the claim's one-sided bounds.

    Raises
    ------
    analysis.frame.RatingsError
        If the model cannot be fitted, or there is too much to fit.

    Notes
    -----
    Deletion of single cases, and of the change of significance that it brings:
    Cook, Technometrics 19 (1977) 15-18; Nieuwenhuis, te Grotenhuis and Pelzer,
    R Journal 4(2) (2012) 38-47.

    A pair with 5 items that are random would have 4 without one of them, and
    so few are fixed. Its verdict could change for that alone. Such a pair is
    judged without each rater only.
    """
    systems = rated(frame[frame["role"] == SYSTEM])
    names = {kind: sorted_raters([str(name) for name in systems[kind].unique()]) for kind in LEFT_OUT}
    _refuse_too_much(len(systems), sum(map(len, names.values())), math.comb(systems["condition"].nunique(), 2))
    model = model or mixed_model(frame, items=items, raters=raters)
    notes = []
    for kind, fewest in (("item", 2), ("rater", 3)):
        if len(names[kind]) < fewest:
            notes.append(f"{count(len(names[kind]), kind)}: too few to leave one out.")
            names[kind] = []
    whole = verdicts(model.contrasts(level), claim, level)
    if claim and claim.primary:
        whole = pd.concat([_primary_row(claim.primary), whole], ignore_index=True)
    parts = []
    for kind in LEFT_OUT:
        for name in names[kind]:
            rest = frame[frame[kind] != name]
            parts.append(_without(whole, _refitted(rest, items, raters, claim, level, whole), kind, name))
    without = pd.concat(parts, ignore_index=True) if parts else _nothing_left_out(whole)
    fixed = without["verdict"] == ""
    if fixed.any():
        n = without.loc[fixed, ["a", "b"]].drop_duplicates().shape[0]
        notes.append(
            f"{count(n, 'pair')} of systems would have fewer than 5 items without one, which are then fixed. "
            "Such pairs are judged without each rater only."
        )
    without = without[~fixed].reset_index(drop=True)
    for kind in LEFT_OUT:
        whole[kind] = _names_that_change(whole, without[without["left_out"] == kind])
    return Influence(len(names["item"]), len(names["rater"]), whole, without, tuple(notes))


def _refuse_too_much(ratings: int, refits: int, pairs: int) -> None:
    if ratings > MOST_RATINGS or refits * pairs > MOST_FITS or refits * ratings > MOST_RATINGS_FITTED:
        raise RatingsError(
            f"Leaving out each item and each rater would take minutes or more: {refits:,} models of "
            f"{count(pairs, 'pair')} over {ratings:,} ratings. The limits are {MOST_RATINGS:,} ratings, "
            f"{MOST_FITS:,} models of a pair and {MOST_RATINGS_FITTED:,} ratings in all models. Analyse fewer systems "
            "or a part of the ratings."
        )


def verdicts(contrasts: pd.DataFrame, claim: Claim | None, level: float = 0.95) -> pd.DataFrame:
    """The verdict on every pair of systems, and on every comparison of a claim within its margin.

    Parameters
    ----------
    contrasts : DataFrame
        See `analysis.mixed.MixedModel.contrasts`.
    claim : Claim, optional
        It says which systems are compared, and within which margin.
    level : float
        Confidence of the claim's one-sided bounds.

    Returns
    -------
    DataFrame
        kind, a, b, difference, p, verdict, items; see `Influence.conclusions`.
    """
    contrasts = secondary(contrasts, claim.primary.claim if claim and claim.primary else None)
    differences = contrasts.assign(
        kind=DIFFERENCE,
        p=contrasts["p_holm"],
        verdict=[_difference_verdict(row) for row in contrasts.to_dict("records")],
    )
    if claim is None or claim.comparisons.empty:
        return differences[_VERDICTS]
    pairs = list(zip(claim.comparisons["system"], claim.comparisons["against"], strict=True))
    compared = compare(pairs, contrasts, claim.margin, level).rename(
        columns={"system": "a", "against": "b", "p_non_inferior_holm": "p"}
    )
    return pd.concat([differences[_VERDICTS], compared.assign(kind=MARGIN)[_VERDICTS]], ignore_index=True)


def _primary_row(found: PrimaryAnswer) -> pd.DataFrame:
    row = (PRIMARY, found.claim.system, found.claim.against, found.estimate, found.p, found.verdict, found.items)
    return pd.DataFrame([row], columns=_VERDICTS)


def _refitted(
    rest: pd.DataFrame, items: Items, raters: Raters, claim: Claim | None, level: float, whole: pd.DataFrame
) -> pd.DataFrame:
    """The conclusions from a part of the ratings; without pairs whose model cannot be fitted."""
    parts = []
    if claim and claim.primary:
        known = claim.points[claim.points["kbps"] > 0]
        rates = dict(zip(known["condition"], known["kbps"], strict=True))
        parts.append(
            _primary_row(
                answer(claim.primary.claim, rest, items=items, raters=raters, rates=rates, rates_from_names=False)
            )
        )
    try:
        contrasts = mixed_model(rest, items=items, raters=raters).contrasts(level)
    except RatingsError:
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_VERDICTS)
    return pd.concat([*parts, verdicts(_in_order(contrasts, whole), claim, level)], ignore_index=True)


def _difference_verdict(row: Mapping[Hashable, Any]) -> str:
    if math.isnan(row["p_holm"]):
        return NOT_COMPARABLE
    if row["p_holm"] >= ALPHA:
        return NO_DIFFERENCE
    return HIGHER if row["difference"] > 0 else LOWER


def _without(whole: pd.DataFrame, refitted: pd.DataFrame, kind: str, name: str) -> pd.DataFrame:
    """Every conclusion without one item or rater; verdict "" where its items were random and are fixed now."""
    key = ["kind", "a", "b"]
    part = whole[key].merge(refitted, on=key, how="left")
    part[["difference", "p"]] = part[["difference", "p"]].astype(float)
    part[["verdict", "items"]] = part[["verdict", "items"]].fillna({"verdict": NOT_COMPARABLE, "items": ""})
    part["changes"] = part["verdict"].to_numpy() != whole["verdict"].to_numpy()
    no_longer = ((whole["items"] == "random") & (part["items"] == "fixed")).to_numpy()
    part["verdict"] = part["verdict"].mask(no_longer, "")
    part["changes"] &= ~no_longer
    part.insert(0, "left_out", kind)
    part.insert(1, "name", name)
    return part.drop(columns="items")


def _in_order(contrasts: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    """Contrasts with each pair in the order that it has with all ratings."""
    differences = whole[whole["kind"] == DIFFERENCE]
    pairs = set(zip(differences["a"], differences["b"], strict=True))
    turned = [(a, b) not in pairs for a, b in zip(contrasts["a"], contrasts["b"], strict=True)]
    other = contrasts.rename(columns={"a": "b", "b": "a"}).assign(difference=-contrasts["difference"])
    return contrasts.where(~pd.Series(turned, contrasts.index), other[contrasts.columns])


def _nothing_left_out(whole: pd.DataFrame) -> pd.DataFrame:
    empty = whole.iloc[:0].drop(columns="items").assign(changes=False)
    empty.insert(0, "left_out", "")
    empty.insert(1, "name", "")
    return empty


def _names_that_change(whole: pd.DataFrame, without: pd.DataFrame) -> list[tuple[str, ...]]:
    names: dict[tuple[str, str, str], list[str]] = {}
    for row in without[without["changes"]].to_dict("records"):
        names.setdefault((row["kind"], row["a"], row["b"]), []).append(row["name"])
    return [tuple(names.get(key, ())) for key in zip(whole["kind"], whole["a"], whole["b"], strict=True)]


def drivers(found: Influence) -> pd.DataFrame:
    """Items and raters that drive a conclusion: the only one of their kind without which the verdict changes.

    Returns
    -------
    DataFrame
        Rows of `Influence.changes`, with verdict_of_all besides.
    """
    alone = {
        (row["kind"], row["a"], row["b"], left_out): row["verdict"]
        for row in found.conclusions.to_dict("records")
        for left_out in LEFT_OUT
        if len(row[left_out]) == 1
    }
    changes = found.changes
    keys = list(zip(changes["kind"], changes["a"], changes["b"], changes["left_out"], strict=True))
    rows = changes[[key in alone for key in keys]]
    return rows.assign(verdict_of_all=[alone[key] for key in keys if key in alone])


def sentences(found: Influence) -> list[str]:
    """Each conclusion that one item or one rater drives, in words."""
    named = {
        (row["kind"], row["a"], row["b"], row["left_out"]): _statement(row) for row in drivers(found).to_dict("records")
    }
    said = []
    for row in found.conclusions.to_dict("records"):
        key = (row["kind"], row["a"], row["b"])
        alone = [
            f"without {called(kind, row[kind][0])}, {named[*key, kind]}" for kind in LEFT_OUT if (*key, kind) in named
        ]
        if alone:
            said.append(" ".join(f"{part[0].upper()}{part[1:]}." for part in (_statement(row), *alone)))
    return said


def called(kind: str, name: str) -> str:
    """What a sentence calls an item or a rater.

    >>> called("item", "clip 3"), called("rater", "7")
    ('the item clip 3', 'Rater 7')
    """
    return f"Rater {name}" if kind == "rater" else f"the {kind} {name}"


def _statement(row: Mapping[Hashable, Any]) -> str:
    if row["kind"] == PRIMARY:
        verb = "" if row["verdict"] == CANNOT_BE_TESTED else "is "
        return f"the primary claim {verb}{row['verdict']}"
    return f"{row['a']} {WORDS[row['kind']][row['verdict']]} {row['b']}"
