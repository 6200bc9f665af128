"""Whether the claim depends on how raters were screened: under each rule alone, the study's rules, and none.

>>> import pandas as pd
>>> from analysis.frame import tidy
>>> systems = [(rater, item, name, score + 3 * (rater * item % 5) + rater) for rater in range(8) for item in range(6)
...            for name, score in (("Opus 6", 60), ("Lyra 6", 40))]
>>> references = [(rater, item, "Reference", 60 if rater == 7 else 100) for rater in range(8) for item in range(6)]
>>> frame = tidy(pd.DataFrame(references + systems, columns=["rater", "item", "condition", "score"]))
>>> found = screening_sensitivity(frame, ["mpeg"], margin=5)
>>> found.runs[["rules", "n_raters"]].to_numpy().tolist()
[['mpeg (the study), bs1534_hidden_reference, encodec_2022', 7], ['no_variance, none', 8]]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from analysis.claim import Claim, claim
from analysis.frame import RatingsError, rated
from analysis.influence import DIFFERENCE, MARGIN, MOST_RATINGS, PRIMARY, verdicts
from analysis.mixed import Items, Raters
from analysis.primary import PrimaryClaim
from analysis.primary_answer import PrimaryAnswer, answer
from analysis.screening import MARKED, NONE, RULES, Screening, screen

RATE = "rate"
"""Kind of a verdict: whether a codec reaches another system's quality at some rate."""


@dataclass(frozen=True, eq=False)
class ScreeningSensitivity:
    """The claim's verdicts under several screening rules.

    Attributes
    ----------
    runs : DataFrame
        rules, n_raters (analysed), n_excluded, changes (verdicts that differ
        from those under the study's rules), note (why there are no verdicts).
        The study's rules come first. Rules that keep the same raters share a
        row.
    verdicts : DataFrame
        kind ("primary", "margin", "rate"; "difference" if the claim compares
        nothing),
        system, against, rules, value, low, high (points, or kbit/s of a
        rate), verdict, changes.
    notes : tuple of str
        Rules that could not be applied.
    """

    runs: pd.DataFrame = field(repr=False)
    verdicts: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...]


_RUNS = ["rules", "n_raters", "n_excluded", "changes", "note"]
_VERDICTS = ["kind", "system", "against", "value", "low", "high", "verdict"]


