"""Celery's broker in a folder: each message is a file, which appears whole and is read once."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem, virtual
from kombu.utils.json import dumps

from evalapp.messages import MAX_BYTES, DropsFaults, NotAMessage, parse

log = logging.getLogger(__name__)

LONGEST_WAIT = 0.3
"""Seconds of one wait for a message."""


class Channel(DropsFaults, filesystem.Channel):  # type: ignore[misc]
    """kombu's channel, with whole files and without broadcasts, whose tables in files can break as messages can."""

    supports_fanout = False
    get_table = virtual.Channel.get_table

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._stuck: set[Path] = set()

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        """Write aside and rename: no reader and no full disk meets or leaves half a message."""
        path = Path(self.data_folder_out) / f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        part = path.with_name(f"{path.name}.part")
        try:
            part.write_bytes(dumps(message).encode())
            part.rename(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise ChannelError(f"No message can be written to {path.parent}: {error.strerror}") from error

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        """Take the oldest message out of the folder."""
        folder = Path(self.data_folder_in)
        for name in sorted(os.listdir(folder)):
            path = folder / name
            if name.partition(".")[2] != f"{queue}.msg" or path in self._stuck:
                continue
            try:
                return parse(self._take(path))
            except FileNotFoundError:  # another worker took it
                continue
            except NotAMessage as fault:
                log.error("Dropped %s, which is not a message: %s", path, fault)
        raise Empty

    def _take(self, path: Path) -> bytes:
        """Read a file and remove it: of several readers, the one that removes it has it.

        Raises
        ------
        NotAMessage
            If it cannot be a message.
        FileNotFoundError
            If another reader has it.
        """
        status = path.lstat()
        try:
            if not stat.S_ISREG(status.st_mode):
                raise NotAMessage("it is not a file")
            if status.st_size > MAX_BYTES:
                raise NotAMessage(f"{status.st_size} bytes are too many")
            raw = path.read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            self._remove(path)
            raise NotAMessage(f"it cannot be read: {error.strerror}") from error
        except NotAMessage:
            self._remove(path)
            raise
        self._remove(path)
        return raw

    def _remove(self, path: Path) -> None:
        try:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        except FileNotFoundError:
            raise
        except OSError as error:
            self._stuck.add(path)
            raise NotAMessage(f"and it cannot be removed: {error.strerror}. It is left there.") from error


class Transport(filesystem.Transport):  # type: ignore[misc]
    """kombu's transport with that channel."""

    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Wait for a message; Celery asks for two seconds at a time, and only then sees that it is to end."""
        super().drain_events(connection, timeout=LONGEST_WAIT if timeout is None else min(timeout, LONGEST_WAIT))
