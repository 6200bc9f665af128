"""Command line: `python -m analysis report ratings.csv -o results`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from analysis.describe import INTERVALS, QUANTILES
from analysis.findings import findings
from analysis.frame import ROLES, RatingsError
from analysis.inference import ZERO_METHODS
from analysis.readers import LAYOUT_NAMES, read_ratings
from analysis.report import build_report
from analysis.screening import RULES

WRONG_RATINGS = 2
"""Exit code when there is nothing to analyse; argparse uses it for wrong options too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, or 2 with a line on stderr that says what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        report = build_report(
            read_ratings(options.ratings, roles=dict(options.role), layout=options.layout),
            title=options.title,
            screening=options.screening,
            study=options.study,
            order=options.order,
            ci=options.ci,
            quantiles=options.quantiles,
            zeros=options.zeros,
            keep_unfinished=options.keep_unfinished,
            made_on=date.today().isoformat(),
        )
        report.save(options.output)
    except (RatingsError, OSError) as error:
        print(f"analysis: {error}", file=sys.stderr)
        return WRONG_RATINGS
    for note in report.screening.notes:
        print(f"analysis: {note}", file=sys.stderr)
    print("\n".join([*findings(report), f"Written: {options.output / 'report.html'}"]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Statistics of listening tests.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    report = commands.add_parser("report", help="tables, figures and tests on one page")
    report.add_argument(
        "ratings",
        type=Path,
        metavar="RATINGS",
        help="CSV, JSON or Parquet file of ratings, or a folder of results of BeaqleJS",
    )
    report.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder to write to")
    report.add_argument(
        "--screening",
        nargs="+",
        choices=list(RULES),
        metavar="RULE",
        help=f"who is excluded: {', '.join(RULES)}. Without it: whom the column `excluded` of an export marks, or "
        "bs1534_hidden_reference for a file without that column",
    )
    report.add_argument(
        "--layout",
        choices=LAYOUT_NAMES,
        help="what the file is; without it the columns say so, but for a wide table, with a column for each condition",
    )
    report.add_argument("--title", default="", help="heading of the report; the study's name without it")
    report.add_argument("--study", help="which study, where the file holds several")
    report.add_argument(
        "--role",
        type=_role,
        action="append",
        default=[],
        metavar="CONDITION=ROLE",
        help=f"role of a condition ({', '.join(ROLES)}), where the file does not say it; may be repeated",
    )
    report.add_argument("--order", nargs="+", metavar="CONDITION", help="conditions to show first, in this order")
    report.add_argument("--ci", choices=list(INTERVALS), default="t", help="confidence interval of the means")
    report.add_argument("--quantiles", choices=list(QUANTILES), default="linear", help="method of the quartiles")
    report.add_argument("--zeros", choices=list(ZERO_METHODS), default="pratt", help="zero differences in Wilcoxon's")
    report.add_argument("--keep-unfinished", action="store_true", help="analyse unfinished sessions like the others")
    return parser


def _role(text: str) -> tuple[str, str]:
    condition, _, role = text.rpartition("=")
    if not condition or role not in ROLES:
        raise argparse.ArgumentTypeError(f"{text!r} is not CONDITION=ROLE with a role out of {', '.join(ROLES)}")
    return condition, role


if __name__ == "__main__":
    sys.exit(main())
