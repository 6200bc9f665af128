"""A token for scripts: `manage.py create_token ada --name laptop`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from listening import tokens
from listening.models import ApiToken


class Command(BaseCommand):
    help = "Make a token with which scripts act for an account over the JSON API, and print it, this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER", help="name of the account")
        parser.add_argument("--name", default="command line", help="to know it again (default: command line)")
        parser.add_argument("--scope", choices=ApiToken.Scope.values, default=ApiToken.Scope.WRITE)
        parser.add_argument("--days", type=int, default=90, help="until it ends; 0 for never (default: 90)")

    def handle(self, *, user: str, name: str = "command line", scope: str = "write", days: int = 90, **_: Any) -> None:
        found = get_user_model().objects.filter(username=user).first()
        if found is None:
            raise CommandError(f"There is no account {user!r}. Make one: manage.py add_researcher {user}.")
        if not 0 <= days <= 36500 or not 1 <= len(name) <= 60:
            raise CommandError("--days is from 0 to 36500, --name has 1 to 60 characters.")
        try:
            _, token = tokens.create(found, name, scope, days or None, by=None)
        except tokens.TokenError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(token)
