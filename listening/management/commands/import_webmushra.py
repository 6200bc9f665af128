"""A study of webMUSHRA: `manage.py import_webmushra configs/default.yaml`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from listening.management.commands.create_study import finish
from listening.owners import NoOwner, owner_called
from listening.study_form import FormError
from listening.webmushra import import_config


class Command(BaseCommand):
    help = "Make a study of a webMUSHRA configuration and the files that it names; say what is done in another way."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("config", metavar="CONFIG", type=Path)
        parser.add_argument("--owner", metavar="USER", help="account that owns it (default: the only one)")
        parser.add_argument("--root", metavar="FOLDER", type=Path, help="that paths begin in (default: looked for)")
        parser.add_argument("--render", action="store_true", help="queue its stimuli for the workers")

    def handle(
        self, *, config: Path, owner: str | None = None, root: Path | None = None, render: bool = False, **_: Any
    ) -> None:
        try:
            made = import_config(config, owner_called(owner), root)
        except (FormError, NoOwner) as error:
            raise CommandError(f"{error}\nNo study was made.") from error
        finish(self, made, render)
