"""Files that are there whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path

from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, default_storage


class AtomicFileSystemStorage(FileSystemStorage):
    """Django's file storage, except that a killed process or a full disk leaves no half file under a final name."""

    def _save(self, name: str, content: File) -> str:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return str(name).replace("\\", "/")


def store_once(folder: str, sha256: str, suffix: str, content: bytes | File) -> str:
    """Store `content` under a name made from its hash; return the name. A second call writes nothing.

    Parameters
    ----------
    folder : str
        "clips", "references" or "stimuli".
    sha256 : str
        Hex digest of the content.
    suffix : str
        With the dot.
    content : bytes or File
    """
    name = f"{folder}/{sha256[:2]}/{sha256}{suffix}"
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(content) if isinstance(content, bytes) else content)
    return name


def delete_folder(name: str) -> None:
    """Delete a folder of the storage with the files in it; one that is not there is no fault."""
    with contextlib.suppress(FileNotFoundError):
        for file in default_storage.listdir(name)[1]:
            default_storage.delete(f"{name}/{file}")
        default_storage.delete(name)
