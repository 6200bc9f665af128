"""Many raters at once on Postgres, a third of them dropping out: counts are balanced at every moment."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

import pytest

from tests.stack import ROOT, missing_servers, postgres

pytestmark = [pytest.mark.servers, pytest.mark.skipif(bool(missing_servers()), reason=missing_servers())]


def simulated(tmp_path_factory, **changes) -> dict:
    """What `tests.simulated_raters` tells, on a Postgres of its own."""
    folder = tmp_path_factory.mktemp("postgres")
    with postgres(folder / "server") as url:
        settings = {"DATABASE_URL": url, "VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "evalapp.settings"}
        command = [sys.executable, "-m", "tests.simulated_raters", json.dumps(changes)]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check(found: dict, raters: int, wanted: int, stimuli: int, panels: tuple[str, ...]) -> None:
    ends = found["ends"]
    assert sum(ends.values()) >= raters, ends
    assert ends["finished"] >= sum(found["fewest"].values()), ends
    assert ends["dropped out"], ends
    assert found["looks"] > 50
    assert found["largest_difference"] == 1, found
    assert set(found["fewest"]) == set(panels)
    assert min(found["fewest"].values()) >= wanted, found
    assert set(found["stimuli"].values()) == {stimuli}
    assert found["twice"] == 0
    assert found["other_clips_than_the_place"] == 0
    assert found["places_without_consent"] == 0


@pytest.mark.slow
def test_counts_stay_balanced_while_raters_come_drop_out_and_come_back(tmp_path_factory):
    plan = {"raters": 60, "at_a_time": 8, "clips": 5, "each": 2, "wanted": 12, "panels": ("",)}
    found = simulated(tmp_path_factory, **plan, give_back_seconds=3.0, hold_seconds=1.5, thinking=0.02)
    check(found, raters=60, wanted=12, stimuli=5 * 2, panels=("",))
    assert found["places_held"] == 30


@pytest.mark.slow
def test_five_hundred_raters_forty_at_a_time(tmp_path_factory):
    found = simulated(tmp_path_factory)
    check(found, raters=500, wanted=50, stimuli=12 * 2, panels=("", "students"))
    assert found["places_held"] == 300
    assert found["unfinished_with_ratings"] > 0
    waits = sorted(1000 * each for each in found["waits"])
    p99 = statistics.quantiles(waits, n=100)[98]
    print(f"\n{found['seconds']:.0f} s, {found['ends']}, {found['looks']} looks at {found['states_seen']} states")
    print(f"waiting for the lock: p50 {statistics.median(waits):.1f} ms, p99 {p99:.1f} ms, most {waits[-1]:.1f} ms")
