"""Command line: `python -m analysis report ratings.csv -o results`, and screen, compare, claim, power."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.claim import claim, sentences
from analysis.describe import INTERVALS, QUANTILES
from analysis.frame import NOTES, ROLES, SCALE, RatingsError, one_study, unified
from analysis.inference import ZERO_METHODS
from analysis.mixed import FEWEST_ITEMS, ITEMS, RATERS, mixed_model
from analysis.power import QUESTIONS, raters_for
from analysis.primary import STATEMENTS, PrimaryClaim
from analysis.primary_answer import answer, sentence
from analysis.rates import Curve, known_rates, said_by_names
from analysis.readers import LAYOUT_NAMES, read_ratings
from analysis.report import build_report
from analysis.report.findings import findings, primary_claim
from analysis.roles import doubts
from analysis.scales import POINTS, Scale, parse_scale
from analysis.screening import RULES, Screening, screen
from analysis.simulation import Components, Plan
from analysis.wording import NOTHING, listed

WITHOUT = ("rater", "item", "condition")
"""What can be left out."""

WRONG_RATINGS = 2
"""Exit code when there is nothing to analyse; argparse uses it for wrong options too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, or 2 with a line on stderr that says what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (RatingsError, OSError) as error:
        print(f"analysis: {error}", file=sys.stderr)
        return WRONG_RATINGS
    return 0


def _report(options: argparse.Namespace) -> None:
    _check_folder(options.output)
    ratings = _read(options, options.ratings)
    report = build_report(
        ratings,
        title=options.title,
        screening=options.screening,
        study=options.study,
        order=options.order,
        ci=options.ci,
        quantiles=options.quantiles,
        zeros=options.zeros,
        items=options.items,
        raters=options.raters,
        margin=_margin(options, ratings),
        primary=_primary(options, ratings),
        rates=dict(options.rate),
        rates_from_names=options.rates_from_names,
        keep_unfinished=options.keep_unfinished,
        made_on=date.today().isoformat(),
    )
    report.save(options.output)
    _say([*report.notes, *report.screening.notes])
    print(
        "\n".join(
            [
                *primary_claim(report),
                *findings(report),
                f"Written: {options.output / 'report.html'}, report.pdf, tables and figures",
            ]
        )
    )


def _read(options: argparse.Namespace, path: Path) -> pd.DataFrame:
    return read_ratings(
        path,
        roles=dict(options.role),
        layout=options.layout,
        columns=dict(options.columns),
        without={name: getattr(options, f"without_{name}") for name in WITHOUT},
        scale=options.scale,
    )


def _margin(options: argparse.Namespace, ratings: pd.DataFrame) -> float:
    """The margin in points; it is given in units of the scale."""
    scale = Scale(*ratings.attrs[SCALE])
    margin: float = options.margin * scale.points
    if margin > 0 and not scale.is_points:
        ratings.attrs[NOTES] += (f"The margin of {options.margin:g} on the scale is {margin:g} points.",)
    return margin


def _primary(options: argparse.Namespace, ratings: pd.DataFrame) -> PrimaryClaim | None:
    """The primary claim, of conditions that the file has, with the margin in points."""
    if options.primary is None:
        return None
    system, statement, against = options.primary
    names = list(ratings["condition"].unique())
    for name in (system, against):
        if unified(name) not in names:
            raise RatingsError(f"--primary names {name!r}. The ratings have: {listed(names)}.")
    return PrimaryClaim(system, statement, against, options.margin * Scale(*ratings.attrs[SCALE]).points)


def _say(notes: Iterable[str]) -> None:
    for note in notes:
        print(f"analysis: {note}", file=sys.stderr)


