"""Damaged, forged and random files for the readers of RVQF and ECDC, plain and entropy coded.

    python benchmarks/fuzz_files.py [--inputs 1000000] [--workers 2] [--seed 1] [--json FILE]

Input i depends on the seed and i alone. Half of the inputs are mutations whose checksums and lengths were made right
again, so that they get past them. An input is at fault if reading it raises anything but CodecError, takes more than
a second of processor time (or 30 on the wall), or makes the process ask for more than 500 MB; and also if it was
damaged, not repaired, and read as other codes than the file's. What is at fault is printed and kept in --keep.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import signal
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import numpy as np

from audiocodecs import rvqf
from audiocodecs.base import CodecError
from audiocodecs.encodec import container, ecdc
from audiocodecs.encodec.entropy.block_coding import BlockCoding
from audiocodecs.encodec.entropy.exact_model import ExactLanguageModel
from audiocodecs.encodec.entropy.exact_weights import ExactWeights, quantised
from audiocodecs.encodec.entropy.language_model import LanguageModel
from audiocodecs.encodec.entropy.published_coding import PublishedCoding
from audiocodecs.encodec.entropy.settings import LanguageModelSettings
from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ, Settings

SECONDS = 1.0  # of processor time: on a busy machine the clock on the wall says nothing of a reader
HANGING = 30.0  # seconds on the wall after which it waits for something that never comes
MEGABYTES = 500
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**48, 2**63, 2**64 - 1)


class TookTooLong(BaseException):
    """Raised by the clock, past any `except Exception`."""


@dataclass(frozen=True)
class Seed:
    """A sound file that mutations start from."""

    name: str
    data: bytes
    codes: bytes


class Target:
    """Sound files, and what reads them."""

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(1)
        settings = LanguageModelSettings(3, dim=16, layers=1, heads=2, hidden=32, past_context=20)
        model = LanguageModel(settings)
        for linear in model.linears:
            linear.weight.data.mul_(20)
        state = {name: value.numpy() for name, value in model.state_dict().items()}
        self.blocks = BlockCoding(ExactLanguageModel(ExactWeights(settings, quantised(state), b"language")))
        self.segments = PublishedCoding(model.eval().requires_grad_(False))
        self.ecdc = {
            settings.name: replace(settings, codebooks=3, segment_samples=short and 1600, stride_samples=short and 1584)
            for settings, short in ((ENCODEC_24KHZ, None), (ENCODEC_48KHZ, 1))
        }
        self.seeds = [*self._rvqf(), *self._ecdc()]
        self.reached = False
        for module, name in (
            (rvqf.reader, "decode_blocks"),
            (ecdc, "unpack_segments"),
            (ecdc, "unpack_entropy_coded"),
        ):
            setattr(module, name, self._noticing(getattr(module, name)))

    def _noticing(self, decode: Callable[..., object]) -> Callable[..., object]:
        def noticed(*arguments: object) -> object:
            self.reached = True
            return decode(*arguments)

        return noticed

    def _rvqf(self) -> list[Seed]:
        mono = rvqf.RvqfHeader("encodec_24khz", 24_000, 1, 3, 320, bytes(8), block_frames=4)
        stereo = rvqf.RvqfHeader(
            *("encodec_48khz", 48_000, 2, 3, 320, bytes(8)),
            segment_samples=1600,
            stride_samples=1584,
            scaled=True,
            block_frames=10,
        )
        found = []
        for header, samples in ((mono, 9 * 320), (stereo, 4500)):
            for entropy in (None, self.blocks):
                codes = np.random.default_rng(1).integers(0, 1024, (3, header.frames(samples)))
                if header.segmented:
                    count = -(-samples // 1584)
                    frames = sum(header.segment_frames_at(index, samples) for index in range(count))
                    codes = np.random.default_rng(1).integers(0, 1024, (3, frames))
                    scales = np.linspace(0.1, 0.2, count)
                named = replace(header, language_model=entropy and entropy.prefix)
                data = rvqf.write(named, samples, codes, scales if header.segmented else None, entropy)
                name = f"RVQF {'stereo' if header.segmented else 'mono'}{' entropy coded' if entropy else ''}"
                found.append(Seed(name, data, codes.astype("<i8").tobytes()))
        return found

    def _ecdc(self) -> list[Seed]:
        found = []
        for settings in self.ecdc.values():
            samples = 3500 if settings.segment_samples else 5 * 320
            for coder in (None, self.segments):
                frames = container.segment_frames(samples, settings)
                random_codes = np.random.default_rng(2)
                segments = [
                    ecdc.Segment(random_codes.integers(0, 1024, (3, count)), 0.5 if settings.normalize else None)
                    for count in frames
                ]
                head = ecdc.write_header(ecdc.Header(settings.name, samples, 3, coder is not None))
                codes = np.concatenate([part.codes for part in segments], axis=1)
                name = f"ECDC {settings.name[-5:]}{' entropy coded' if coder else ''}"
                data = head + ecdc.pack_segments(segments, coder)
                found.append(Seed(name, data, codes.astype("<i8").tobytes()))
        return found

    def accept(self, header: rvqf.RvqfHeader) -> BlockCoding | None:
        """As a codec does: its own model, weights and codebooks."""
        header.check(header.model, bytes(8))
        if header.codebooks > 3:
            raise CodecError(f"{header.codebooks} codebooks.")
        return None if header.language_model is None else self.blocks

    def read(self, data: bytes, at_once: bool) -> bytes:
        """Codes of a file, whichever it is; raises CodecError."""
        if data[:4] == ecdc.MAGIC:
            settings: Settings = self.ecdc["encodec_48khz" if b"48khz" in data[:60] else "encodec_24khz"]
            coded = container.open_ecdc(data, settings, lambda: self.segments)
            parts = [part.codes for part in coded.segments]
        elif at_once:
            parts = [part.codes for part in rvqf.read(data, self.accept).segments]
        else:
            reader = rvqf.RvqfReader(self.accept)
            step = max(1, len(data) // 3)
            pieces = [reader.push(data[start : start + step]) for start in range(0, len(data), step)]
            reader.finish()
            parts = [segment.codes for found in pieces for segment in found]
        return np.concatenate(parts, axis=1).astype("<i8").tobytes()


def mutated(data: bytes, chance: random.Random, seeds: list[Seed], kinds: int = 10) -> bytes:
    """Between one and four damages, of the first `kinds` kinds: four of them keep the length."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        at = chance.randrange(len(out)) if out else 0
        kind = chance.randrange(kinds)
        if kind < 3 and out:
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 3 and out:
            out[at] = chance.randrange(256)
        elif kind == 4:
            del out[at:]
        elif kind == 5:
            del out[at : at + chance.randrange(1, 30)]
        elif kind == 6:
            out[at:at] = chance.randbytes(chance.randrange(1, 30))
        elif kind == 7:  # numbers at the edge, of every width and order
            width = chance.choice((1, 2, 4, 8))
            number = chance.choice(EXTREMES) & ((1 << 8 * width) - 1)
            at = chance.randrange(80) if chance.random() < 0.7 else at
            out[at : at + width] = number.to_bytes(width, chance.choice(("little", "big")))
        elif kind == 8:
            other = chance.choice(seeds).data
            start = chance.randrange(len(other))
            out[at : at + chance.randrange(1, 40)] = other[start : start + chance.randrange(1, 40)]
        else:
            stop = at + chance.randrange(1, 60)
            out[at:at] = out[at:stop] * chance.choice((1, 1, 2, 20))
    return bytes(out)


