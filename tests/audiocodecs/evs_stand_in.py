"""A stand-in for the EVS programs, which cannot be carried along.

It answers only to an input and arguments that were recorded from the real programs,
with what they wrote then, and fails as they do on anything else.
"""

import json
import sys
from pathlib import Path

RECORDINGS = Path(__file__).parents[1] / "data" / "evs"


def main(role: str) -> int:
    """Be `EVS_cod` or `EVS_dec`; returns the exit status."""
    print("3GPP EVS stand-in: replays recordings")
    *arguments, source, target = sys.argv[1:]
    data = Path(source).read_bytes()
    key, given, wanted = {
        "EVS_cod": ("encode_args", "input", "bitstream"),
        "EVS_dec": ("decode_args", "bitstream", "decoded"),
    }[role]
    for recording in json.loads((RECORDINGS / "recordings.json").read_text()):
        if recording[key][:-2] == arguments and (RECORDINGS / recording[given]).read_bytes() == data:
            Path(target).write_bytes((RECORDINGS / recording[wanted]).read_bytes())
            return 0
    print(f"{role} never met {' '.join(arguments)} with these {len(data)} bytes", file=sys.stderr)
    return 255
