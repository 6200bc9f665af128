"""An account for a researcher: `manage.py add_researcher ada --email ada@example.org`."""

from __future__ import annotations

import getpass
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Make an account that sees its own studies and those it is invited to. The password is asked for, or taken "
        "from the environment (RESEARCHER_PASSWORD)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="NAME", help="name to log in with")
        parser.add_argument("--email", default="", help="where a link for a new password may go")

    def handle(self, *, user: str, email: str, **_: Any) -> None:
        made = get_user_model()(username=user, email=email)
        try:
            made.full_clean(exclude=["password"])
            password = os.environ.get("RESEARCHER_PASSWORD") or self._asked()
            validate_password(password, made)
        except ValidationError as error:
            raise CommandError("No account was made. " + " ".join(error.messages)) from error
        made.set_password(password)
        made.save()
        self.stdout.write(f"The account {user} is made.")

    def _asked(self) -> str:
        if not sys.stdin.isatty():
            raise CommandError("There is no terminal to ask for a password. Set RESEARCHER_PASSWORD.")
        first = getpass.getpass("Password: ")
        if first != getpass.getpass("Again: "):
            raise CommandError("No account was made: the two passwords differ.")
        return first
