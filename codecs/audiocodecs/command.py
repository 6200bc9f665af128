"""A codec that is a program on this machine, told in a command line: `mycodec -b {kbps} {input} {output}`.

It is in no registry: who makes it says which programs are allowed. Either one command makes decoded sound of sound, or
one encodes and another decodes; then the size of the file between them is the bitrate.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from audiocodecs import audio, confined
from audiocodecs.base import Codec, CodecError, CodecUnavailable, Encoded, Samples, Spec, UnknownCodec, check_samples

PLACES = ("input", "output", "kbps", "bps", "rate", "channels")
"""What may stand in braces."""
_ARGUMENT = re.compile(r"[A-Za-z0-9_.,:=+%@{}-]+")
"""Without / and ~ no argument can name a file outside the program's folder."""
_MOST_ARGUMENTS = 60
_LONGEST_FACTOR = 2.0
_SPARE_SECONDS = 5.0


@dataclass(frozen=True)
class Template:
    """Command lines of a codec.

    Attributes
    ----------
    encode : str
        With `{input}` and `{output}`; also `{kbps}`, `{bps}`, `{rate}`, `{channels}`.
    decode : str
        The same, from what the first one wrote; empty if that is decoded sound already.
    """

    encode: str
    decode: str = ""

    def check(self, programs: Mapping[str, str], kbps: float | None) -> None:
        """Look at the command lines without running them.

        Parameters
        ----------
        programs : mapping of str to str
            Allowed programs: names and absolute paths.
        kbps : float or None

        Raises
        ------
        UnknownCodec
            If a command line can't be run as it is; the text says why.
        CodecUnavailable
            If a program is not allowed or not there.
        """
        for line in filter(None, (self.encode, self.decode)):
            arguments(line, programs, {"kbps": kbps})