def repaired(data: bytes) -> bytes:
    """The same file with every checksum and length that can be made right made right."""
    out = bytearray(data)
    if out[:4] == ecdc.MAGIC and len(out) > 9:
        end = out.find(b"}", 9) + 1
        if end:
            out[5:9] = struct.pack(">I", end - 9)
        return bytes(out)
    if len(out) < 64:
        return data
    out[:5] = b"RVQF\1"
    seed = zlib.crc32(out[:60])
    out[60:64] = seed.to_bytes(4, "little")
    segmented = any(out[28:32])
    at = 64
    while at + 16 <= len(out):
        crc = zlib.crc32(out[at : at + 12], seed)
        out[at + 12 : at + 16] = crc.to_bytes(4, "little")
        if out[at] != 0x42:
            break
        length = int.from_bytes(out[at + 8 : at + 12], "little") + (6 * out[at + 1] if segmented else 0)
        body = at + 16
        stop = min(body + length, len(out) - 4)
        if stop < body:
            break
        out[stop : stop + 4] = zlib.crc32(out[body:stop], crc).to_bytes(4, "little")
        at = stop + 4
    return bytes(out)


def made(seed: int, index: int, seeds: list[Seed]) -> tuple[Seed, bytes, bool]:
    """Input `index`: the file it comes from, its bytes, and whether it was repaired."""
    chance = random.Random(seed << 40 | index)
    origin = chance.choice(seeds)
    if index % 2:
        return origin, repaired(mutated(origin.data, chance, seeds, chance.choice((4, 10)))), True
    if chance.random() < 0.1:
        return origin, origin.data[: chance.choice((0, 4, 5, 9, 64))] + chance.randbytes(chance.randrange(200)), False
    return origin, mutated(origin.data, chance, seeds), False


