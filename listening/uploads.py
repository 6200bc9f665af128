"""Files that come in parts, so that a broken line goes on where it stopped.

A part is stored under its hash before the row says that it is here, and the row takes it only at the place where the
file stops: a part that comes twice, out of order or from two tabs at once changes nothing. Whoever knows the row and
the storage can go on, so that any web process takes any part.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.utils import timezone

from listening import clips
from listening.models import Clip, Study, Upload
from listening.storage import delete_folder

PART_BYTES = 1_000_000
"""Most that one request carries; less than what a proxy lets pass unless it is told otherwise."""
MOST_WAITING = 50
"""Unfinished uploads of one person in one study; the one that was left longest makes room for another."""


class UploadError(Exception):
    """What is wrong with an upload; the text says it and what to do."""


class NoRoom(UploadError):
    """The storage takes no more at present. What has arrived is kept."""


class WrongPlace(UploadError):
    """A part that does not begin where the file stops; `received` says where that is."""

    def __init__(self, received: int, why: str) -> None:
        super().__init__(why)
        self.received = received


def begin(study: Study, user: AbstractBaseUser, wanted: Upload) -> Upload:
    """Start an upload, or find the one of the same file that stopped half-way.

    A file is the same if its name, size, time of change and the hash of its start are.

    Parameters
    ----------
    study : Study
    user : User
        Whose upload it is; nobody else may add to it.
    wanted : Upload
        Not saved, with name, size, modified, start_sha256, category and licence set.

    Raises
    ------
    UploadError
        If the file is too large, or the study takes no clips.
    """
    _check_editable(study)
    check_size(wanted.size)
    mine = study.uploads.filter(user=user, clip=None)
    same = {name: getattr(wanted, name) for name in ("name", "size", "modified", "start_sha256")}
    if there := mine.filter(**same).order_by("-received").first():
        there.category, there.licence, there.touched_at = wanted.category, wanted.licence, timezone.now()
        there.save(update_fields=["category", "licence", "touched_at"])
        return there
    for left in list(mine.order_by("-touched_at")[MOST_WAITING - 1 :]):
        left.delete()
    wanted.study, wanted.user, wanted.touched_at = study, user, timezone.now()
    wanted.save()
    return wanted


def add_part(upload: Upload, offset: int, content: bytes, sha256: str = "") -> int:
    """Take a part, if it begins where the file stops; a part that is here already changes nothing.

    Parameters
    ----------
    upload : Upload
    offset : int
        Of the part's first byte in the file.
    content : bytes
        At most `PART_BYTES`.
    sha256 : str, optional
        Hash that the sender found of it.

    Returns
    -------
    int
        Bytes that are here, from the start of the file.

    Raises
    ------
    WrongPlace
        If bytes before it are missing, or it arrived other than it was sent.
    NoRoom
        If it can't be stored; what came before is kept.
    UploadError
        If it is empty, too large or beyond the file's size, or the study takes no clips.
    """
    _check_editable(upload.study)
    check_size(upload.size)
    if not 0 < len(content) <= PART_BYTES or offset < 0 or offset + len(content) > upload.size:
        raise UploadError(f"A part has 1 to {PART_BYTES} bytes and lies within the file's {upload.size}.")
    if offset + len(content) <= upload.received:
        return upload.received
    if offset != upload.received:
        raise WrongPlace(upload.received, f"The file is here up to byte {upload.received}; send what follows.")
    found = hashlib.sha256(content).hexdigest()
    if sha256 and sha256.lower() != found:
        raise WrongPlace(upload.received, "The part was damaged on its way. Send it again.")
    try:
        name = _part(upload, found)
        if not default_storage.exists(name):
            default_storage.save(name, ContentFile(content))
    except OSError as error:
        raise NoRoom(_no_room(error)) from error
    # Of two that write at once one changes the row, and it knows all parts before its own.
    Upload.objects.filter(pk=upload.pk, received=offset, clip=None).update(
        received=offset + len(content), parts=[*upload.parts, found], touched_at=timezone.now()
    )
    upload.refresh_from_db()
    return upload.received


def finish(upload: Upload) -> Clip:
    """Make the clip of an upload that is whole. Run twice, it gives the same clip.

    Raises
    ------
    WrongPlace
        If parts are missing.
    NoRoom
        If the storage is full; the parts are kept.
    ClipError
        If the file can't be a clip; the upload is gone then, since no other part would help.
    """
    if upload.clip is not None:
        return upload.clip
    _check_editable(upload.study)
    if upload.received != upload.size:
        raise WrongPlace(upload.received, f"{upload.size - upload.received} bytes are still missing.")
    try:
        with TemporaryUploadedFile(upload.name, "application/octet-stream", upload.size, None) as whole:
            _assemble(upload, whole)
            clip = clips.add_clip(upload.study, whole, upload.category, upload.licence, suggest=True, by=upload.user)
    except (clips.NotStored, OSError) as error:
        raise NoRoom(str(error) if isinstance(error, clips.NotStored) else _no_room(error)) from error
    except clips.ClipError:
        with contextlib.suppress(Upload.DoesNotExist):
            upload.refresh_from_db()
            if upload.clip is not None:  # the same request twice, at the same time
                return upload.clip
            upload.delete()
        raise
    Upload.objects.filter(pk=upload.pk).update(clip=clip, parts=[])
    delete_folder(upload.folder)
    return clip


def waiting(study: Study, user: AbstractBaseUser) -> list[Upload]:
    """A person's uploads that stopped half-way."""
    return list(study.uploads.filter(user=user, clip=None))


def sweep(now: datetime) -> int:
    """Remove uploads to which nothing came for `UPLOAD_KEEP_HOURS`, with their parts; how many they were."""
    old = list(Upload.objects.filter(touched_at__lt=now - timedelta(hours=settings.UPLOAD_KEEP_HOURS)))
    for upload in old:
        upload.delete()
    return len(old)


def check_size(size: int) -> None:
    """Refuse a file by its size alone, before any of it is sent.

    Raises
    ------
    UploadError
    """
    try:
        clips.check_size(size)
    except clips.ClipError as error:
        raise UploadError(str(error)) from error


def own_name(name: str) -> str:
    """A file's name without the folders that a browser may put before it; "" where nothing is left.

    >>> own_name("C:\\\\clips\\\\a.wav"), own_name("../..")
    ('a.wav', '')
    """
    found = PurePosixPath(name.replace("\\", "/")).name
    return "" if found in (".", "..") else found


def _assemble(upload: Upload, whole: TemporaryUploadedFile) -> None:
    """Write the parts one after the other; one that is gone or damaged is asked for again."""
    for number, sha256 in enumerate(upload.parts):
        try:
            with default_storage.open(_part(upload, sha256)) as file:
                content = file.read()
        except FileNotFoundError:
            content = b""
        if hashlib.sha256(content).hexdigest() != sha256:
            received = whole.tell()
            Upload.objects.filter(pk=upload.pk).update(received=received, parts=upload.parts[:number])
            default_storage.delete(_part(upload, sha256))
            raise WrongPlace(received, f"The file is here up to byte {received} only; send what follows.")
        whole.write(content)
    whole.seek(0)


def _part(upload: Upload, sha256: str) -> str:
    return f"{upload.folder}/{sha256}"


def _check_editable(study: Study) -> None:
    if not study.editable:
        raise UploadError(f"The study is {study.get_state_display().lower()}: its clips are fixed.")


def _no_room(error: OSError) -> str:
    why = "its disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
    return f"The server can't store the file: {why}. What has arrived is kept; tell the operator, then try again."
