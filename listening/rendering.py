"""One clip through one condition: claimed, rendered, measured, stored once.

A rendering is leased: whoever claims it must show signs of life, and what a dead
worker left is free again when its lease runs out. Done twice, it changes nothing.
"""

from __future__ import annotations

import errno
import hashlib
import io
import logging
import os
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import F
from django.utils import timezone

from audiocodecs import audio
from audiocodecs.base import Codec, CodecError, Samples
from audiocodecs.packet_loss import for_clip, packet_loss
from audiocodecs.registry import get_codec, parse_spec
from listening import aligning, clips, commands, supplied
from listening.models import Clip, Rendering
from listening.models.rendering import MAX_ATTEMPTS
from listening.storage import store_once

log = logging.getLogger(__name__)

LOOK_FOR_ROOM = 20.0
"""Seconds until a rendering that met a full disk is tried again."""

LOUDEST = 4.0
"""Full scale is 1. What comes back louder is no decoded audio."""


class Garbage(CodecError):
    """A codec returned something that is not the clip."""


class Lease:
    """The right to work on a rendering, renewed by a thread until the block ends.

    Parameters
    ----------
    rendering : Rendering
        As claimed.
    """

    def __init__(self, rendering: Rendering) -> None:
        self._pk, self._lease = rendering.pk, rendering.lease
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _renew(self) -> None:
        try:
            while not self._stop.wait(settings.RENDER_LEASE / 3):
                held = Rendering.objects.filter(pk=self._pk, lease=self._lease, state=Rendering.State.RUNNING)
                held.update(lease_until=timezone.now() + timedelta(seconds=settings.RENDER_LEASE))
        finally:
            connection.close()


def claim(rendering_id: int) -> Rendering | None:
    """Take a rendering that is free, or None if it is not (done, held by another, not due)."""
    now, lease = timezone.now(), secrets.token_hex(16)
    taken = (
        Rendering.objects.filter(pk=rendering_id)
        .free(now)
        .update(
            state=Rendering.State.RUNNING,
            lease=lease,
            lease_until=now + timedelta(seconds=settings.RENDER_LEASE),
            attempts=F("attempts") + 1,
            not_before=None,
        )
    )
    if not taken:
        return None
    return Rendering.objects.select_related("clip__study", "condition").get(pk=rendering_id)


def render(rendering_id: int) -> Rendering | None:
    """Claim a rendering and do it; returns it in its new state, or None if it was not free.

    A fault of the codec or the clip fails it with the text; one that may pass (memory,
    disk, database, time) queues it again, later each time, up to MAX_ATTEMPTS.
    """
    rendering = claim(rendering_id)
    if rendering is None:
        return None
    if rendering.attempts > MAX_ATTEMPTS:
        died = f"Its worker died or ran out of time {MAX_ATTEMPTS} times. Look into the worker's log, then retry."
        _finish(rendering, state=Rendering.State.FAILED, error=rendering.error or died)
        return rendering
    with Lease(rendering):
        try:
            _finish(rendering, state=Rendering.State.DONE, error="", **_work(rendering))
        except (CodecError, clips.ClipError) as error:
            _finish(rendering, state=Rendering.State.FAILED, error=str(error))
        except (MemoryError, OSError) as error:
            if _says_full(error):
                _wait_for_room(rendering, _in_words(error))
            else:
                postpone(rendering, _in_words(error))
    return rendering


def postpone(rendering: Rendering, error: str) -> None:
    """Queue a rendering again after a fault that may pass, or fail it after MAX_ATTEMPTS."""
    if rendering.attempts >= MAX_ATTEMPTS:
        _finish(rendering, state=Rendering.State.FAILED, error=error)
        return
    wait = timedelta(seconds=5 * 2**rendering.attempts)
    _finish(rendering, state=Rendering.State.QUEUED, error=error, not_before=timezone.now() + wait)


