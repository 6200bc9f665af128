"""Download of the published checkpoints: `python -m audiocodecs fetch`.

What has arrived stays in a `.part` file, from which a later run goes on. A file gets
its name only when its sha256 is right.
"""

from __future__ import annotations

import argparse
import errno
import http.client
import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NoReturn

from tqdm import tqdm

from audiocodecs.encodec import checkpoints
from audiocodecs.encodec.checkpoints import PUBLISHED, Checkpoint
from audiocodecs.encodec.model_dir import model_dir

BASE_URL = "https://dl.fbaipublicfiles.com/encodec/v0/"
TIMEOUT = 30
ATTEMPTS = 5
_BLOCK = 1 << 18
_ADDRESS = "Check the mirror's address, if you set one (ENCODEC_BASE_URL or --base-url)."


class FetchError(Exception):
    """A download failed; the text says why and what to do."""


class _Interrupted(Exception):
    """The connection ended early; what came is in the part file."""


def download(checkpoint: Checkpoint, directory: Path, base_url: str = BASE_URL) -> Path:
    """Download one checkpoint, unless it is there and whole.

    Parameters
    ----------
    checkpoint : Checkpoint
    directory : Path
        Made if it is not there.
    base_url : str
        `checkpoint.file` is appended to it.

    Returns
    -------
    Path
        The whole file.

    Raises
    ------
    FetchError
        If it could not be had. A part that can be continued stays.
    """
    found = checkpoints.status(checkpoint, directory)
    if found.state == "present":
        return found.path
    url = base_url.rstrip("/") + "/" + checkpoint.file
    if not url.startswith(("http://", "https://")):
        raise FetchError(f"{base_url} is not an http or https address. {_ADDRESS}")
    part = found.path.with_name(found.path.name + ".part")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _fill(url, part, checkpoint)
        part.replace(found.path)  # over a damaged file too
    except OSError as error:
        raise FetchError(_explain_disk(error, directory)) from error
    return found.path


def _fill(url: str, part: Path, checkpoint: Checkpoint) -> None:
    """Bring `part` to the whole, right file."""
    resumed = part.exists() and part.stat().st_size > 0
    failures = 0
    while True:
        had = part.stat().st_size if part.exists() else 0
        try:
            _receive(url, part, checkpoint)
        except _Interrupted as interruption:
            # Each attempt that brought something earns another one.
            failures = 0 if part.exists() and part.stat().st_size > had else failures + 1
            if failures >= ATTEMPTS:
                raise FetchError(f"{url}: {interruption} Run the command again: it goes on from there.") from None
            continue
        digest = checkpoints.sha256(part)
        if digest.startswith(checkpoint.sha256):
            return
        size = part.stat().st_size
        part.unlink()
        if resumed:  # the part of an earlier run may be what was wrong
            resumed = False
            continue
        raise FetchError(
            f"{url}: what came ({size:,} bytes) is not the published file: its sha256 starts with {digest[:8]}, "
            f"not {checkpoint.sha256}. It was deleted. A proxy or a login page may have answered for the server: "
            f"check the proxy settings (https_proxy). {_ADDRESS}"
        )


def _receive(url: str, part: Path, checkpoint: Checkpoint) -> None:
    """Append to `part` what it lacks, in one request."""
    have = part.stat().st_size if part.exists() else 0
    try:
        request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            if response.status == 206 and _start(response) != have:
                part.unlink(missing_ok=True)
                raise _Interrupted("the server sent another part of the file than was asked for.")
            if response.status != 206:
                have = 0  # the server does not do ranges, and sends all of it
            _copy(response, part, have, checkpoint)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing lies beyond what we have: the hash decides
            return
        raise FetchError(_explain_status(url, error)) from error
    except (http.client.InvalidURL, ValueError) as error:
        raise FetchError(f"{url} is not an address: {error}. {_ADDRESS}") from error
    except urllib.error.URLError as error:
        raise FetchError(_explain_network(url, error.reason, part.parent)) from error
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise _Interrupted(f"the connection broke ({type(error).__name__}).") from error


