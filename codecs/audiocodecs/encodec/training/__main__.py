"""Train EnCodec from an experiment file.

>>> # python -m audiocodecs.encodec.training codecs/experiments/encodec_24khz.toml

Stop it whenever you like (Ctrl-C, kill, power cut): the same line goes on from the last checkpoint, and
what comes out is what an uninterrupted run gives.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from audiocodecs.base import CodecError, CodecUnavailable
from audiocodecs.encodec.training.experiment import Experiment
from audiocodecs.encodec.training.run import Run


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m audiocodecs.encodec.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--until", type=int, metavar="STEP", help="stop after this step; later starts go on from there")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes, with a checkpoint")
    parser.add_argument(
        "--whole", action="store_true", help="with --minutes: they are all there are; let the learning rate end in them"
    )
    parser.add_argument("--export", type=Path, metavar="OUT.th", help="no steps: write the last checkpoint's weights")
    parser.add_argument("--half", action="store_true", help="with --export: in half precision, a third of the size")
    parser.add_argument(
        "--carry", type=Path, metavar="OUT.pt", help="no steps: write a small file for another machine's start_from"
    )
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        run = Run(Experiment.load(arguments.experiment))
        if arguments.export:
            run.export(arguments.export, arguments.half)
        elif arguments.carry:
            run.carry(arguments.carry)
        else:
            run.go(arguments.until, arguments.minutes, arguments.whole and bool(arguments.minutes))
    except CodecUnavailable as error:
        print(f"{error.reason} {error.remedy}", file=sys.stderr)
        return 1
    except CodecError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
