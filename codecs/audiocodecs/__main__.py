"""The command line: `python -m audiocodecs list | encode | decode | roundtrip | bench | fetch`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from audiocodecs import audio
from audiocodecs.base import Codec, CodecError, Encoded, Samples
from audiocodecs.registry import get_codec, offers, resolve


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status, 1 where the work could not be done."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["fetch"]:
        from audiocodecs.encodec import fetch

        return fetch.main(arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except CodecError as error:
        print(f"audiocodecs: {error}", file=sys.stderr)
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
    _spec_and_input(encode, "audio file, of any format that libsndfile or FFmpeg reads")
    encode.add_argument("output", type=Path, metavar="OUT", help="file in the codec's own format")
    _mono(encode)
    encode.set_defaults(run=_encode)

    decode = commands.add_parser("decode", help="the codec's own format to WAV")
    _spec_and_input(decode, "file written by encode")
    decode.add_argument("output", type=Path, metavar="OUT.wav", help="16-bit PCM")
    decode.set_defaults(run=_decode)

    roundtrip = commands.add_parser("roundtrip", help="encode and decode; prints what was measured as JSON")
    _spec_and_input(roundtrip, "audio file")
    roundtrip.add_argument("output", type=Path, metavar="OUT.wav", help="16-bit PCM, aligned with the input")
    _mono(roundtrip)
    roundtrip.set_defaults(run=_roundtrip)

    bench = commands.add_parser("bench", help="speed of every codec that can run here")
    bench.add_argument("specs", nargs="*", metavar="SPEC", help="only these; all unless given")
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
    for (reason, remedy), specs in reasons.items():
        print(f"\n{', '.join(specs)}: {reason} {remedy}".rstrip())


def _encode(options: argparse.Namespace) -> None:
    codec = get_codec(resolve(options.spec))
    samples, rate = _read(options)
    encoded = codec.encode(samples, rate)
    if not encoded.container:
        raise CodecError(f"{codec.spec} codes nothing, so there is no file to write. Use roundtrip for a WAV file.")
    options.output.write_bytes(encoded.container)


def _decode(options: argparse.Namespace) -> None:
    codec = get_codec(resolve(options.spec))
    samples, rate = codec.decode(codec.read(options.input.read_bytes()))
    audio.write_wav(options.output, samples, rate)


def _roundtrip(options: argparse.Namespace) -> None:
    codec = get_codec(resolve(options.spec))
    samples, rate = _read(options)
    encoded, decoded, encode_seconds, decode_seconds = _timed(codec, samples, rate)
    audio.write_wav(options.output, decoded, rate)
    print(
        json.dumps(
            {
                "spec": str(codec.spec),
                "version": codec.version,
                "weights": codec.weights,
                "rate": rate,
                "channels": samples.shape[0],
                "samples": samples.shape[1],
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

    specs = [resolve(spec) for spec in options.specs] or [offer.spec for offer in offers() if offer.available]
    clip = audio.read(options.input) if options.input else None
    rows = []
    print(bench.HEADING)
    for spec in specs:
        rows.append(bench.run(get_codec(spec), clip))
        print(bench.line(rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(bench.report(rows), indent=1) + "\n")


def _read(options: argparse.Namespace) -> tuple[Samples, int]:
    found = audio.read(options.input)
    return (audio.to_channels(found.samples, 1) if options.mono else found.samples), found.rate


def _timed(codec: Codec, samples: Samples, rate: int) -> tuple[Encoded, Samples, float, float]:
    started = time.perf_counter()
    encoded = codec.encode(samples, rate)
    between = time.perf_counter()
    decoded, _ = codec.decode(encoded)
    return encoded, decoded, between - started, time.perf_counter() - between


if __name__ == "__main__":
    sys.exit(main())
