"""Whose a study is that is made on the command line."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser


class NoOwner(Exception):
    """There is nobody of that name, or nothing says who it is; the text says what to do."""


def owner_called(name: str | None) -> AbstractBaseUser:
    """The account of a name; without one, the only account that there is.

    Raises
    ------
    NoOwner
    """
    accounts = get_user_model()._default_manager.order_by("pk")
    if name is not None:
        found = accounts.filter(**{accounts.model.USERNAME_FIELD: name}).first()
        if found is None:
            raise NoOwner(f"There is no account {name!r}. Make one: python manage.py createsuperuser.")
        return found
    first, *others = accounts[:2] or [None]
    if first is None:
        raise NoOwner("There is no account yet. Make one: python manage.py createsuperuser.")
    if others:
        raise NoOwner("There are several accounts. Say whose the study is: --owner NAME.")
    return first
