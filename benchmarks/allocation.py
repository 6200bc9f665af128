"""How fast raters get their places, and how long they wait for each other, on Postgres and on SQLite.

    python benchmarks/allocation.py
    python benchmarks/allocation.py --raters 400 --at-a-time 1 8 40 --json places.json

Each rater opens the link and agrees: that makes the rater and the session, takes the place, and makes the trials of
four of twelve clips. As many processes as are named do that without a pause, on a database that is started for it
(Postgres without fsync, as the tests start it). "Waiting" is one statement: on Postgres the one that locks the row of
the panel; on SQLite each BEGIN, of which a rater has three, for there every transaction that writes waits for all
others. On a machine with few cores, most of it is waiting for the processor that another process has.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.stack import POSTGRES, postgres  # noqa: E402


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raters", type=int, default=400)
    parser.add_argument("--at-a-time", type=int, nargs="+", default=[1, 8, 40], metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    databases = {"Postgres": postgres_in, "SQLite": sqlite_in}
    if not POSTGRES:
        print("Postgres: not on this machine (apt-get install postgresql)")
        del databases["Postgres"]
    print(f"{'':<10}{'raters':>8}{'at a time':>11}{'places/s':>10}{'waiting p50':>13}{'p99':>9}{'most':>9}   ms")
    found = []
    for name, start in databases.items():
        for at_a_time in options.at_a_time:
            row = {"database": name, "raters": options.raters, "at_a_time": at_a_time}
            row |= measured(start, options.raters, at_a_time)
            found.append(row)
            print(
                f"{name:<10}{options.raters:>8}{at_a_time:>11}{row['places_per_second']:>10.1f}"
                f"{row['p50_ms']:>13.1f}{row['p99_ms']:>9.1f}{row['most_ms']:>9.1f}",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


@contextlib.contextmanager
def postgres_in(folder: Path) -> Iterator[dict[str, str]]:
    with postgres(folder / "server") as url:
        yield {"DATABASE_URL": url}


@contextlib.contextmanager
def sqlite_in(folder: Path) -> Iterator[dict[str, str]]:
    yield {"DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}"}


def measured(start, raters: int, at_a_time: int) -> dict[str, float]:  # noqa: ANN001
    """Places for so many raters, in a process whose database is the one to be measured."""
    plan = {"raters": raters, "at_a_time": at_a_time, "wanted": None, "thinking": 0.0, "panels": [""]}
    plan |= {"only_agree": True, "give_back_seconds": 3600.0}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, start(Path(name)) as settings:
        settings |= {"VAR_DIR": name, "DJANGO_SETTINGS_MODULE": "evalapp.settings"}
        command = [sys.executable, "-m", "tests.simulated_raters", json.dumps(plan)]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    waits = sorted(1000 * each for each in found["waits"])
    return {
        "places_per_second": found["places_held"] / found["seconds"],
        "p50_ms": waits[len(waits) // 2],
        "p99_ms": waits[int(0.99 * len(waits))],
        "most_ms": waits[-1],
    }


if __name__ == "__main__":
    main()