def _wait_for_room(rendering: Rendering, error: str) -> None:
    """Queue a rendering again after a full disk, which says nothing about the rendering: the attempt is not counted."""
    not_before = timezone.now() + timedelta(seconds=LOOK_FOR_ROOM)
    _finish(
        rendering,
        state=Rendering.State.QUEUED,
        error=error,
        not_before=not_before,
        attempts=rendering.attempts - 1,
    )


def stimulus_key(reference_sha256: str, spec: str, version: str) -> str:
    """Hash of all that a stimulus depends on."""
    return hashlib.sha256("\n".join((reference_sha256, spec, version)).encode()).hexdigest()


def _work(rendering: Rendering) -> dict[str, object]:
    clip = rendering.clip
    clips.prepare(clip)
    spec = rendering.condition.spec
    if supplied.is_supplied(spec):
        source: _File | _Coded = _File(rendering)
    elif commands.is_command(spec):
        source = _Coded(commands.codec_of(rendering.condition))
    else:
        spec = str(for_clip(parse_spec(spec), clip.reference_sha256))
        source = _Coded(get_codec(spec))
    key = stimulus_key(clip.reference_sha256, spec if isinstance(source, _Coded) else "file", source.version)
    if (twin := _same(key, rendering)) is not None:
        return twin
    return {"key": key, "codec_version": source.version, **source.results(clip)}


_RESULTS = (
    *("key", "codec_version", "stimulus", "stimulus_sha256", "kbps", "container_kbps", "delay_samples"),
    *("encode_seconds", "decode_seconds", "cpu_seconds", "peak", "clipped_samples", "loudness_difference"),
    "warnings",
)


def _same(key: str, rendering: Rendering) -> dict[str, object] | None:
    """Results of a finished rendering of this key whose file is there; the key of an imported one is only claimed."""
    made = Rendering.objects.filter(key=key, state=Rendering.State.DONE, imported=False)
    twin = next(iter(made.exclude(pk=rendering.pk).order_by().values(*_RESULTS)[:1]), None)
    return twin if twin and default_storage.exists(twin["stimulus"]) else None


class _Coded:
    """A stimulus from a codec that runs here."""

    def __init__(self, codec: Codec) -> None:
        self._codec, self.version = codec, codec.version

    def results(self, clip: Clip) -> dict[str, object]:
        codec, rate, reference = self._codec, clip.study.rate, clips.reference_of(clip)
        begun, worked = time.perf_counter(), _cpu_seconds()
        encoded = codec.encode(reference.samples, rate)
        between = time.perf_counter()
        decoded, decoded_rate = codec.decode(encoded)
        ended, worked = time.perf_counter(), _cpu_seconds() - worked
        _check_form(codec.title, reference.samples, rate, decoded, decoded_rate)
        if packet_loss(codec.spec).percent and not decoded.any():
            raise Garbage(f"{codec.title} lost every packet of this clip. Use another seed, or a shorter burst.")
        delay = reference.delay_of(_checked(codec.title, decoded))
        samples = aligning.moved(decoded, delay, reference.samples.shape[1])
        return {
            **_stored(clip, samples),
            "kbps": encoded.kbps,
            "container_kbps": encoded.container_kbps,
            "delay_samples": delay,
            "encode_seconds": between - begun,
            "decode_seconds": ended - between,
            "cpu_seconds": worked,
            "warnings": [],
        }


class _File:
    """A stimulus from a file that was made elsewhere."""

    def __init__(self, rendering: Rendering) -> None:
        self._file, self._title = supplied.file_of(rendering), rendering.condition.title
        self.version = supplied.version_of(self._file)

    def results(self, clip: Clip) -> dict[str, object]:
        study, found, original = clip.study, supplied.read(self._file), clips.original(clip)
        compared = supplied.compare(clip, original, found)
        samples = compared.excerpt * np.float32(10 ** ((clip.gain_db or 0.0) / 20))
        kept = _stored(clip, audio.fit_length(_checked(self._title, samples), clip.frames))
        level = kept["loudness_difference"]
        return {
            **kept,
            "kbps": None,
            "container_kbps": None,
            "delay_samples": round(compared.delay * study.rate / found.rate),
            "encode_seconds": None,
            "decode_seconds": None,
            "cpu_seconds": None,
            "warnings": supplied.warnings(clip, original, found, replace(compared, level=level)),
        }