def _copy(response: http.client.HTTPResponse, part: Path, have: int, checkpoint: Checkpoint) -> None:
    length = response.headers.get("Content-Length")
    total = have + int(length) if length and length.isdigit() else None
    most = checkpoint.bytes * 11 // 10 + 1_000_000
    bar = tqdm(
        desc=checkpoint.file, total=total, initial=have, unit="B", unit_scale=True, disable=None, file=sys.stderr
    )
    with part.open("ab" if have else "wb") as file, bar:
        got = _copy_blocks(response, file, bar, most - have)
    if have + got > most:
        part.unlink()
        raise FetchError(
            f"{response.url}: the server sends more than the published file has ({checkpoint.bytes:,} bytes). It was "
            f"deleted. {_ADDRESS}"
        )
    if total is not None and have + got < total:
        raise _Interrupted(f"the connection ended after {have + got:,} of {total:,} bytes.")


def _copy_blocks(response: http.client.HTTPResponse, file: BinaryIO, bar: tqdm[NoReturn], most: int) -> int:
    got = 0
    while got <= most and (block := response.read(_BLOCK)):
        file.write(block)
        got += len(block)
        bar.update(len(block))
    return got


def _start(response: http.client.HTTPResponse) -> int | None:
    """First byte that a partial answer holds, from its header `Content-Range: bytes 100-199/200`."""
    unit, _, span = response.headers.get("Content-Range", "").partition(" ")
    first = span.split("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else None


def _explain_status(url: str, error: urllib.error.HTTPError) -> str:
    if error.code in (404, 410):
        return f"{url} does not exist (HTTP {error.code}). The file may have moved. {_ADDRESS}"
    if error.code in (401, 403, 407):
        return f"{url}: the server or a proxy refuses it (HTTP {error.code}). Check the proxy settings (https_proxy)."
    return f"{url}: the server answers HTTP {error.code} {error.reason}. Try again later."


def _explain_network(url: str, reason: object, directory: Path) -> str:
    return (
        f"{url} cannot be reached: {reason}. Check the network and the proxy settings (https_proxy), and "
        f"run the command again: it continues what was begun. "
        f"Without a network, copy the file from another machine into {directory}."
    )


def _explain_disk(error: OSError, directory: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {directory} is full. Make room and run the command again: it goes on from there."
    return f"{directory} cannot be written: {error}. Set ENCODEC_MODEL_DIR to a folder that can."


def main(argv: Sequence[str] | None = None, published: Mapping[str, Checkpoint] = PUBLISHED) -> int:
    """Run the command line; 0 if every checkpoint is there in the end.

    Parameters
    ----------
    argv : sequence of str, optional
    published : mapping of str to Checkpoint
        What can be fetched.
    """
    parser = argparse.ArgumentParser(prog="python -m audiocodecs fetch", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(published)}; all if none is given")
    parser.add_argument(
        "--dir", type=Path, help="folder for the files (default: ENCODEC_MODEL_DIR, else models/ under VAR_DIR)"
    )
    parser.add_argument(
        "--base-url",
        default=os.environ.get("ENCODEC_BASE_URL") or BASE_URL,
        help="a mirror; ENCODEC_BASE_URL does the same (default: %(default)s)",
    )
    arguments = parser.parse_args(argv)
    directory = (arguments.dir or model_dir()).expanduser().resolve()
    for name in arguments.names:
        if name not in published:
            parser.error(f"there is no checkpoint {name!r}; there are: {', '.join(published)}")

    print("Licence of EnCodec's code:", checkpoints.CODE_LICENCE)
    print("Licence of its weights:", checkpoints.WEIGHTS_LICENCE)
    try:
        for name in arguments.names or published:
            print(f"{published[name].file} ({published[name].bytes / 1e6:.1f} MB)", flush=True)
            path = download(published[name], directory, arguments.base_url)
            print(f"  whole, sha256 {published[name].sha256}...: {path}")
    except FetchError as error:
        print(f"fetch failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nfetch stopped. Run the command again: it goes on from there.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
