"""How far the figures of `analysis` lie from those of programs by others, on three studies.

    python benchmarks/agreement.py

The studies are those of the tests: a published one, a drawn one that is complete, and a drawn one of which 30% of the
ratings are missing. R is asked through the scripts of tests/analysis/r (packages lme4, lmerTest, emmeans, ordinal,
glmmTMB); pingouin, scipy and statsmodels are asked here. Prints a Markdown table of the largest differences, relative
where nothing else is said. The bounded model is compared on other studies, with scores at both ends of the scale.
statsmodels' MixedLM takes minutes on these studies and is asked about a smaller one.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pingouin
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from analysis import crossed  # noqa: E402
from analysis.agreement import intraclass, stimuli  # noqa: E402
from analysis.anova import repeated_measures  # noqa: E402
from analysis.bounded import bounded_model  # noqa: E402
from analysis.inference import friedman, system_matrix, wilcoxon_pairs  # noqa: E402
from analysis.mixed import mixed_model, model_of  # noqa: E402
from analysis.ordinal import ordinal_model  # noqa: E402
from analysis.simulation import Components, Plan, as_frame, draw_scores  # noqa: E402
from analysis.threads import blas_threads  # noqa: E402
from tests.analysis.conftest import STUDIES, asked, missing_r  # noqa: E402
from tests.analysis.test_against_r import AT_THE_ENDS, FEWER, both_ways  # noqa: E402
from tests.analysis.test_anova import long  # noqa: E402
from tests.analysis.test_ordinal import in_bands, likelihood_errors  # noqa: E402

Ask = Callable[..., dict[str, pd.DataFrame]]
Rows = dict[tuple[str, str, str], float]
"""(figure, program by others, what the tests ask for) -> largest difference."""


def apart(ours, theirs) -> float:
    """Largest relative difference."""
    ours, theirs = np.atleast_1d(np.asarray(ours, float)), np.atleast_1d(np.asarray(theirs, float))
    assert ours.shape == theirs.shape
    assert len(ours)
    return float((np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-300)).max())


def of_largest(ours, theirs) -> float:
    """Largest difference relative to the largest figure, for figures around 0."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def points(ours, theirs) -> float:
    """Largest difference as it is."""
    return float(np.abs(np.asarray(ours, float) - np.asarray(theirs, float)).max())


def mixed(frame: pd.DataFrame, ask: Ask) -> Rows:
    rows: Rows = {}
    for items in ("random", "fixed"):
        theirs = ask("mixed.R", frame[["rater", "item", "condition", "score"]], items)
        model = mixed_model(frame, items=items)
        means = model.means(error="pooled").merge(theirs["means"], on="condition")
        other = theirs["contrasts"].assign(pair=theirs["contrasts"]["contrast"].str.replace("[()]", "", regex=True))
        pairs = both_ways(model.contrasts(error="pooled")).merge(other, on="pair")
        assert (len(means), len(pairs)) == (len(model.conditions), len(model.contrasts()))
        ours = dict(zip(model.components["term"], model.components["variance"], strict=True))
        variances = theirs["components"].set_index(theirs["components"]["grp"].str.lower())["vcov"]
        reml = theirs["reml"]["reml"].item()
        by = "R lme4, lmerTest, emmeans"
        found = {
            ("means", "1e-6"): apart(means["mean"], means["emmean"]),
            ("means, standard errors", "1e-5"): apart(means["se"], means["SE"]),
            ("means, degrees of freedom", "1e-4"): apart(means["df_x"], means["df_y"]),
            ("contrasts, of the largest", "1e-5"): of_largest(pairs["difference"], pairs["estimate"]),
            ("contrasts, standard errors", "1e-5"): apart(pairs["se"], pairs["SE"]),
            ("contrasts, degrees of freedom", "1e-4"): apart(pairs["df_x"], pairs["df_y"]),
            ("contrasts, p, absolute", "1e-5"): points(pairs["p"], pairs["p.plain"]),
            ("contrasts, p after Holm, absolute", "1e-5"): points(pairs["p_holm"], pairs["p.value"]),
            ("variance components", "1e-4"): apart([ours[name] for name in variances.index], variances),
            ("REML criterion, absolute", "1e-5"): points(model.fit.deviance, reml),
        }
        rows |= {(f"pooled model, items {items}: {what}", by, asked): value for (what, asked), value in found.items()}
    return rows


