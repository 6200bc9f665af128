"""What several tests of the statistics compare with and on: R, and three studies of different kinds."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.readers import read_ratings
from analysis.screening import screen
from analysis.simulation import Components, Plan, as_frame, draw_scores
from analysis.threads import blas_threads

HERE = Path(__file__).parent
PACKAGES = "lme4 lmerTest emmeans ordinal glmmTMB"
MEANS = {"A": 45.0, "B": 50.0, "C": 55.0, "D": 60.0, "E": 65.0}
VARIANCES = Components(80, 60, 30, 72, 200)


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Small matrices: on a busy machine more threads only wait for each other."""
    with blas_threads(1):
        yield


def missing_r() -> str:
    """Why R can't be asked here; "" if it can."""
    if not shutil.which("Rscript"):
        return f"R is not on this machine (apt-get install {debian(PACKAGES.split())})"
    look = "cat(setdiff(commandArgs(TRUE), rownames(installed.packages())))"
    lacking = subprocess.run(["Rscript", "-e", look, *PACKAGES.split()], capture_output=True, text=True, check=True)
    names = lacking.stdout.split()
    return f"R lacks packages (apt-get install {debian(names)})" if names else ""


def debian(packages: list[str]) -> str:
    """Names of the Debian packages that hold packages of R."""
    return " ".join(f"r-cran-{name.lower()}" for name in packages)


def asked(folder: Path, script: str, frame: pd.DataFrame, *options: str) -> dict[str, pd.DataFrame]:
    """Run one of the scripts on a frame in an empty folder; gives the tables that it wrote."""
    frame.to_csv(folder / "ratings.csv", index=False)
    command = ["Rscript", str(HERE / "r" / script), str(folder / "ratings.csv"), *options, str(folder)]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return {path.stem: pd.read_csv(path) for path in folder.glob("*.csv")}


@pytest.fixture(scope="session")
def r(tmp_path_factory):
    """Runs one of the scripts on a frame; gives the tables that it wrote."""
    if reason := missing_r():
        pytest.skip(reason)
    return lambda script, frame, *options: asked(tmp_path_factory.mktemp("r"), script, frame, *options)


def simulated(n_raters: int, seed: int, **options) -> pd.DataFrame:
    plan = Plan(n_raters, 10, MEANS, VARIANCES, **options)
    return as_frame(draw_scores(plan, np.random.default_rng(seed)), plan)


def published() -> pd.DataFrame:
    ratings = read_ratings(HERE.parent / "data" / "stahl2024" / "ratings_formated.csv")
    kept = screen(ratings, ["bs1534_hidden_reference"]).kept
    return kept[kept["role"] == "system"]


STUDIES = {
    "stahl2024": published,
    "balanced": lambda: simulated(14, 5),
    "30% missing": lambda: simulated(16, 6, missing=0.3),
}


@pytest.fixture(
    params=[*(pytest.param(name, marks=pytest.mark.slow) for name in ("stahl2024", "balanced")), "30% missing"]
)
def frame(request) -> pd.DataFrame:
    """Ratings of the systems of a published study, and of two drawn ones."""
    return STUDIES[request.param]()
