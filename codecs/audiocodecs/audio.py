"""Audio files in and out, rates, channels, loudness, delay.

>>> import io
>>> import numpy as np
>>> file = io.BytesIO()
>>> write_wav(file, np.zeros((1, 4800), np.float32), 48000)
>>> audio = read(io.BytesIO(file.getvalue()))
>>> audio.samples.shape, audio.rate, audio.format, audio.subtype
((1, 4800), 48000, 'WAV', 'PCM_16')
"""

from __future__ import annotations

import contextlib
import io
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import av
import numpy as np
import soundfile
import soxr

from audiocodecs import lengths, wav_stream
from audiocodecs.alignment import Correlator, align, envelope_lag, fit_length, lag
from audiocodecs.base import CodecError, Samples
from audiocodecs.lossy import SOUNDFILE_SUBTYPES, loses
from audiocodecs.loudness import loudness, true_peak
from audiocodecs.pieces import Pieces

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

__all__ = [
    "Audio",
    "AudioError",
    "Correlator",
    "Probe",
    "align",
    "check_length",
    "envelope_lag",
    "fit_length",
    "lag",
    "loudness",
    "probe",
    "read",
    "read_pieces",
    "resample",
    "to_channels",
    "true_peak",
    "write_wav",
]

Source = str | os.PathLike[str] | BinaryIO

_BLOCK = 1 << 16
_RATES = (4000, 768000)
_MOST_CHANNELS = 32
# Only formats that hold sound themselves: playlists and concatenation scripts would
# let an uploaded file name other files and addresses for FFmpeg to open.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mp3,aac,adts,ogg,flac,wav,w64,aiff,au,caf,asf,amr,amrnb,amrwb,"
    "ape,wv,tta,tak,mpc,mpc8,ac3,eac3,avi,mpegts,mp2"
)
_UNKNOWN_FRAMES = 1 << 62  # from libsndfile, for a FLAC file of unknown length
_MAY_GO_ON = frozenset({"FLAC", "MP3", "OGG"})  # libsndfile stops where the first header ends them
_WITHOUT_HEADER = frozenset({"aac", "ac3", "amr", "amrnb", "amrwb", "eac3", "mp3", "mpegts", "ogg"})


class AudioError(CodecError):
    """A file that cannot be read as audio; the text says why and what to do."""


@dataclass(frozen=True)
class Audio:
    """A decoded file.

    Attributes
    ----------
    samples : ndarray of float32, shape (channels, n)
        Full scale at ±1; floating-point files may exceed it.
    rate : int
        Hz.
    format, subtype : str
        Container and sample coding as the reading library names them: "WAV", "PCM_16".
    lossy : bool
        Whether the coding loses something.
    length_note : str
        How the length differs from the header's claim, as a sentence; "" where they agree.
    """

    samples: Samples = field(repr=False)
    rate: int
    format: str
    subtype: str
    lossy: bool = False
    length_note: str = ""

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return int(self.samples.shape[1]) / self.rate


@dataclass(frozen=True)
class Probe:
    """What a file says of itself, before it is decoded.

    Attributes
    ----------
    rate, channels : int
    seconds : float
        As the header has it, or estimated; 0 where nothing tells. A header can lie: `read` trusts only what it decodes.
    format, subtype : str
    lossy : bool
        Whether the coding loses something.
    states_length : bool
        Whether `seconds` is the header's claim.
    """

    rate: int
    channels: int
    seconds: float
    format: str
    subtype: str
    lossy: bool = False
    states_length: bool = False


def read(
    source: Source,
    max_seconds: float | None = None,
    *,
    max_samples: int | None = None,
    check: Callable[[Probe], None] | None = None,
) -> Audio:
    """Decode an audio file: by libsndfile, and by FFmpeg what that cannot read.

    Parameters
    ----------
    source : path or seekable binary file
    max_seconds : float, optional
        A longer file is refused, before it is decoded where its header tells.
    max_samples : int, optional
        The same for the samples of all channels together, which bounds the memory.
    check : callable, optional
        Called with what the header says, before anything is decoded; refuses a file by raising.

    Raises
    ------
    AudioError
        If it is empty, no audio, damaged so that nothing decodes, longer than
        `max_seconds` or `max_samples`, or holds NaN or infinite samples.
    """
    with _opened(source) as file:
        found = _probe(file)
        if check is not None:
            check(found)
        longest = check_length(found, max_seconds, max_samples)
        blocks, n = [], 0
        decoding = _Decoding(file, found)
        for block in decoding.blocks():
            blocks.append(block)
            n += block.shape[1]
            if n > longest * found.rate:
                raise AudioError(_too_long(None, longest))
        length_note = decoding.length_note(n / found.rate)
    if n == 0:
        raise AudioError(f"The file is {found.format} but holds no samples. Export it again.")
    samples = np.concatenate(blocks, axis=1, out=np.empty((blocks[0].shape[0], n), np.float32))
    if not np.isfinite(samples).all():
        where = int(np.flatnonzero(~np.isfinite(samples).all(axis=0))[0])
        raise AudioError(
            f"The file holds samples that are not numbers (NaN or infinite), the first at "
            f"{where / found.rate:.3f} s. Export it again as 16 or 24-bit PCM."
        )
    return Audio(samples, found.rate, found.format, found.subtype, found.lossy, length_note)


