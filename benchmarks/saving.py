"""What it costs that an acknowledged rating outlives a power cut: SQLite's `synchronous` NORMAL beside FULL.

    python benchmarks/saving.py [FOLDER] [--saves 300]

Each save is one transaction of the size of a rating, in a database of the project's own settings (WAL) in FOLDER, which
should be on the disk that VAR_DIR is on. NORMAL waits for the disk at checkpoints only, FULL at every save.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

WARM_UP = 20


def seconds_per_save(path: Path, synchronous: str, saves: int) -> list[float]:
    """Seconds of each of `saves` transactions that change one row of 300."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("CREATE TABLE rating (id INTEGER PRIMARY KEY, score REAL, revision INTEGER, browser TEXT)")
    connection.executemany("INSERT INTO rating VALUES (?, NULL, 0, '')", [(i,) for i in range(300)])
    found = []
    for number in range(WARM_UP + saves):
        before = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "UPDATE rating SET score = ?, revision = ?, browser = ? WHERE id = ?",
            (number % 101, number, "0123456789abcdef", number % 300),
        )
        connection.execute("COMMIT")
        found.append(time.perf_counter() - before)
    connection.close()
    return found[WARM_UP:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("var"), help="on the disk to be measured")
    parser.add_argument("--saves", type=int, default=300)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"{'synchronous':12} {'median ms':>10} {'mean ms':>10} {'95th ms':>10}")
    for synchronous in ("NORMAL", "FULL"):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            ms = [1000 * each for each in seconds_per_save(Path(folder) / "db.sqlite3", synchronous, options.saves)]
        last = statistics.quantiles(ms, n=20)[-1]
        print(f"{synchronous:12} {statistics.median(ms):10.2f} {statistics.fmean(ms):10.2f} {last:10.2f}")


if __name__ == "__main__":
    main()
