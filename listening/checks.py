"""What `manage.py check` tells an operator: what is missing, and what to do."""

from __future__ import annotations

import errno
import os
import re
import sys
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register

from audiocodecs import confined
from audiocodecs.registry import offers
from listening import commands, disk


@register()
def codecs_are_there(**_: object) -> list[CheckMessage]:
    """What `missing_codecs` finds, for `manage.py check` alone: other commands would repeat it each time."""
    return missing_codecs() if sys.argv[1:2] == ["check"] else []


def missing_codecs() -> list[CheckMessage]:
    """Codecs that can't run here, each once with its remedy."""
    found: dict[str, CheckMessage] = {}
    for offer in offers():
        if not offer.available and offer.name not in found:
            found[offer.name] = Info(f"{offer.title}: {offer.reason}", hint=offer.remedy, id="listening.I001")
    return list(found.values())


@register()
def folders_can_be_written(**_: object) -> list[CheckMessage]:
    """Where the data goes must be writable and have room."""
    found: list[CheckMessage] = []
    for name in ("VAR_DIR", "MEDIA_ROOT"):
        folder = Path(getattr(settings, name))
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        try:
            tempfile.TemporaryFile(dir=there).close()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):  # a full disk must not keep the site from starting
                found.append(
                    Error(
                        f"{name} {folder} cannot be written: {error.strerror}.",
                        hint=f"Give the user that runs evalapp the right to write to {there}, or set {name}.",
                        id="listening.E001",
                    )
                )
                continue
        if not disk.has_room(folder):
            found.append(
                Warning(
                    f"{name} {folder} has little room left.",
                    hint="Make room, or set it to a folder on a larger disk.",
                    id="listening.W001",
                )
            )
    return found


@register()
def programs_of_researchers_are_confined(**_: object) -> list[CheckMessage]:
    """What CODEC_PROGRAMS names must be there, and should run without a network; for `manage.py check` alone."""
    if not settings.CODEC_PROGRAMS or sys.argv[1:2] != ["check"]:
        return []
    return unconfined_programs()


def unconfined_programs() -> list[CheckMessage]:
    """Programs that are missing, and what does not hold for the others here."""
    found: list[CheckMessage] = [
        Warning(
            f"CODEC_PROGRAMS names {path}, which is no program that can be run.",
            hint="Install it, or take it off the list.",
            id="listening.W003",
        )
        for path in commands.programs().values()
        if not os.access(path, os.X_OK) or not Path(path).is_file()
    ]
    if not confined.without_network():
        found.append(
            Warning(
                "Programs of CODEC_PROGRAMS run with a network here, and may leave processes behind.",
                hint="Install unshare (util-linux) and allow namespaces to the worker's user.",
                id="listening.W004",
            )
        )
    return found


@register()
def mail_has_a_sender(**_: object) -> list[CheckMessage]:
    """A mail without a sender is refused by most servers, and nobody would be told."""
    if settings.EMAIL_HOST and not settings.DEFAULT_FROM_EMAIL:
        return [
            Warning(
                "EMAIL_HOST is set and mail has no sender.",
                hint="Set DEFAULT_FROM_EMAIL to an address that the server may send for.",
                id="listening.W002",
            )
        ]
    return []


@register()
def mail_has_an_address_to_link_to(**_: object) -> list[CheckMessage]:
    """A link in a mail must not begin with what the sender of a request calls this site."""
    found: list[CheckMessage] = []
    if settings.EMAIL_HOST and not settings.SITE_URL:
        found.append(
            Warning(
                "EMAIL_HOST is set and SITE_URL is not: no links for forgotten passwords are mailed.",
                hint="Set SITE_URL to the address of this site, such as https://listening.example.org.",
                id="listening.W005",
            )
        )
    if settings.SITE_URL and not re.fullmatch(r"https?://[^\s/?#@]+", settings.SITE_URL):
        found.append(
            Error(
                f"SITE_URL is {settings.SITE_URL!r}, which is no address of a site.",
                hint="Write scheme and name alone: https://listening.example.org.",
                id="listening.E002",
            )
        )
    return found


@register(Tags.security, deploy=True)
def the_site_answers_to_its_own_names(**_: object) -> list[CheckMessage]:
    """With `*` the header Host says what a request likes, and links on pages begin with it."""
    if "*" in settings.ALLOWED_HOSTS:
        return [
            Warning(
                "ALLOWED_HOSTS is *: the site answers to any name that a request makes up.",
                hint="Set ALLOWED_HOSTS to the names that raters use, such as listening.example.org.",
                id="listening.W006",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def the_site_has_a_name(**_: object) -> list[CheckMessage]:
    """An installation that only localhost reaches has no raters."""
    if set(settings.ALLOWED_HOSTS) <= {"localhost", "127.0.0.1", "[::1]"}:
        return [
            Info(
                "The site answers to localhost only.",
                hint="Set ALLOWED_HOSTS and CSRF_TRUSTED_ORIGINS to the name that raters use.",
                id="listening.I002",
            )
        ]
    return []