def read_pieces(path: str | os.PathLike[str]) -> Pieces:
    """Decode an audio file as its samples are asked for, in bounded memory.

    Raises
    ------
    AudioError
        As `read`; damage inside the file when it is reached.
    """
    found = probe(path)

    def blocks() -> Iterator[Samples]:
        with _opened(path) as file:
            yield from _Decoding(file, found).blocks()

    return Pieces(found.rate, found.channels, blocks())


def probe(source: Source) -> Probe:
    """Rate, channels and duration of a file without decoding it.

    Raises
    ------
    AudioError
        If it is empty, not audio, or has a rate or channel count that nothing real has.
    """
    with _opened(source) as file:
        return _probe(file)


def check_length(found: Probe, max_seconds: float | None, max_samples: int | None) -> float:
    """Refuse a file whose header says that it is too long.

    Parameters
    ----------
    found : Probe
    max_seconds : float or None
    max_samples : int or None
        Of all channels together.

    Returns
    -------
    float
        Seconds that the file may have.

    Raises
    ------
    AudioError
    """
    by_time = math.inf if max_seconds is None else max_seconds
    by_samples = math.inf if max_samples is None else max_samples / (found.channels * found.rate)
    longest = min(by_time, by_samples)
    if found.seconds > longest:
        raise AudioError(_too_long(found.seconds, longest))
    return longest


def resample(samples: Samples, rate_in: int, rate_out: int) -> Samples:
    """Change the sample rate, without delay.

    Parameters
    ----------
    samples : ndarray, shape (channels, n)
    rate_in, rate_out : int
        Hz.

    Returns
    -------
    ndarray of float32, shape (channels, max(1, round(n * rate_out / rate_in)))
        By soxr at its very high quality (linear phase, pass-band to 91% of Nyquist or better).
    """
    if rate_in <= 0 or rate_out <= 0:
        raise ValueError(f"Cannot resample from {rate_in} Hz to {rate_out} Hz: rates are positive.")
    if rate_in == rate_out:
        return np.array(samples, dtype=np.float32)
    n = samples.shape[1]
    length = max(1, round(n * rate_out / rate_in)) if n else 0
    found = soxr.resample(np.ascontiguousarray(samples.T, dtype=np.float32), rate_in, rate_out, "VHQ").T
    return fit_length(found, length)


def to_channels(samples: Samples, channels: int) -> Samples:
    """Mono from stereo (the mean) or stereo from mono (twice the same).

    Raises
    ------
    AudioError
        For more than two channels: how to mix them is the author's decision.
    """
    if samples.shape[0] == channels:
        return samples
    if samples.shape[0] == 2 and channels == 1:
        return np.asarray(samples.mean(axis=0, keepdims=True), dtype=np.float32)
    if samples.shape[0] == 1 and channels == 2:
        return np.repeat(samples, 2, axis=0)
    raise AudioError(f"{samples.shape[0]} channels cannot be made {channels}. Mix the file to mono or stereo first.")


def write_wav(target: str | os.PathLike[str] | BinaryIO, samples: Samples, rate: int) -> None:
    """Write 16-bit PCM WAV with the plain header of 44 bytes.

    Samples are rounded to multiples of 1/32768, so 16-bit audio comes back as it was;
    no dither; what exceeds full scale is clipped.
    """
    channels, n = samples.shape
    data = wav_stream.header(rate, channels, n) + wav_stream.pcm16(samples)
    if isinstance(target, str | os.PathLike):
        Path(target).write_bytes(data)
    else:
        target.write(data)