def alone(frame: pd.DataFrame, ask: Ask) -> Rows:
    """Each pair of conditions, and each condition, fitted to its own ratings."""
    rows: Rows = {}
    for items in ("random", "fixed"):
        theirs = ask("pairs.R", frame[["rater", "item", "condition", "score"]], items)
        by = "R lme4, lmerTest, emmeans"
        fits = []
        for a, b in zip(theirs["pairs"]["a"], theirs["pairs"]["b"], strict=True):
            of_two = mixed_model(frame[frame["condition"].isin([a, b])], items=items)
            found = model_of(of_two.cells, of_two.conditions, crossed.TERMS)
            fits.append((*found.estimate(found.weights({a: 1.0, b: -1.0})), found.fit.deviance))
        ours = np.array(fits).T
        of_pairs = theirs["pairs"]
        means = mixed_model(frame, items=items).means().merge(theirs["alone"], on="condition", suffixes=("", "_r"))
        found_rows = {
            ("pairs by lme4's formula, of the largest", "1e-4"): of_largest(ours[0], of_pairs["estimate"]),
            ("pairs by lme4's formula, standard errors", "1e-4"): apart(ours[1], of_pairs["se"]),
            ("pairs by lme4's formula, degrees of freedom", "1e-3"): apart(ours[2], of_pairs["df"]),
            ("pairs by lme4's formula, REML criterion, absolute", "1e-4"): points(ours[3], of_pairs["reml"]),
            ("means from their ratings alone", "1e-6"): apart(means["mean"], means["mean_r"]),
            ("means from their ratings alone, standard errors", "1e-4"): apart(means["se"], means["se_r"]),
            ("means from their ratings alone, degrees of freedom", "1e-3"): apart(means["df"], means["df_r"]),
        }
        rows |= {(f"{what}, items {items}", by, asked): value for (what, asked), value in found_rows.items()}
    return rows


def fewer(frame: pd.DataFrame, ask: Ask) -> Rows:
    """Fixed raters, one rater, one item: pairs by their own ratings inside the limits of lme4, and the pooled model."""
    rows: Rows = {}
    for name, (part, items, raters) in FEWER.items():
        ratings = part(frame)
        theirs = ask("fixed_raters.R", ratings[["rater", "item", "condition", "score"]], items, raters)
        model = mixed_model(ratings, items=items, raters=raters)
        pairs = both_ways(model.contrasts()).merge(theirs["pairs"], on=["a", "b"], suffixes=("", "_r"))
        pooled = both_ways(model.contrasts(error="pooled")).merge(theirs["pooled"], on=["a", "b"], suffixes=("", "_r"))
        by = "R lm" if name == "both fixed" else "R lme4, lmerTest, emmeans"
        for what, table in (("pairs", pairs[pairs["smallest_sd"] > 0.01]), ("pooled model", pooled)):
            rows |= {
                (f"{name}: {what}, of the largest", by, "1e-5"): of_largest(table["difference"], table["estimate"]),
                (f"{name}: {what}, standard errors", by, "1e-4"): apart(table["se"], table["se_r"]),
                (f"{name}: {what}, degrees of freedom", by, "1e-4"): apart(table["df"], table["df_r"]),
            }
    return rows


def ordinal(frame: pd.DataFrame, ask: Ask) -> Rows:
    rows: Rows = {}
    for interactions in (False, True):
        theirs = ask("ordinal.R", in_bands(frame), *(["interactions"] if interactions else []))
        found = ordinal_model(frame, interactions=interactions)
        fit = theirs["ordinal_fit"].set_index("name")["value"]
        table = theirs["ordinal"].set_index("name")
        effects = table[table.index.str.startswith("condition")]
        effects.index = effects.index.str.removeprefix("condition")
        base = (set(found.conditions) - set(effects.index)).pop()
        pairs = both_ways(found.contrasts().rename(columns={"log_odds": "difference"}))
        pairs = pairs[pairs["b"] == base].set_index("a").loc[effects.index]
        errors = pd.Series(likelihood_errors(found, base))[effects.index]
        terms = [term.replace(":", "_") for term in found.components["term"]]
        name, by = f"ordinal model, {'interactions' if interactions else 'none'}: ", "R ordinal (clmm)"
        rows |= {
            (name + "thresholds, of the largest", by, "1e-3"): of_largest(
                found.thresholds, table["Estimate"].to_numpy()[: len(found.thresholds)]
            ),
            (name + "effects, of the largest", by, "1e-3"): of_largest(pairs["difference"], effects["Estimate"]),
            (name + "effects, standard errors by maximum likelihood", by, "1e-3"): apart(errors, effects["Std..Error"]),
            (name + "standard deviations, absolute", by, "2e-3"): points(found.components["sd"], fit[terms]),
            (name + "log likelihood, absolute", by, "2e-3"): points(found.log_likelihood, fit["logLik"]),
        }
    return rows


