"""The second step of someone's login: `manage.py two_factor ada --reset` where phone and recovery codes are lost."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from listening import two_factor


class Command(BaseCommand):
    help = "Say whether an account's login takes a second step, or switch it off."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER", help="name of the account")
        parser.add_argument("--reset", action="store_true", help="switch it off: secret and recovery codes are void")

    def handle(self, *, user: str, reset: bool, **_: Any) -> None:
        found = get_user_model().objects.filter(username=user).first()
        if found is None:
            raise CommandError(f"There is no account {user!r}.")
        if reset:
            was_on = two_factor.switch_off(found)
            done = "A login takes the password alone now." if was_on else "It was off already."
            self.stdout.write(f"The second step of {user}: {done}")
        elif two_factor.is_on(found):
            self.stdout.write(f"On, with {two_factor.recovery_codes_left(found)} recovery codes left.")
        else:
            self.stdout.write("Off.")