def screening_sensitivity(
    frame: pd.DataFrame,
    rules: Sequence[str],
    *,
    keep_unfinished: bool = False,
    items: Items = "random",
    raters: Raters = "random",
    margin: float = float("nan"),
    rates: Mapping[str, float] | None = None,
    rates_from_names: bool = True,
    level: float = 0.95,
    primary: PrimaryClaim | None = None,
) -> ScreeningSensitivity:
    """Test the claim under the study's rules, under each rule alone, and under none.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, not screened.
    rules : sequence of str
        The study's rules, see `analysis.screening.RULES`.
    keep_unfinished : bool
        See `analysis.screening.screen`. It holds under all rules.
    items, raters, margin, rates, rates_from_names, level, primary
        See `analysis.claim.claim`.

    Raises
    ------
    analysis.frame.RatingsError
        If there are more ratings than `analysis.influence.MOST_RATINGS`.

    Notes
    -----
    Analysis under every defensible choice of processing, a multiverse analysis:
    Steegen, Tuerlinckx, Gelman and Vanpaemel, Perspect. Psychol. Sci. 11 (2016)
    702-712.
    """
    if len(rated(frame)) > MOST_RATINGS:
        raise RatingsError(
            f"The claim under each screening rule is computed for up to {MOST_RATINGS:,} ratings; here are "
            f"{len(rated(frame)):,}."
        )
    study = tuple(dict.fromkeys(rules)) or (NONE,)
    alone = [name for name in RULES if name not in (NONE, MARKED) or (name == MARKED and frame["has_marks"].any())]
    notes, names, screened = [], dict[tuple[str, ...], list[str]](), dict[tuple[str, ...], Screening]()
    for chosen in dict.fromkeys([study, *((name,) for name in alone), (NONE,)]):
        found = screen(frame, chosen, keep_unfinished=keep_unfinished)
        refused = [note for note in found.notes if " was not applied: " in note]
        if refused and len(refused) == len(chosen) and chosen != study:
            notes += refused
            continue
        own = f"{' + '.join(chosen)} (the study)" if chosen == study else chosen[0]
        key = tuple(found.excluded)
        names.setdefault(key, []).append(own)
        screened.setdefault(key, found)
    runs: list[tuple[str, int, int, int, str]] = []
    parts: list[pd.DataFrame] = []
    pairs: list[tuple[str, str]] | None = None
    for key, found in screened.items():
        rule_names, note, part = ", ".join(names[key]), "", pd.DataFrame(columns=_VERDICTS)
        try:
            tested = claim(
                found.kept,
                margin=margin,
                items=items,
                raters=raters,
                rates=rates,
                rates_from_names=rates_from_names,
                level=level,
                primary=primary,
                pairs=pairs,
            )
            part = _verdicts(tested)
            pairs = pairs or list(zip(tested.comparisons["system"], tested.comparisons["against"], strict=True))
        except RatingsError as error:
            note = str(error)
            if primary:  # which a study of one system has too
                how = {"items": items, "raters": raters, "rates": rates, "rates_from_names": rates_from_names}
                answered = answer(primary, found.kept, **how)  # type: ignore[arg-type]
                part = pd.DataFrame([_primary(answered)], columns=_VERDICTS)
        part.insert(3, "rules", rule_names)
        part["changes"] = _changes(part, parts[0]) if parts else False
        parts.append(part)
        runs.append((rule_names, len(found.raters) - len(key), len(key), int(part["changes"].sum()), note))
    return ScreeningSensitivity(pd.DataFrame(runs, columns=_RUNS), _by_comparison(parts), tuple(notes))


def _verdicts(found: Claim) -> pd.DataFrame:
    """What the claim says, and what the differences of pairs say if it compares nothing."""
    kinds = [
        found.comparisons.assign(kind=MARGIN, value=found.comparisons["difference"]).rename(
            columns={"lower": "low", "upper": "high"}
        ),
        found.rates.assign(kind=RATE, value=found.rates["kbps"]).rename(
            columns={"codec": "system", "status": "verdict"}
        ),
    ]
    kinds = [table[_VERDICTS] for table in kinds if len(table)]
    if not kinds:
        contrasts = found.contrasts
        table = verdicts(contrasts, None).rename(columns={"a": "system", "b": "against", "difference": "value"})
        kinds = [table.assign(kind=DIFFERENCE, low=contrasts["ci_low"], high=contrasts["ci_high"])[_VERDICTS]]
    if found.primary:
        kinds.insert(0, pd.DataFrame([_primary(found.primary)], columns=_VERDICTS))
    return pd.concat(kinds, ignore_index=True)


def _primary(found: PrimaryAnswer) -> tuple[object, ...]:
    return PRIMARY, found.claim.system, found.claim.against, found.estimate, found.low, found.high, found.verdict


def _changes(part: pd.DataFrame, study: pd.DataFrame) -> list[bool]:
    """Whether each verdict is another than under the study's rules; False where these give none."""
    known = dict(zip(_keys(study), study["verdict"], strict=True))
    return [known.get(key, verdict) != verdict for key, verdict in zip(_keys(part), part["verdict"], strict=True)]


def _keys(table: pd.DataFrame) -> list[tuple[str, str, str]]:
    return list(zip(table["kind"], table["system"], table["against"], strict=True))


def _by_comparison(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of one comparison below each other, in the order of the study's claim."""
    table = pd.concat(parts, ignore_index=True)
    place = pd.factorize(pd.Series(_keys(table), dtype=object))[0]
    return table.iloc[place.argsort(kind="stable")].reset_index(drop=True)