def repeated(frame: pd.DataFrame, ask: Ask) -> Rows:
    found, wide = repeated_measures(frame), system_matrix(frame).dropna()
    theirs = pingouin.rm_anova(
        long(frame),
        dv="score",
        within="condition",
        subject="rater",
        correction=True,
        detailed=True,
        effsize="np2",
    ).iloc[0]
    sphericity = pingouin.sphericity(wide)
    name, by = "repeated measures: ", "pingouin"
    return {
        (name + "F", by, "1e-9"): apart(found.f, theirs["F"]),
        (name + "p", by, "1e-6"): apart([found.p, found.p_gg], [theirs["p_unc"], theirs["p_GG_corr"]]),
        (name + "epsilons", by, "1e-9"): apart(
            [found.epsilon_gg, found.epsilon_hf], [theirs["eps"], pingouin.epsilon(wide, correction="hf")]
        ),
        (name + "Mauchly's W", by, "1e-9"): apart(found.mauchly_w, sphericity.W),
        (name + "Mauchly's p, absolute", by, "1e-3"): points(found.mauchly_p, sphericity.pval),
    }


def icc(frame: pd.DataFrame, ask: Ask) -> Rows:
    if len(stimuli(frame).dropna()) < 2:  # those that four raters of the first have in common
        frame = frame[frame["rater"].isin(stimuli(frame).iloc[0].dropna().index[:4])]
    whole = stimuli(frame).dropna()
    table = whole.reset_index(drop=True).rename_axis("stimulus").reset_index().melt("stimulus", var_name="rater")
    theirs = pingouin.intraclass_corr(table, targets="stimulus", raters="rater", ratings="value").set_index("Type")
    ours = [each.value for each in intraclass(frame)]
    return {("ICC(A,1), ICC(A,k)", "pingouin", "1e-9"): apart(ours, theirs.loc[["ICC(A,1)", "ICC(A,k)"], "ICC"])}


def ranks(frame: pd.DataFrame, ask: Ask) -> Rows:
    matrix = system_matrix(frame).dropna()
    found, theirs = friedman(frame), stats.friedmanchisquare(*(matrix[name] for name in matrix))
    pairs = wilcoxon_pairs(frame)
    rows, p, ours = [], [], []
    for row in pairs.itertuples():
        two = system_matrix(frame)[[row.a, row.b]].dropna()
        d = (two[row.a] - two[row.b]).round(9)
        if d.abs().nunique() == len(d) and (d != 0).all():  # for ties neither has the exact distribution
            p.append(stats.wilcoxon(d, method="exact").pvalue)
            ours.append(row)
            rows += [(f"{len(p):03}", a, b) for a, b in two.to_numpy()]
    shifts = ask("shift.R", pd.DataFrame(rows, columns=["pair", "a", "b"]))["shift"]
    shifts = shifts.sort_values("pair")
    return {
        ("Friedman: statistic", "scipy", "1e-6"): apart(found.statistic, theirs.statistic),
        ("Friedman: p", "scipy", "1e-6"): apart(found.p, theirs.pvalue),
        ("Wilcoxon: p, pairs without ties", "scipy, R", "1e-9"): max(
            apart([row.p for row in ours], p), apart([row.p for row in ours], shifts["p"])
        ),
        ("Hodges and Lehmann: shift and interval, points", "R wilcox.test", "1e-6"): points(
            [[row.shift, row.shift_low, row.shift_high] for row in ours], shifts[["shift", "low", "high"]]
        ),
    }


