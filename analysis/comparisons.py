"""Systems compared within a margin: which pairs, Holm's correction over them, and one verdict for each.

A verdict follows the corrected p-values: those of the difference (over all pairs of systems), of non-inferiority and of
equivalence (each over the comparisons of the table).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from analysis.inference import ALPHA, holm
from analysis.margins import within_margin
from analysis.wording import number, p_phrase

NOT_COMPARABLE = "not comparable"
"""Verdict on systems that have no item in common, or too few ratings there."""

BETTER, EQUIVALENT, NO_WORSE, NOT_SHOWN = "better", "equivalent", "no worse", "not shown"
WORSE_WITHIN, WORSE = "worse within the margin", "worse"

VERDICTS = {
    BETTER: "is better than",
    EQUIVALENT: "is equivalent to",
    NO_WORSE: "is no worse than",
    WORSE_WITHIN: "is worse, but by less than the margin, than",
    WORSE: "is worse than",
    NOT_SHOWN: "is not shown to be as good as",
    NOT_COMPARABLE: "cannot be compared with",
}
"""Verdict -> the words for it between two systems."""

P_OF = {
    BETTER: "p_difference_holm",
    EQUIVALENT: "p_equivalent_holm",
    WORSE: "p_difference_holm",
}
"""Verdict -> the column with the p-value that it follows; that of non-inferiority for the others."""

COLUMNS = [
    "system", "against", "difference", "se", "df", "lower", "upper", "p_difference_holm", "p_non_inferior",
    "p_non_inferior_holm", "p_equivalent", "p_equivalent_holm", "verdict", "items",
]  # fmt: skip


def pairs_by_rate(points: pd.DataFrame, contrasts: pd.DataFrame) -> list[tuple[str, str]]:
    """Each system with those of other codecs at the same rate or above, or without a known rate.

    Parameters
    ----------
    points : DataFrame
        See `analysis.rates.points`.
    contrasts : DataFrame
        See `analysis.mixed.MixedModel.contrasts`.

    Returns
    -------
    list of tuple of str
        (system, against). The system has the lower rate; where both have the
        same rate, or one has none that is known, the higher mean.
    """
    differences = _by_pair(contrasts)
    rows = list(points[["condition", "codec", "kbps"]].itertuples(index=False, name=None))
    pairs = []
    for at, (one, codec, kbps) in enumerate(rows):
        for other, other_codec, other_kbps in rows[at + 1 :]:
            if codec == other_codec:
                continue
            known = kbps < other_kbps or kbps > other_kbps
            swap = kbps > other_kbps if known else differences[str(one), str(other)]["difference"] < 0
            pairs.append((str(other), str(one)) if swap else (str(one), str(other)))
    order = {str(name): place for place, (name, *_) in enumerate(rows)}
    return sorted(pairs, key=lambda pair: (order[pair[0]], order[pair[1]]))


def compare(pairs: Sequence[tuple[str, str]], contrasts: pd.DataFrame, margin: float, level: float) -> pd.DataFrame:
    """Test pairs of systems for non-inferiority and equivalence within a margin.

    Parameters
    ----------
    pairs : sequence of tuple of str
        (system, against).
    contrasts : DataFrame
        Their differences, see `analysis.mixed.MixedModel.contrasts`.
    margin : float
        Points, above 0.
    level : float
        Of the one-sided bounds.

    Returns
    -------
    DataFrame
        system, against, difference (system - against), se, df, lower, upper
        (one-sided bounds of the pair alone), p_difference_holm (as in
        `contrasts`), p_non_inferior, p_equivalent, each with Holm's
        correction over the pairs, verdict (a key of `VERDICTS`), items.
    """
    known = _by_pair(contrasts)
    rows = []
    for pair in pairs:
        found = known.get(pair)
        row: dict[str, Any] = {"system": pair[0], "against": pair[1], "items": ""}
        if found is not None and found["difference"] == found["difference"]:
            test = within_margin(found["difference"], found["se"], found["df"], margin, level=level)
            row |= asdict(test) | {"p_difference_holm": found["p_holm"], "items": found["items"]}
        rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS)
    numeric = [name for name in COLUMNS if name not in ("system", "against", "verdict", "items")]
    table[numeric] = table[numeric].astype(float)
    for name in ("p_non_inferior", "p_equivalent"):
        table[f"{name}_holm"] = holm(table[name].to_numpy(float))
    table["verdict"] = [_verdict(row) for row in table.to_dict("records")]
    return table


def _by_pair(contrasts: pd.DataFrame) -> dict[tuple[str, str], Mapping[Hashable, Any]]:
    """Rows by (a, b), and turned round by (b, a)."""
    rows = contrasts.to_dict("records")
    turned = {(row["b"], row["a"]): row | {"difference": -row["difference"]} for row in rows}
    return turned | {(row["a"], row["b"]): row for row in rows}


def _verdict(row: Mapping[Hashable, Any]) -> str:
    if row["difference"] != row["difference"]:
        return NOT_COMPARABLE
    differs = row["p_difference_holm"] < ALPHA
    if differs and row["difference"] > 0:
        return BETTER
    if row["p_non_inferior_holm"] < ALPHA or row["p_equivalent_holm"] < ALPHA:
        if differs:
            return WORSE_WITHIN
        return EQUIVALENT if row["p_equivalent_holm"] < ALPHA else NO_WORSE
    return WORSE if differs else NOT_SHOWN


def sentence(row: Mapping[Hashable, Any], margin: float, where: str, rates: tuple[str, str] = ("", "")) -> str:
    """The verdict of a row of `compare` in words, with the p-value that it follows.

    Parameters
    ----------
    row : mapping
    margin : float
        Points.
    where : str
        For which raters and items it holds, see `analysis.population`.
    rates : tuple of str
        Set behind the names of the system and of the other.
    """
    said = f"{row['system']}{rates[0]} {VERDICTS[row['verdict']]} {row['against']}{rates[1]}"
    if row["verdict"] == NOT_COMPARABLE:
        return f"{said}: they have too few items or ratings in common."
    if row["se"] == 0:
        return f"{said}: their ratings are identical, so that the error of the difference cannot be estimated."
    p = p_phrase(row[P_OF.get(row["verdict"], "p_non_inferior_holm")])
    within = "" if row["verdict"] in (BETTER, WORSE, WORSE_WITHIN) else f" within {margin:g} points"
    return f"{said}{within}: {signed(row['difference'])} points, {p} after Holm's correction, {where}."


def signed(points: float) -> str:
    """A difference with its sign.

    >>> signed(1.23), signed(-0.5)
    ('+1.2', '−0.5')
    """
    return ("+" if points > 0 else "") + number(points)