class _Nameless(io.RawIOBase):
    """A file without its name: libsndfile takes `.raw` in a name for headerless data."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        # A damaged file sends libsndfile before the start; it sees that the place did not change.
        with contextlib.suppress(ValueError, OSError):
            self._file.seek(offset, whence)
        return self._file.tell()

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    with contextlib.ExitStack() as stack:
        if isinstance(source, str | os.PathLike):
            try:
                file: BinaryIO = stack.enter_context(Path(source).open("rb"))
            except OSError as error:
                raise AudioError(f"{source} cannot be opened: {error.strerror}.") from error
        else:
            file = source
        if file.seek(0, os.SEEK_END) == 0:
            raise AudioError("The file is empty (0 bytes). Upload it again.")
        file.seek(0)
        yield file


def _probe(file: BinaryIO) -> Probe:
    found = _probe_soundfile(file)
    if not _RATES[0] <= found.rate <= _RATES[1]:
        raise AudioError(f"The file says its sample rate is {found.rate} Hz. Export it at 8 to 192 kHz.")
    if not 1 <= found.channels <= _MOST_CHANNELS:
        raise AudioError(f"The file says it has {found.channels} channels. Export it in mono or stereo.")
    return found


def _probe_soundfile(file: BinaryIO) -> Probe:
    """What libsndfile reads in the header, or FFmpeg where libsndfile finds no format that it knows or no length."""
    file.seek(0)
    try:
        with soundfile.SoundFile(_Nameless(file)) as sound:
            known = 0 < sound.frames < _UNKNOWN_FRAMES
            found = Probe(
                sound.samplerate,
                sound.channels,
                sound.frames / sound.samplerate if known else 0.0,
                sound.format,
                sound.subtype,
                sound.subtype in SOUNDFILE_SUBTYPES,
                known,
            )
    except (soundfile.SoundFileError, ZeroDivisionError) as error:
        return _probe_ffmpeg(file, error)
    if found.states_length or not _follows(file):
        return found
    try:
        return _probe_ffmpeg(file, ValueError("no length"))
    except AudioError:
        return found


def _follows(file: BinaryIO) -> bool:
    """Whether sound may follow a header that states no length or none."""
    chunk = lengths.sound_chunk(file)
    return chunk is None or (chunk.claimed is None and chunk.present > 0)


def _probe_ffmpeg(file: BinaryIO, first: Exception) -> Probe:
    try:
        with _ffmpeg(file) as container:
            stream = _sound(container)
            codec = stream.codec_context
            alone = len(container.streams) == 1  # or the container's length may be that of its pictures
            states = container.format.name not in _WITHOUT_HEADER
            if stream.duration is not None and stream.time_base is not None:
                seconds = float(stream.duration * stream.time_base)
            elif container.duration is not None:
                seconds, states = container.duration / 1e6, states and alone
            else:
                ticks = sum(packet.duration or 0 for packet in container.demux(stream))
                seconds, states = float(ticks * (stream.time_base or 0)), False
            return Probe(
                codec.sample_rate,
                codec.channels,
                seconds,
                container.format.name,
                codec.name,
                loses(codec.codec),
                states,
            )
    except (av.FFmpegError, OSError, ValueError) as error:
        reasons = f"libsndfile: {_why(first)}; FFmpeg: {getattr(error, 'strerror', None) or error}"
        raise AudioError(f"This is not audio that can be read ({reasons}). Export it as WAV or FLAC.") from error


class _Decoding:
    """A file that is decoded: by libsndfile, and by FFmpeg what that cannot read or leaves."""

    def __init__(self, file: BinaryIO, found: Probe) -> None:
        self._file, self._found = file, found
        self._cut_off = self._goes_on = False

    def blocks(self) -> Iterator[Samples]:
        """The samples, (channels, n) each.

        Raises
        ------
        AudioError
            If the file is damaged. One that is cut off inside its last block is not.
        """
        if self._found.format not in soundfile.available_formats():
            yield from self._by_ffmpeg()
            return
        n = 0
        try:
            for block in self._by_soundfile():
                n += block.shape[1]
                yield block
        except soundfile.SoundFileError as error:
            if self._found.format != "FLAC":
                raise AudioError(
                    f"The {self._found.format} file is damaged ({_why(error)}). Export it again."
                ) from error
            yield from _without(n, self._by_ffmpeg())
            return
        if self._found.format in _MAY_GO_ON and self._packed_seconds() > n / self._found.rate + lengths.LOSSY_TOLERANCE:
            try:
                yield from _without(n, self._by_ffmpeg())
            except AudioError:
                self._goes_on = True

    def length_note(self, seconds: float) -> str:
        """How the decoded length differs from the header's claim, as a sentence."""
        found = self._found
        claimed = found.seconds if found.states_length else None
        said = lengths.note(self._file, seconds, claimed, lossy=found.lossy, goes_on=self._goes_on)
        return said or (f"Cut off inside its last block, after {seconds:.2f} s." if self._cut_off else "")

    def _by_soundfile(self) -> Iterator[Samples]:
        self._file.seek(0)
        with soundfile.SoundFile(_Nameless(self._file)) as sound:
            while (block := sound.read(_BLOCK, "float32", always_2d=True)).size:
                yield block.T

    def _by_ffmpeg(self) -> Iterator[Samples]:
        found = self._found
        try:
            with _ffmpeg(self._file) as container:
                stream = _sound(container)
                if stream.codec_context.name == "flac":
                    stream.codec_context.options = {"err_detect": "crccheck+explode"}
                planar = av.AudioResampler(format="fltp", layout=stream.layout, rate=found.rate)
                for frame in chain(self._frames(container, stream), [None]):
                    for part in planar.resample(frame):
                        yield self._samples(part)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise _damaged(found.format, error) from error

    def _samples(self, part: av.AudioFrame) -> Samples:
        """Samples of a part. ValueError if its rate or channels are not the file's: damage, or another file follows."""
        rate, channels = part.sample_rate, len(part.layout.channels)
        if (rate, channels) != (self._found.rate, self._found.channels):
            raise ValueError(f"the rate changes to {rate} Hz or the number of channels to {channels}")
        return part.to_ndarray().astype(np.float32, copy=False)

    def _frames(self, container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
        """Decoded frames. A fault in the last packet means that the file is cut off, one before it damage."""
        fault: av.FFmpegError | None = None
        places = _Places(self._found.rate)
        for packet in container.demux(stream):
            if fault is not None and packet.size:
                raise fault
            try:
                for frame in packet.decode():
                    if self._found.format.upper() == "FLAC":
                        places.check(frame)
                    yield frame
            except av.InvalidDataError as error:
                fault = error
        self._cut_off = fault is not None

    def _packed_seconds(self) -> float:
        """Length of all packets in the file, whatever the header says."""
        try:
            with _ffmpeg(self._file) as container:
                stream = _sound(container)
                try:
                    ticks = sum(packet.duration or 0 for packet in container.demux(stream))
                except av.FFmpegError:
                    return math.inf  # more follows, of another kind
                return float(ticks * (stream.time_base or 0))
        except (av.FFmpegError, OSError, ValueError):
            return 0.0


class _Places:
    """Where the frames of a file say that they belong; FFmpeg leaves out damaged ones without a word."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._next: int | None = None

    def check(self, frame: av.AudioFrame) -> None:
        """Raise ValueError if frames are missing before this one."""
        if frame.pts is None or frame.time_base is None:
            raise ValueError("a block without its place")
        place = round(frame.pts * frame.time_base * self._rate)
        if self._next is not None and self._next != place:
            raise ValueError(f"samples are missing at {self._next / self._rate:.2f} s")
        self._next = place + frame.samples


def _damaged(format: str, error: Exception) -> AudioError:
    return AudioError(f"The {format} file is damaged ({_why(error)}). Export it again.")


def _without(n: int, blocks: Iterator[Samples]) -> Iterator[Samples]:
    """The blocks without their first `n` samples."""
    for block in blocks:
        if block.shape[1] > n:
            yield block[:, n:]
        n = max(0, n - block.shape[1])


def _why(error: Exception) -> str:
    """libsndfile's own words, without the memory address of the file object."""
    return str(getattr(error, "error_string", error)).rstrip(". ")


def _ffmpeg(file: BinaryIO) -> av.container.InputContainer:
    file.seek(0)
    limits = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
    return av.open(_Nameless(file), "r", container_options=limits, metadata_errors="ignore")


def _sound(container: av.container.InputContainer) -> av.AudioStream:
    if not container.streams.audio:
        raise ValueError("there is no sound in it")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise ValueError("its sound is coded in an unknown way")
    stream.codec_context.thread_count = 1
    return stream


def _too_long(seconds: float | None, most: float) -> str:
    is_long = "The file is longer" if seconds is None else f"The file is {seconds:.1f} s long, more"
    return f"{is_long} than the {most:g} s allowed. Cut out the passage to be heard."