def statsmodels() -> dict[str, float]:
    """The mixed model by MixedLM on 8 raters, 6 items and 3 conditions, the interactions as variance components."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    plan = Plan(8, 6, {"A": 45.0, "B": 55.0, "C": 65.0}, Components(80, 60, 30, 72, 200))
    frame = as_frame(draw_scores(plan, np.random.default_rng(1)), plan)
    data = frame.assign(one=1, rc=frame["rater"] + frame["condition"], ic=frame["item"] + frame["condition"])
    parts = {name: f"0 + C({name})" for name in ("ic", "item", "rater", "rc")}
    theirs = MixedLM.from_formula("score ~ 0 + condition", groups="one", vc_formula=parts, data=data).fit(
        reml=True, method="lbfgs", gtol=1e-9, maxiter=1000
    )
    model = mixed_model(frame)
    ours = dict(zip(model.components["term"], model.components["variance"], strict=True))
    names = ("item:condition", "item", "rater", "rater:condition")
    return {
        "means": apart(model.means(error="pooled")["mean"], theirs.fe_params),
        "standard errors": apart(model.means(error="pooled")["se"], theirs.bse_fe),
        "variance components": apart(
            [*(ours[name] for name in names), ours["residual"]], [*theirs.vcomp, theirs.scale]
        ),
        "restricted log likelihood, absolute": points(-model.fit.deviance / 2, theirs.llf),
    }


def bounded(frame: pd.DataFrame, ask: Ask) -> Rows:
    """The bounded model of ratings with scores at both ends."""
    theirs = ask("bounded.R", frame[["rater", "item", "condition", "score"]])
    found = bounded_model(frame)
    fit = theirs["bounded_fit"].set_index("name")["value"]
    effects = theirs["bounded"].set_index("condition").loc[list(found.conditions)]
    name, by = "bounded model: ", "R glmmTMB"
    return {
        (name + "effects, absolute", by, "1e-4"): points(found.effects, effects["estimate"]),
        (name + "effects, standard errors", by, "1e-4"): apart(np.sqrt(np.diag(found.cov)), effects["se"]),
        (name + "cutpoints", by, "1e-4"): apart(found.cutpoints, fit[["low", "high"]]),
        (name + "precision", by, "1e-4"): apart(found.precision, fit["precision"]),
        (name + "standard deviations", by, "1e-3"): apart(found.components["sd"], fit[found.components["term"]]),
        (name + "restricted log likelihood, absolute", by, "1e-4"): points(found.log_likelihood, fit["logLik"]),
    }


PARTS = (alone, mixed, fewer, ordinal, repeated, icc, ranks)


def compared(frame: pd.DataFrame, parts: Sequence[Callable[[pd.DataFrame, Ask], Rows]] = PARTS) -> Rows:
    """Largest differences of all figures of a study."""

    def ask(script: str, table: pd.DataFrame, *options: str) -> dict[str, pd.DataFrame]:
        with tempfile.TemporaryDirectory() as folder:
            return asked(Path(folder), script, table, *options)

    rows: Rows = {}
    for part in parts:
        rows |= part(frame, ask)
        print(".", end="", file=sys.stderr, flush=True)
    return rows


def print_table(columns: Mapping[str, Rows]) -> None:
    """A column for each study."""
    print(f"| figure | compared with | required | {' | '.join(columns)} |")
    print("|---|---|---|" + "---|" * len(columns))
    for figure, by, required in next(iter(columns.values())):
        found = [rows[figure, by, required] for rows in columns.values()]
        marks = [f"{value:.0e}" + ("" if value <= float(required) else " **above**") for value in found]
        print(f"| {figure} | {by} | {required} | {' | '.join(marks)} |")


def main() -> None:
    if reason := missing_r():
        raise SystemExit(reason)
    warnings.simplefilter("ignore")
    with blas_threads(1):
        print_table({name: compared(make()) for name, make in STUDIES.items()})
        print()
        print_table({name: compared(make(), (bounded,)) for name, make in AT_THE_ENDS.items()})
        print("\nstatsmodels MixedLM, 8 raters, 6 items, 3 conditions, complete:\n")
        print("| figure | difference |\n|---|---|")
        for figure, value in statsmodels().items():
            print(f"| {figure} | {value:.0e} |")


if __name__ == "__main__":
    main()