def work(seed: int, indices: range, place: Synchronized[int], keep: Path, results: multiprocessing.Queue) -> None:
    """Read the inputs of `indices`; `place` says where it is."""

    def ring(number: int, frame: object) -> None:
        raise TookTooLong

    target = Target()
    for origin in target.seeds:
        assert target.read(origin.data, True) == target.read(origin.data, False) == origin.codes, origin.name
    signal.signal(signal.SIGPROF, ring)
    signal.signal(signal.SIGALRM, ring)
    begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEGABYTES * 10**6,) * 2)
    outcomes: Counter[str] = Counter()
    reached = [0, 0]
    faults, slowest = [], 0.0
    for index in indices:
        place.value = index
        origin, data, right = made(seed, index, target.seeds)
        target.reached = False
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.setitimer(signal.ITIMER_REAL, HANGING)
        try:
            codes = target.read(data, index % 4 < 2)
            outcome = "the file itself" if data == origin.data else "read"
            if not right and codes != origin.codes and data[:4] == rvqf.MAGIC:
                outcome = "FAULT: noise"
        except CodecError:
            outcome = "refused"
        except TookTooLong:
            outcome = "FAULT: more than a second"
        except MemoryError:
            outcome = "FAULT: more than 500 MB"
        except Exception as error:  # noqa: BLE001  what the fuzzer looks for
            outcome = f"FAULT: {type(error).__name__}: {error}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
        slowest = max(slowest, time.process_time() - started)
        outcomes[f"{'repaired' if right else 'as damaged'}, {outcome[:60]}"] += 1
        reached[right] += target.reached
        if outcome.startswith("FAULT") and len(faults) < 20:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{seed}-{index}.bin").write_bytes(data)
            faults.append(f"input {index} of seed {seed}, from {origin.name}: {outcome}")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun) / 1024
    outcomes["as damaged, of which reached a decoder of codes"] = reached[0]
    outcomes["repaired, of which reached a decoder of codes"] = reached[1]
    results.put((outcomes, faults, slowest, grown))


def fuzz(inputs: int, workers: int, seed: int, keep: Path) -> dict[str, object]:
    """Run all inputs; the report, whose `faults` is empty if all is well."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    places = [context.Value("q", -1) for _ in range(workers)]
    # Each takes a stretch, so that both kinds of input fall to each.
    edges = [inputs * number // workers for number in range(workers + 1)]
    parts = [range(start, stop) for start, stop in zip(edges, edges[1:], strict=False)]
    running = [
        context.Process(target=work, args=(seed, part, place, keep, results))
        for part, place in zip(parts, places, strict=True)
    ]
    started = time.monotonic()
    for process in running:
        process.start()
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    slowest = grown = 0.0
    waiting = set(range(workers))
    done = 0
    while waiting:
        try:
            found, wrong, slow, more = results.get(timeout=1)
            outcomes += found
            faults += wrong
            slowest, grown = max(slowest, slow), max(grown, more)
            done += 1
        except multiprocessing.queues.Empty:
            pass
        for number in list(waiting):
            code = running[number].exitcode
            if code is not None:
                waiting.discard(number)
                if code:
                    faults.append(f"a worker ended with {code} at input {places[number].value} of seed {seed}")
        if done == workers:
            break
    for process in running:
        process.join()
    return {
        "inputs": sum(count for name, count in outcomes.items() if "of which" not in name),
        "seed": seed,
        "outcomes": dict(sorted(outcomes.items())),
        "slowest_seconds": round(slowest, 4),
        "memory_grown_mb": round(grown, 1),
        "seconds": round(time.monotonic() - started, 1),
        "faults": faults,
    }


def main(argv: list[str] | None = None) -> int:
    """Command line; 1 if an input is at fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("var/fuzz"), help="folder for inputs at fault")
    parser.add_argument("--json", type=Path, help="write the report there too")
    arguments = parser.parse_args(argv)
    report = fuzz(arguments.inputs, arguments.workers, arguments.seed, arguments.keep)
    print(json.dumps(report, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    return 1 if report["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
