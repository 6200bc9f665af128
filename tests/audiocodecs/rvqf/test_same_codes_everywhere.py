"""Files in the repository decode to the same codes, and these encode to the same files, however the machine computes.

Each case runs in a process of its own, because libraries choose their instructions when they are loaded.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

GOLDEN = Path(__file__).parents[2] / "data" / "rvqf"

PROGRAM = """
import hashlib, json, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from audiocodecs import rvqf
from audiocodecs.encodec.entropy.block_coding import BlockCoding
from audiocodecs.encodec.entropy.exact_model import ExactLanguageModel
from audiocodecs.encodec.entropy.exact_weights import load_weights
from audiocodecs.rvqf import reader
if sys.argv[2] == "torch":
    import torch
    torch.set_num_threads(int(sys.argv[3]))
folder = Path(sys.argv[1])
coding = BlockCoding(ExactLanguageModel(load_weights(folder / "language_model.safetensors")))
found = {}
for name in ("mono", "stereo"):
    data = (folder / f"{name}.rvq").read_bytes()
    for batch in (1, 16):
        reader._BATCH = batch
        file = rvqf.read(data, lambda header: coding)
        found[f"{name}, {batch} at a time"] = hashlib.sha256(file.codes.astype("<i2").tobytes()).hexdigest()
    again = rvqf.write(file.header, file.samples, file.codes, file.scales, coding)
    found[f"{name} written"] = hashlib.sha256(again).hexdigest()
print(json.dumps(found))
"""

MACHINES = {
    "one thread": {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    "two threads": {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
    "no vectors in torch": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "no vectors and products of 2008": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Nehalem",
    },
    "AVX2 in torch": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "matrix products of 2008": {"OPENBLAS_CORETYPE": "Nehalem"},
    "matrix products with fused multiply-add": {"OPENBLAS_CORETYPE": "Haswell"},
    "numpy without its vector instructions": {
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
        "OPENBLAS_CORETYPE": "Nehalem",
    },
}


def decoded(environment, *arguments):
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(GOLDEN), *arguments],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(result.stdout)


QUICK = ("no vectors and products of 2008",)
"""Furthest from the machine that wrote the files; which of its settings matters, `make verify` would tell."""


@pytest.mark.parametrize(
    "machine", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in MACHINES]
)
def test_the_golden_files_are_the_same_on_every_machine(machine):
    threads = MACHINES[machine].get("OMP_NUM_THREADS")
    found = decoded(MACHINES[machine], *(("torch", threads) if threads else ("numpy",)))
    for name in ("mono", "stereo"):
        codes = hashlib.sha256(np.load(GOLDEN / f"{name}.npy").astype("<i2").tobytes()).hexdigest()
        assert found[f"{name}, 1 at a time"] == found[f"{name}, 16 at a time"] == codes
        assert found[f"{name} written"] == hashlib.sha256((GOLDEN / f"{name}.rvq").read_bytes()).hexdigest()


def test_the_settings_really_change_how_the_machine_computes():
    """Sums of floats that are no whole numbers come out differently: else the test above shows nothing."""
    program = (
        "import numpy as np; r = np.random.default_rng(1);"
        "a, b = (r.standard_normal((300, 300)).astype(np.float32) for _ in range(2)); print(hash((a @ b).tobytes()))"
    )
    found = set()
    for machine in ("matrix products of 2008", "matrix products with fused multiply-add"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0", **MACHINES[machine]}
        result = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        found.add(result.stdout)
    if len(found) == 1:
        pytest.skip("numpy's matrix products come from a library without this setting")