def _stored(clip: Clip, samples: Samples) -> dict[str, Any]:
    """Keep a stimulus of a prepared clip; its file, and what is measured on it."""
    rate = clip.study.rate
    buffer = io.BytesIO()
    audio.write_wav(buffer, samples, rate)
    content = buffer.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    with ThreadPoolExecutor(1) as disk:  # it is waited for while the sound is measured
        stored = disk.submit(store_once, "stimuli", sha256, ".wav", content)
        same = sha256 == clip.reference_sha256
        difference = 0.0 if same else audio.loudness(samples, rate) - clip.loudness
        return {
            "stimulus_sha256": sha256,
            "peak": 20 * float(np.log10(max(np.abs(samples).max(), 1e-6))),
            "clipped_samples": int(np.count_nonzero(np.abs(samples) > 1)),
            "loudness_difference": float(difference) if np.isfinite(difference) else None,
            "stimulus": stored.result(),
        }


def _cpu_seconds() -> float:
    """Processor time of this process, its threads and the programs that it has run, seconds."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _check_form(title: str, reference: Samples, rate: int, decoded: Samples, decoded_rate: int) -> None:
    if decoded_rate != rate or decoded.ndim != 2 or decoded.shape[0] != reference.shape[0]:
        got, sent = f"{decoded.shape} at {decoded_rate} Hz", f"{reference.shape} at {rate} Hz"
        raise Garbage(f"{title} returned {got} for {sent}.")


def _checked(title: str, decoded: Samples) -> Samples:
    if not np.isfinite(decoded).all():
        raise Garbage(f"{title} returned samples that are not numbers (NaN or infinite).")
    peak = float(np.abs(decoded).max(initial=0))
    if peak == 0:
        raise Garbage(f"{title} returned silence for a clip that is not silent.")
    if peak > LOUDEST:
        raise Garbage(f"{title} returned a peak of {20 * np.log10(peak):+.0f} dBFS: this is not the clip.")
    return decoded


def _finish(rendering: Rendering, **values: object) -> None:
    """Write the outcome, if the lease is still ours: a slower twin must not undo a finished one."""
    if values["state"] != Rendering.State.QUEUED:
        values["finished_at"] = timezone.now()
    values |= {"lease": "", "lease_until": None, "published_at": None, "imported": False}
    held = Rendering.objects.filter(pk=rendering.pk, lease=rendering.lease, state=Rendering.State.RUNNING)
    if held.update(**values):
        log.info("%s: %s %s", rendering, values["state"], values["error"])
        for name, value in values.items():
            setattr(rendering, name, value)
    else:
        rendering.refresh_from_db()


def _says_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _in_words(error: BaseException) -> str:
    if _says_full(error):
        return "The disk is full. Make room; it is tried again by itself."
    if isinstance(error, MemoryError):
        return "There was not enough memory. It is tried again by itself."
    return f"{type(error).__name__}: {error}. It is tried again by itself."


def lost(now: datetime) -> list[int]:
    """Renderings that nobody works on and no message may be on its way for.

    Those whose lease ran out, at once. Queued ones only while no worker shows life:
    otherwise their messages are waiting behind others.
    """
    free = Rendering.objects.free(now)
    recently = now - timedelta(seconds=settings.RENDER_LEASE)
    ids = set(free.filter(state=Rendering.State.RUNNING).values_list("pk", flat=True))
    queued = free.filter(state=Rendering.State.QUEUED)
    ids.update(queued.filter(published_at=None).values_list("pk", flat=True))
    alive = Rendering.objects.leased(now).exists() or Rendering.objects.filter(finished_at__gt=recently).exists()
    if not alive:
        ids.update(queued.filter(published_at__lt=recently).values_list("pk", flat=True))
    return sorted(ids)
