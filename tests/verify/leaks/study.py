"""A study of twelve signals on a server of its own, crawled."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tests.stack import Stack, free_port, listens, wait_for
from tests.verify.leaks.crawl import NetworkLine, Page, crawl
from tests.verify.leaks.naming import Seen
from tests.verify.leaks.traits import traits_of

SPECS = ["reference", "lowpass@7000", "lowpass@3500", "opus@6", "opus@12", "opus@24", "mp3@64", "mp3@128"]
SPECS += ["lyra@3.2", "lyra@9.2", "spectral_24khz@3", "spectral_24khz@12"]

MAKE = """
from pathlib import Path
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from listening import clips, rendering, studies
owner = get_user_model().objects.create_user("leaks")
study = studies.create_study(owner, "Leaks", loudness=-26, heard_seconds=0)
for name in ("speech_en_prompts", "speech_noisy_da"):
    upload = SimpleUploadedFile(f"{{name}}.flac", Path(f"listening/demo/clips/{{name}}.flac").read_bytes())
    clip = clips.add_clip(study, upload, "speech")
    clips.set_excerpt(clip, start=1.0, length=1.5, name=clip.name, category="speech")
studies.set_conditions(study, {specs})
studies.start_rendering(study)
for row in studies.progress(study).rows:
    assert rendering.render(row.pk).error == ""
studies.open_study(study, owner)
"""

BEHIND = """
import json
from listening.models import Rating
print(json.dumps(dict(Rating.objects.values_list("token", "condition__spec"))))
"""


def make(folder: Path) -> Stack:
    """The study in an installation of its own, open."""
    stack = Stack(folder, SESSIONS_PER_HOUR_PER_ADDRESS="0")  # all raters come from one address
    stack.python(MAKE.format(specs=SPECS))
    return stack


def crawled(stack: Stack, sessions: int, leak: str = "") -> Seen:
    """Crawl the study by so many raters, on the server as it is or with a leak planted.

    At first, and for the headers and the range again, every file is read from the disk, as for the day's first rater:
    it was taken out of the system's cache. The last two times it lies there.
    """
    port = free_port()
    application = "tests.verify.leaks.planted:application" if leak else "evalapp.wsgi:application"
    stack.environment["LEAK"] = leak
    web = stack.start("gunicorn", application, "--bind", f"127.0.0.1:{port}", "--threads", "4")
    wait_for(lambda: listens(port), 60, "web server listening")
    files = [each for each in (stack.folder / "var" / "media").rglob("*") if each.is_file()]
    found = Collector()
    crawl(lambda: NetworkLine(f"127.0.0.1:{port}"), "/t/leaks/", sessions, found.see, lambda way: _forget(files, way))
    stack.kill(web)
    return found.seen(stack.python(BEHIND))


class Collector:
    """Takes the traits of pages as they come; what lies behind the slots is told afterwards."""

    def __init__(self) -> None:
        self._traits: list[np.ndarray] = []
        self._tokens: list[list[str]] = []
        self._sessions: list[int] = []
        self._called: list[str] = []

    def see(self, page: Page) -> None:
        traits, self._called = traits_of(page)
        self._traits.append(traits)
        self._tokens.append([slot.token for slot in page.slots])
        self._sessions.append(page.session)

    def seen(self, behind: Mapping[str, str]) -> Seen:
        """With the condition behind each token."""
        specs = [[behind[token] for token in tokens] for tokens in self._tokens]
        names = sorted(set(specs[0]), key=lambda spec: (spec != "reference", not spec.startswith("lowpass"), spec))
        conditions = np.array([[names.index(spec) for spec in each] for each in specs])
        return Seen(np.array(self._traits), conditions, np.array(self._sessions), names, self._called)


def _forget(files: list[Path], way: str) -> None:
    for each in files if way in ("first", "head", "range") else ():
        with each.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