def arguments(line: str, programs: Mapping[str, str], values: Mapping[str, object]) -> list[str]:
    """Split a command line, check it, and fill in what stands in braces.

    >>> arguments("cat {input} {output}.wav -n 8k", {"cat": "/bin/cat"}, {"input": "in.wav", "output": "out"})
    ['/bin/cat', 'in.wav', 'out.wav', '-n', '8k']
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UnknownCodec(f"The command line {line!r} can't be read ({error}). Close its quotes.") from error
    if not words:
        raise UnknownCodec("The command line is empty.")
    if words[0] not in programs:
        allowed = ", ".join(sorted(programs)) or "none"
        raise CodecUnavailable(
            f"The program {words[0]!r} is not allowed here. Allowed: {allowed}.",
            "Ask who runs the server to add it to CODEC_PROGRAMS.",
        )
    if not Path(programs[words[0]]).is_file():
        raise CodecUnavailable(f"The program {words[0]!r} is not on this machine.", "Ask who runs the server.")
    if len(words) > _MOST_ARGUMENTS:
        raise UnknownCodec(f"The command line has more than {_MOST_ARGUMENTS} arguments.")
    for word in words[1:]:
        if not _ARGUMENT.fullmatch(word) or ".." in word:
            raise UnknownCodec(
                f"The argument {word!r} can't be used: letters, digits and . , : = + % @ _ - may be used, no paths. "
                "Files are {input} and {output}."
            )
        for place in re.findall(r"\{(.*?)\}", word):
            if place not in PLACES:
                raise UnknownCodec(f"{{{place}}} means nothing. There are: {', '.join(f'{{{p}}}' for p in PLACES)}.")
            if place in ("kbps", "bps") and values.get("kbps", 0) is None:
                raise UnknownCodec(f"The command line has {{{place}}}, and no bitrate was given.")
        if set(re.sub(r"\{(.*?)\}", "", word)) & set("{}"):
            raise UnknownCodec(f"In {word!r} a brace is not closed.")
    if not all(re.fullmatch(r"(\.[A-Za-z0-9]{1,8})?", w.split("{output}", 1)[1]) for w in words if "{output}" in w):
        raise UnknownCodec("After {output} only an ending may follow, as in {output}.opus.")
    for place in ("input", "output"):
        if not any(f"{{{place}}}" in word for word in words):
            raise UnknownCodec(f"The command line has no {{{place}}}: the program must be told its files.")
    filled = [re.sub(r"\{(.*?)\}", lambda found: str(values.get(found[1], found[0])), word) for word in words[1:]]
    return [programs[words[0]], *filled]


class Command(Codec):
    """A program as a codec.

    Parameters
    ----------
    spec : Spec
        Its value is what `{kbps}` stands for.
    template : Template
    programs : mapping of str to str
        Allowed programs: names and absolute paths.
    limits : Limits
    """

    name = "command"
    title = "Command"

    def __init__(
        self, spec: Spec, template: Template, programs: Mapping[str, str], limits: confined.Limits | None = None
    ) -> None:
        super().__init__(spec)
        template.check(programs, spec.value)
        self._template, self._programs, self._limits = template, programs, limits or confined.Limits()

    @property
    def version(self) -> str:
        """The command lines, hashed, and the sha256 of the programs."""
        lines = (self._template.encode, self._template.decode)
        used = dict.fromkeys(shlex.split(line)[0] for line in lines if line)
        told = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
        return ", ".join([f"command {told}", *(f"{each} {_digest(self._programs[each])}" for each in used)])

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Run the first command on the samples as a 16-bit WAV file."""
        checked = check_samples(samples, self)
        channels, n = checked.shape
        with tempfile.TemporaryDirectory(prefix="command-") as name:
            folder = Path(name)
            audio.write_wav(folder / "input.wav", checked, rate)
            wanted = "coded" if self._template.decode else "output"
            made = self._run(self._template.encode, folder, "input.wav", wanted, rate, channels)
            if self._template.decode:
                data = made.read_bytes()
                if not data:
                    raise CodecError(f"{self._called(self._template.encode)} wrote an empty file.")
                return Encoded(data, data, rate, channels, n)
            decoded = _sound(made, self._called(self._template.encode), rate, channels, n)
            return Encoded(b"", b"", rate, channels, n, passthrough=decoded)

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Run the second command on what the first one wrote. The sound is as long as the program made it."""
        if encoded.passthrough is not None:
            return encoded.passthrough, encoded.rate
        line = self._template.decode
        with tempfile.TemporaryDirectory(prefix="command-") as name:
            folder = Path(name)
            source = "coded" + _after_output(self._template.encode)
            (folder / source).write_bytes(encoded.container)
            made = self._run(line, folder, source, "output", encoded.rate, encoded.channels)
            called = self._called(line)
            return _sound(made, called, encoded.rate, encoded.channels, encoded.samples), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """A program's own file says nothing of its length to us."""
        raise CodecError("The file of a command can't be read without its clip.")

    def _run(self, line: str, folder: Path, source: str, target: str, rate: int, channels: int) -> Path:
        """Run a command line; the file that it wrote, whose name is `target` and what follows `{output}`."""
        kbps = self.spec.value
        values = {
            "input": source,
            "output": target,
            "kbps": None if kbps is None else f"{kbps:g}",
            "bps": None if kbps is None else str(round(kbps * 1000)),
            "rate": rate,
            "channels": channels,
        }
        confined.run(self._called(line), arguments(line, self._programs, values), folder, self._limits)
        made = folder / (target + _after_output(line))
        if not made.is_file() or made.is_symlink():
            said = confined.last_lines(folder / ".said")
            raise CodecError(f"{self._called(line)} wrote no file {made.name}.{said}")
        return made

    def _called(self, line: str) -> str:
        return shlex.split(line)[0]


def _after_output(line: str) -> str:
    """What follows `{output}` in its argument: the ending of the file's name."""
    return next(word.split("{output}", 1)[1] for word in shlex.split(line) if "{output}" in word)


def _sound(made: Path, called: str, rate: int, channels: int, n: int) -> Samples:
    try:
        found = audio.read(made, max_seconds=_LONGEST_FACTOR * n / rate + _SPARE_SECONDS)
        samples = audio.to_channels(found.samples, channels)
    except audio.AudioError as error:
        raise CodecError(f"{called} wrote no sound that can be used: {error}") from error
    return np.asarray(audio.resample(samples, found.rate, rate), dtype=np.float32)


def _digest(program: str) -> str:
    state = Path(program).stat()
    return _digest_of(program, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=16)
def _digest_of(program: str, mtime_ns: int, size: int) -> str:
    return hashlib.sha256(Path(program).read_bytes()).hexdigest()[:12]