def _check_folder(folder: Path) -> None:
    """Say that a folder can't be made before anything is computed; make nothing."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(there))
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(there))


def _screened(options: argparse.Namespace, ratings: pd.DataFrame) -> Screening:
    frame = one_study(ratings, options.study)
    found = screen(frame, options.screening, keep_unfinished=options.keep_unfinished)
    _say([*ratings.attrs[NOTES], *found.notes, *doubts(frame)])
    return found


def _screen(options: argparse.Namespace) -> None:
    found = _screened(options, _read(options, options.ratings))
    _show(found.raters[["rater", "excluded", "reason"]], options.csv)
    if not options.csv:
        print(f"{len(found.excluded)} of {len(found.raters)} raters are excluded.")


def _compare(options: argparse.Namespace) -> None:
    kept = _screened(options, _read(options, options.ratings)).kept
    model = mixed_model(kept, items=options.items, raters=options.raters)
    if not options.csv:
        print(f"{ITEMS[model.items].capitalize()}. {RATERS[model.raters].capitalize()}.\n")
        _show(model.components, csv=False)
        if model.same_items:
            _show(model.means(), csv=False)
    _show(model.contrasts(), options.csv)
    _say(model.notes)


def _claim(options: argparse.Namespace) -> None:
    ratings = _read(options, options.ratings)
    margin = _margin(options, ratings)
    declared = _primary(options, ratings)
    how: dict[str, Any] = {
        "items": options.items,
        "raters": options.raters,
        "rates": known_rates(ratings, dict(options.rate)),
        "rates_from_names": options.rates_from_names,
    }
    kept = _screened(options, ratings).kept
    answered = answer(declared, kept, **how) if declared else None
    if answered and not options.csv:
        print(f"Primary claim. {sentence(answered)}")
    try:
        found = claim(kept, margin=margin, primary=declared, **how)
    except RatingsError as refusal:
        if answered is None or answered.shown is None or options.csv:
            raise
        print(f"Nothing else was tested. {refusal}")
        return
    _say(said_by_names(found.points))
    if options.csv:
        found.comparisons.to_csv(sys.stdout, index=False)
        return
    print("\n".join(sentences(found)))


def _power(options: argparse.Namespace) -> None:
    scale = options.scale or POINTS
    if options.pilot:
        frame = _read(options, options.pilot)
        scale = Scale(*frame.attrs[SCALE])
        _say(frame.attrs[NOTES])
        pilot = mixed_model(screen(one_study(frame, options.study), None).kept)
        if pilot.raters == "fixed":
            raise RatingsError("A pilot of one rater does not say how much raters differ. It takes at least 2 raters.")
        components = Components.of(pilot.components)
    else:
        components = Components()
    if options.question == "equivalent_rate":
        if len({kbps for kbps, _ in options.curve}) < 2:
            raise RatingsError("Two or more rates of the codec with their true means are needed: --curve KBPS=MEAN.")
        target = scale.middle if options.target is None else options.target
        curve_means = [*sorted(options.curve), (0.0, target)]
        outside = [mean for _, mean in curve_means if not scale.low <= mean <= scale.high]
        if outside:
            raise RatingsError(f"The mean {outside[0]:g} is not on the scale from {scale}.")
        points = scale.in_points(pd.Series([mean for _, mean in curve_means]))
        names = [*(f"{kbps:g} kbit/s" for kbps, _ in curve_means[:-1]), "other"]
        means = dict(zip(names, map(float, points), strict=True))
    else:
        means = {f"system {at + 1}": 50.0 for at in range(options.systems)}
        means["system 1"] += options.difference * scale.points
    rates = sorted(kbps for kbps, _ in options.curve)
    curve = Curve("codec", tuple(f"{kbps:g} kbit/s" for kbps in rates), tuple(rates)) if len(rates) > 1 else None
    plan = Plan(options.raters, options.items_rated, means, components)
    found = raters_for(
        plan,
        options.question,
        wanted=options.power,
        margin=options.margin * scale.points if options.margin == options.margin else 0.0,
        curve=curve,
        items=options.items,
        n_studies=options.studies,
        seed=options.seed,
    )
    table = pd.DataFrame([vars(each) for each in found])
    _show(table, options.csv)
    enough = [each.n_raters for each in found if each.share >= options.power]
    variances = ", ".join(f"{name.replace('_', ':')} {value:.0f}" for name, value in vars(components).items())
    if not options.csv:
        print(f"Variances, points squared: {variances}. {QUESTIONS[options.question].capitalize()}.")
        print(
            f"{min(enough)} raters show it in {options.power:.0%} of studies."
            if enough
            else f"No number of raters tried shows it in {options.power:.0%} of studies: more items are needed."
        )


def _show(table: pd.DataFrame, csv: bool) -> None:
    if csv:
        table.to_csv(sys.stdout, index=False)
        return
    shown = table.to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep=NOTHING)
    print(shown, end="\n\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Statistics of listening tests.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    report = _command(commands, "report", _report, "tables, figures and tests on one page")
    report.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder to write to")
    report.add_argument("--title", default="", help="heading of the report; the study's name without it")
    report.add_argument("--order", nargs="+", metavar="CONDITION", help="conditions to show first, in this order")
    report.add_argument("--ci", choices=list(INTERVALS), default="t", help="confidence interval of the means")
    report.add_argument("--quantiles", choices=list(QUANTILES), default="linear", help="method of the quartiles")
    report.add_argument("--zeros", choices=list(ZERO_METHODS), default="pratt", help="zero differences in Wilcoxon's")
    _items(report)
    _raters(report)
    _margin_and_rates(report)
    _command(commands, "screen", _screen, "who is excluded, and why", table=True)
    compare = _command(commands, "compare", _compare, "the mixed model: means and all differences", table=True)
    _items(compare)
    _raters(compare)
    test = _command(commands, "claim", _claim, "no worse, equivalent, and at which rate", table=True)
    _items(test)
    _raters(test)
    _margin_and_rates(test)
    size = commands.add_parser("power", help="how many raters a study needs, by simulation")
    size.set_defaults(run=_power)
    size.add_argument("question", choices=list(QUESTIONS), help="what is to be shown of the first two systems")
    size.add_argument("--pilot", type=Path, metavar="RATINGS", help="take the variances from these ratings")
    size.add_argument("--study", help="which study, where the pilot's file holds several")
    _reading(size)
    size.add_argument("--difference", type=float, default=0.0, metavar="UNITS", help="true one, in units of the scale")
    size.add_argument("--margin", type=float, default=float("nan"), metavar="UNITS", help="in units of the scale")
    size.add_argument(
        "--curve",
        type=_point,
        action="append",
        default=[],
        metavar="KBPS=MEAN",
        help="a rate of the codec and its true mean, for equivalent_rate; two or more times",
    )
    size.add_argument("--target", type=float, metavar="MEAN", help="true mean to be reached (default: middle)")
    size.add_argument("--systems", type=int, default=6, help="in the study (default 6)")
    size.add_argument("--items-rated", type=int, default=8, metavar="N", help="items (default 8)")
    size.add_argument("--raters", type=int, default=20, help="where the search begins (default 20)")
    size.add_argument("--power", type=float, default=0.8, help="wanted share of studies (default 0.8)")
    size.add_argument("--studies", type=int, default=500, help="drawn for each number of raters (default 500)")
    size.add_argument("--seed", type=int, default=0)
    size.add_argument("--csv", action="store_true", help="print the table as CSV")
    _items(size)
    return parser


def _command(commands, name: str, run, text: str, *, table: bool = False) -> argparse.ArgumentParser:  # type: ignore[no-untyped-def]
    """A command that reads ratings and screens them."""
    found: argparse.ArgumentParser = commands.add_parser(name, help=text)
    found.set_defaults(run=run)
    found.add_argument(
        "ratings",
        type=Path,
        metavar="RATINGS",
        help="CSV, JSON or Parquet file of ratings, or a folder of results of BeaqleJS",
    )
    _reading(found)
    found.add_argument(
        "--screening",
        nargs="+",
        choices=list(RULES),
        metavar="RULE",
        help=f"who is excluded: {', '.join(RULES)}. Without it: whom the column `excluded` of an export marks, or "
        "bs1534_hidden_reference for a file without that column",
    )
    found.add_argument("--study", help="which study, where the file holds several")
    found.add_argument("--keep-unfinished", action="store_true", help="analyse unfinished sessions like the others")
    if table:
        found.add_argument("--csv", action="store_true", help="print the table as CSV")
    return found


def _reading(parser: argparse.ArgumentParser) -> None:
    """Options of how a file is read."""
    parser.add_argument(
        "--layout",
        choices=LAYOUT_NAMES,
        help="what the file is; without it the columns say so, but for a wide table, with a column for each condition",
    )
    parser.add_argument(
        "--role",
        type=_role,
        action="append",
        default=[],
        metavar="CONDITION=ROLE",
        help=f"role of a condition ({', '.join(ROLES)}), where the file does not say it; may be repeated",
    )
    parser.add_argument(
        "--columns",
        type=_column,
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="a column that is called otherwise in the file, such as subject=rater; may be repeated",
    )
    for name in WITHOUT:
        parser.add_argument(
            f"--without-{name}",
            action="append",
            default=[],
            metavar=name.upper(),
            help=f"leave out the ratings of this {name}; may be repeated",
        )
    parser.add_argument(
        "--scale",
        type=_scale,
        metavar="LOW-HIGH",
        help="on which the scores were given, such as 1-5, where the file does not say it (default 0-100)",
    )


def _items(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--items",
        choices=list(ITEMS),
        default="random",
        help=f"whether the result is to hold for other items too; fewer than {FEWEST_ITEMS} are fixed in any case",
    )


def _raters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--raters",
        choices=list(RATERS),
        default="random",
        help="whether the result is to hold for other raters too; one rater is fixed in any case",
    )


def _margin_and_rates(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--margin",
        type=float,
        default=float("nan"),
        metavar="MARGIN",
        help="units of the scale, fixed before the data",
    )
    parser.add_argument(
        "--primary",
        nargs=3,
        metavar=("SYSTEM", "STATEMENT", "AGAINST"),
        help=f"the primary claim, declared before the data; STATEMENT is one of: {', '.join(STATEMENTS)}",
    )
    parser.add_argument(
        "--rate",
        type=_rate,
        action="append",
        default=[],
        metavar="CONDITION=KBPS",
        help="rate of a condition, where the file does not say it; may be repeated",
    )
    parser.add_argument(
        "--no-rates-from-names",
        dest="rates_from_names",
        action="store_false",
        help="take no rate from the name of a condition, such as 12 kbit/s from Opus 12",
    )


def _rate(text: str) -> tuple[str, float]:
    condition, _, kbps = text.rpartition("=")
    try:
        value = float(kbps)
    except ValueError:
        value = 0.0
    if not condition or not value > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not CONDITION=KBPS with a rate above 0")
    return condition, value


def _column(text: str) -> tuple[str, str]:
    old, _, new = text.rpartition("=")
    if not old or not new:
        raise argparse.ArgumentTypeError(f"{text!r} is not OLD=NEW with two names of columns")
    return old, new


def _scale(text: str) -> Scale:
    try:
        return parse_scale(text)
    except RatingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _point(text: str) -> tuple[float, float]:
    kbps, _, mean = text.partition("=")
    try:
        found = float(kbps), float(mean)
    except ValueError:
        found = 0.0, 0.0
    if not found[0] > 0 or found[1] != found[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is not KBPS=MEAN with a rate above 0 and a mean on the scale")
    return found


def _role(text: str) -> tuple[str, str]:
    condition, _, role = text.rpartition("=")
    if not condition or role not in ROLES:
        raise argparse.ArgumentTypeError(f"{text!r} is not CONDITION=ROLE with a role out of {', '.join(ROLES)}")
    return condition, role


if __name__ == "__main__":
    sys.exit(main())
