"""The command line: `python -m audiocodecs list | encode | decode | roundtrip | bench | fetch`.

`-` stands for a pipe: `encode SPEC - -` takes WAV whose length nobody knows yet, `decode SPEC - -` gives such WAV.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import numpy as np

from audiocodecs import audio, wav_stream
from audiocodecs.base import Codec, CodecError, CodecUnavailable, Encoded, Samples
from audiocodecs.memory import keep_freed_memory
from audiocodecs.pieces import Pieces, Piecewise
from audiocodecs.registry import CLASSES, codec_class, get_codec, offers, resolve

PIPE = Path("-")
_CHUNK = 1 << 16


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status, 1 where the work could not be done."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["fetch"]:
        from audiocodecs.encodec import fetch

        return fetch.main(arguments[1:])
    options = _parser().parse_args(arguments)
    keep_freed_memory()
    try:
        options.run(options)
    except CodecError as error:
        print(f"audiocodecs: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has enough. Python must not complain when it closes what cannot be closed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"audiocodecs: {where}{error.strerror}.", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m audiocodecs", description="Audio codecs, by their specs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="every codec at every value, and why one cannot run here")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=_list)

    encode = commands.add_parser("encode", help="audio file to the codec's own format")
    _spec_and_input(encode, "audio file, of any format that libsndfile or FFmpeg reads; - for a pipe")
    encode.add_argument("output", type=Path, metavar="OUT", help="file in the codec's own format; - for a pipe")
    _mono(encode)
    encode.set_defaults(run=_encode)

    decode = commands.add_parser("decode", help="the codec's own format to WAV")
    _spec_and_input(decode, "file written by encode; - for a pipe")
    decode.add_argument("output", type=Path, metavar="OUT.wav", help="16-bit PCM; - for a pipe")
    decode.set_defaults(run=_decode)

    roundtrip = commands.add_parser("roundtrip", help="encode and decode; prints what was measured as JSON")
    _spec_and_input(roundtrip, "audio file")
    roundtrip.add_argument("output", type=Path, metavar="OUT.wav", help="16-bit PCM, aligned with the input")
    _mono(roundtrip)
    roundtrip.set_defaults(run=_roundtrip)

    bench = commands.add_parser("bench", help="speed of the codecs here, on one core; takes about a minute")
    bench.add_argument("specs", nargs="*", metavar="SPEC", help="these; each codec at one rate unless given")
    bench.add_argument(
        "--input", type=Path, metavar="FILE", help="audio file; ten seconds of a made signal unless given"
    )
    bench.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    bench.set_defaults(run=_bench)

    commands.add_parser("fetch", help="download the published EnCodec weights (fetch --help)")
    return parser


def _spec_and_input(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("spec", metavar="SPEC", help="such as opus@12 or encodec_24khz@6:weights=published")
    parser.add_argument("input", type=Path, metavar="IN", help=what)


def _mono(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mono", action="store_true", help="mix stereo to mono first, for a codec that carries no more"
    )


def _list(options: argparse.Namespace) -> None:
    found = offers()
    if options.json:
        rows = [{**asdict(offer), "channels": sorted(offer.channels), "available": offer.available} for offer in found]
        print(json.dumps(rows, indent=1))
        return
    width = max(len(offer.spec) for offer in found)
    reasons: dict[tuple[str, str], list[str]] = {}
    for offer in found:
        channels = "/".join({1: "mono", 2: "stereo"}[count] for count in sorted(offer.channels))
        print(f"{offer.spec:{width}}  {offer.title:14} {channels:12} {'yes' if offer.available else 'no'}")
        if not offer.available:
            reasons.setdefault((offer.reason, offer.remedy), []).append(offer.spec)
    classes = [codec_class(name) for name in CLASSES]
    spans = ("{} {:g} to {:g}".format(cls.name, *cls.any_from_to) for cls in classes if cls.any_from_to)
    print(f"\nAny rate, kbps: {', '.join(spans)}.")
    print(f"Lost packets, as in opus@16:loss=5:burst=2: {', '.join(cls.name for cls in classes if cls.concealment)}.")
    print("Two codecs in a row: tandem:first=opus@12:then=amrnb@12.2.")
    for (reason, remedy), specs in reasons.items():
        print(f"\n{', '.join(specs)}: {reason} {remedy}".rstrip())


def _encode(options: argparse.Namespace) -> None:
    codec = get_codec(resolve(options.spec))
    if isinstance(codec, Piecewise):
        source = _pieces(options)
        with _output(options.output) as out:
            for part in codec.encode_pieces(source):
                out.write(part)
                out.flush()
        return
    samples, rate = _read(options)
    encoded = codec.encode(samples, rate)
    if not encoded.container:
        raise CodecError(f"{codec.spec} codes nothing, so there is no file to write. Use roundtrip for a WAV file.")
    with _output(options.output) as out:
        out.write(encoded.container)


def _decode(options: argparse.Namespace) -> None:
    codec = get_codec(resolve(options.spec))
    with contextlib.ExitStack() as stack:
        file: BinaryIO = sys.stdin.buffer if options.input == PIPE else stack.enter_context(options.input.open("rb"))
        if isinstance(codec, Piecewise):
            found = codec.decode_pieces(_chunks(file))
        else:
            samples, rate = codec.decode(codec.read(file.read()))
            found = Pieces(rate, len(samples), iter([samples]), samples.shape[1])
        out = stack.enter_context(_output(options.output))
        writer = wav_stream.WavWriter(out, found.rate, found.channels, found.samples)
        for block in found.blocks:
            writer.write(block)
        writer.close()
    _report_clipped(writer.clipped)


def _report_clipped(count: int) -> None:
    """Say on standard error how many samples exceeded full scale, if any did."""
    if count:
        words = ("sample exceeds", "is") if count == 1 else ("samples exceed", "are")
        print(f"audiocodecs: {count:,} {words[0]} full scale and {words[1]} clipped.", file=sys.stderr)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """What there is, as it comes: a pipe gives what it has, not only full chunks."""
    read = file.read1 if isinstance(file, io.BufferedReader) else file.read
    while data := read(_CHUNK):
        yield data


@contextlib.contextmanager
def _output(path: Path) -> Iterator[BinaryIO]:
    """Standard output for `-`; else a file that gets its name when all is written."""
    if path == PIPE:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists() and not path.is_file():  # /dev/null, a named pipe
        with path.open("wb") as file:
            yield file
        return
    part = path.with_name(path.name + ".part")
    try:
        file = part.open("wb")
    except OSError as error:
        error.filename = path
        raise
    try:
        with file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _roundtrip(options: argparse.Namespace) -> None:
    codec = get_codec(resolve(options.spec))
    samples, rate = _read(options)
    encoded, decoded, encode_seconds, decode_seconds = _timed(codec, samples, rate)
    audio.write_wav(options.output, decoded, rate)
    clipped = wav_stream.count_clipped(decoded)
    _report_clipped(clipped)
    print(
        json.dumps(
            {
                "spec": str(codec.spec),
                "version": codec.version,
                "weights": codec.weights,
                "rate": rate,
                "channels": samples.shape[0],
                "samples": samples.shape[1],
                "clipped_samples": clipped,
                "seconds": encoded.seconds,
                "kbps": encoded.kbps,
                "container_kbps": encoded.container_kbps,
                "delay_samples": audio.lag(samples, decoded, rate),
                "envelope_delay_seconds": round(audio.envelope_lag(samples, decoded, rate), 6),
                "encode_seconds": round(encode_seconds, 4),
                "decode_seconds": round(decode_seconds, 4),
            },
            indent=1,
        )
    )


def _bench(options: argparse.Namespace) -> None:
    from audiocodecs import bench

    clip = audio.read(options.input) if options.input else None
    rows, missing = [], []
    print(bench.introduction(clip))
    print(bench.HEADING)
    for spec in options.specs or bench.SPECS:
        try:
            rows.append(bench.time_spec(spec, clip))
        except CodecUnavailable as error:
            if options.specs:
                raise
            missing.append(f"Without {spec}: {error}")
            continue
        print(bench.line(rows[-1]), flush=True)
    for text in missing:
        print(text)
    if options.json:
        options.json.write_text(json.dumps(bench.report(rows), indent=1) + "\n")


def _read(options: argparse.Namespace) -> tuple[Samples, int]:
    if options.input == PIPE:
        source = _pieces(options)
        blocks = list(source.blocks)
        return np.concatenate(blocks or [np.zeros((source.channels, 0), np.float32)], axis=1), source.rate
    found = audio.read(options.input)
    if found.length_note:
        print(f"audiocodecs: {options.input}: {found.length_note}", file=sys.stderr)
    return (audio.to_channels(found.samples, 1) if options.mono else found.samples), found.rate


def _pieces(options: argparse.Namespace) -> Pieces:
    if options.input != PIPE:
        found = audio.read_pieces(options.input)
    elif (start := sys.stdin.buffer.read(wav_stream.START)).startswith((b"RIFF", b"RF64")):
        found = wav_stream.read(sys.stdin.buffer, start)
    else:  # other formats are read from their end, or in no order
        whole = audio.read(io.BytesIO(start + sys.stdin.buffer.read()))
        found = Pieces(whole.rate, len(whole.samples), iter([whole.samples]), whole.samples.shape[1])
    if not options.mono:
        return found
    return Pieces(found.rate, 1, (audio.to_channels(block, 1) for block in found.blocks), found.samples)


def _timed(codec: Codec, samples: Samples, rate: int) -> tuple[Encoded, Samples, float, float]:
    started = time.perf_counter()
    encoded = codec.encode(samples, rate)
    between = time.perf_counter()
    decoded, _ = codec.decode(encoded)
    return encoded, decoded, between - started, time.perf_counter() - between


if __name__ == "__main__":
    sys.exit(main())
