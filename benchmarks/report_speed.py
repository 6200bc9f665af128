"""The report of large studies, from a CSV file to the packed report: seconds, processor seconds and memory.

    python benchmarks/report_speed.py
    python benchmarks/report_speed.py --studies 18000 1000000 1000000-missing 10000000 --json report.json

Each study has 100 items and 10 conditions (a hidden reference, a low anchor, four rates of Opus and of EnCodec), all
rated by each rater: 1,000 raters give 1,000,000 ratings. Of a study with `-missing`, one rating in 20 is lost. A study
of fewer than 20,000 ratings has 60 items, so that its report holds the ordinal and the bounded model; it is measured
with and without them.

One process draws the study into a file with all columns of `export_results`. Another makes the report as
`python -m analysis report` does (three screening rules, a margin, all models, figures, page and PDF) and packs it as
ZIP. Processor seconds are of all threads; memory is the largest of the process, libraries included.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

# The program itself loads no library: the memory of a parent counts as that of its child.

REFERENCE, ANCHOR = "Reference", "Low-pass 3.5 kHz"
RATES = (6, 9, 12, 16)
SYSTEMS = {f"{codec} {rate}": rate for codec in ("Opus", "EnCodec") for rate in RATES}
CONDITIONS = [REFERENCE, ANCHOR, *SYSTEMS]
MEANS = [98.0, 15.0, 30.0, 45.0, 60.0, 70.0, 40.0, 55.0, 66.0, 74.0]
ROLES = ["hidden_reference", "low_anchor", *["system"] * len(SYSTEMS)]
ITEMS, FEW_ITEMS, FEW = 100, 60, 20_000
CATEGORIES = 5
MISSING = 0.05
AT_ONCE = 200
"""Raters drawn and written at once."""
SCREENING = ("bs1534_hidden_reference", "encodec_2022", "no_variance")
STUDIES = ("18000", "1000000", "1000000-missing")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", nargs="*", metavar="RATINGS[-missing]", default=list(STUDIES))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--draw", nargs=2, metavar=("FILE", "STUDY"), help="only draw a study into a file")
    parser.add_argument("--report", nargs=2, metavar=("FILE", "DIR"), help="only make the report of a file")
    parser.add_argument(
        "--no-ordinal", action="store_true", help="with --report: without the ordinal and the bounded model"
    )
    options = parser.parse_args()
    if options.draw:
        _draw(Path(options.draw[0]), options.draw[1])
    elif options.report:
        _report(*options.report, ordinal=not options.no_ordinal)
    else:
        rows = _measured(options.studies)
        if options.json:
            options.json.write_text(json.dumps(rows, indent=2))


def _measured(studies: list[str]) -> list[dict[str, Any]]:
    """Draw each study, measure its report, and print a row."""
    print(
        "| ratings | raters | ordinal and bounded model | seconds | processor s | MB | load |\n"
        "|---|---|---|---|---|---|---|"
    )
    rows = []
    for study in studies:
        n, _, missing = study.partition("-")
        raters, _ = _size(study)
        with TemporaryDirectory() as folder:
            file = str(Path(folder) / "ratings.csv")
            subprocess.run([sys.executable, __file__, "--draw", file, study], check=True)
            for ordinal in (True, False) if int(n) < FEW else (False,):
                command = [sys.executable, __file__, "--report", file, str(Path(folder) / "report")]
                row = _run(command if ordinal else [*command, "--no-ordinal"])
                rows.append({"study": study, "raters": raters, "ordinal": ordinal, **row})
                print(
                    f"| {int(n):,}{', 5% missing' if missing else ''} | {raters:,} | {'yes' if ordinal else 'no'} | "
                    f"{row['seconds']:.1f} | {row['processor']:.1f} | {row['megabytes']:,.0f} | {row['load']:.1f} |",
                    flush=True,
                )
    return rows


def _run(command: list[str]) -> dict[str, float]:
    """Time and memory of a command, and the machine's load before it."""
    load, before = os.getloadavg()[0], time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - before
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    megabytes = used.ru_maxrss / 1000
    return {"seconds": seconds, "processor": used.ru_utime + used.ru_stime, "megabytes": megabytes, "load": load}


def _report(file: str, folder: str, *, ordinal: bool) -> None:
    from analysis.__main__ import main as analysis
    from analysis.report import build

    if not ordinal:
        build.MOST_ORDINAL = 0
    code = analysis(["report", file, "-o", folder, "--margin", "5", "--screening", *SCREENING])
    if code:
        sys.exit(code)
    with zipfile.ZipFile(f"{folder}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(Path(folder).rglob("*")):
            archive.write(path, path.relative_to(folder))


def _size(study: str) -> tuple[int, int]:
    """Raters and items of a study."""
    n = int(study.partition("-")[0])
    items = FEW_ITEMS if n < FEW else ITEMS
    return max(3, round(n / items / len(CONDITIONS))), items


def _draw(file: Path, study: str) -> None:
    """Write the ratings of a study, a block of raters at a time."""
    import numpy as np

    from analysis.simulation import Components

    draw, sd = np.random.default_rng(1), {name: value**0.5 for name, value in vars(Components()).items()}
    (n_raters, n_items), c = _size(study), len(CONDITIONS)
    of_items = draw.normal(0, sd["item"], (n_items, 1)) + draw.normal(0, sd["item_condition"], (n_items, c))
    for start in range(0, n_raters, AT_ONCE):
        n = min(AT_ONCE, n_raters - start)
        scores = (
            np.array(MEANS)
            + of_items
            + draw.normal(0, sd["rater"], (n, 1, 1))
            + draw.normal(0, sd["rater_condition"], (n, 1, c))
            + draw.normal(0, sd["residual"], (n, n_items, c))
        )
        slips = draw.random((n, n_items)) < np.where(draw.random((n, 1)) < 0.03, 0.3, 0.03)
        scores[:, :, 0] = np.where(slips, draw.uniform(50, 90, slips.shape), 100)
        table = _exported(np.clip(scores, 0, 100).round().astype(int), start)
        if study.endswith("-missing"):
            table = table[draw.random(len(table)) >= MISSING]
        table.to_csv(file, mode="a" if start else "w", header=not start, index=False)


def _exported(scores: Any, first: int) -> Any:
    """Scores as the rows of an export; shape (raters, items, conditions)."""
    import numpy as np
    import pandas as pd

    rater, item, condition = (at.ravel() for at in np.indices(scores.shape))
    page = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(first + rater, "h") + pd.to_timedelta(90 * item, "s")
    rates = [np.nan, np.nan, *SYSTEMS.values()]
    return pd.DataFrame(
        {
            "study": "large",
            "session": first + rater + 1,
            "session_state": "finished",
            "rater": pd.Series(first + rater + 1).map("R{:05}".format),
            "clip": pd.Series(item).map([f"item {at + 1:03}" for at in range(scores.shape[1])].__getitem__),
            "category": pd.Series(item % CATEGORIES).map("category {}".format),
            "condition": pd.Categorical.from_codes(condition, CONDITIONS),
            "role": pd.Series(condition).map(ROLES.__getitem__),
            "spec": pd.Series(condition).map(lambda at: CONDITIONS[at].lower().replace(" ", "@") if at > 1 else ""),
            "weights": "",
            "kbps": np.array(rates)[condition],
            "score": scores.ravel(),
            "repeat": 0,
            "trial_position": item,
            "slot": condition,
            "plays": 2,
            "seconds_heard": 5.25,
            "started_at": page.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "rated_at": (page + pd.to_timedelta(6 * condition + 6, "s")).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "excluded": "",
        }
    )


if __name__ == "__main__":
    main()
