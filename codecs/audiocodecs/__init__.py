"""Audio codecs, numpy in and numpy out: see `base` for the contract and `registry` for the specs."""

import os

# A thread of torch that waits for another spins by default, on a core that a second worker could use: with two of them
# on two cores an encoder took 52 s of processor time for what takes 8 s. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
