"""The second factor of a login: a code of an authenticator app, or a recovery code. The devices are django-otp's.

The library keeps what would be easy to get wrong: a code counts once, clocks may drift, and after each wrong code the
next try has to wait twice as long.
"""

from __future__ import annotations

from base64 import b32encode

import segno
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

RECOVERY_CODES = 10


class WrongCode(Exception):
    """A code that is not accepted; the text says what to do."""


def is_on(user: AbstractBaseUser) -> bool:
    """Whether a login takes a second step."""
    return TOTPDevice.objects.devices_for_user(user, confirmed=True).exists()


def begin(user: AbstractBaseUser) -> TOTPDevice:
    """The secret that an authenticator app is to get; the same until it is confirmed, also after a reload."""
    found = TOTPDevice.objects.devices_for_user(user, confirmed=False).first()
    return found or TOTPDevice.objects.create(user=user, name="authenticator app", confirmed=False)


def picture(device: TOTPDevice) -> str:
    """The QR code with a device's secret, as SVG. Black on white in dark pages too: many cameras read nothing else."""
    code = segno.make_qr(device.config_url, error="m")
    return code.svg_inline(border=4, light="#fff", dark="#000", omitsize=True)


def secret(device: TOTPDevice) -> str:
    """A device's secret for typing, in groups of four."""
    text = b32encode(device.bin_key).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def switch_on(user: AbstractBaseUser, code: str) -> list[str]:
    """Confirm the app that `begin` made a secret for.

    Returns
    -------
    list of str
        The recovery codes, to be shown this once.

    Raises
    ------
    WrongCode
        If the app's code is not that of the secret.
    """
    device = begin(user)
    _verify(device, code)
    with transaction.atomic():
        TOTPDevice.objects.devices_for_user(user, confirmed=True).exclude(pk=device.pk).delete()
        TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
        return new_recovery_codes(user)


@transaction.atomic
def new_recovery_codes(user: AbstractBaseUser) -> list[str]:
    """Ten recovery codes; those from before are void."""
    StaticDevice.objects.devices_for_user(user).delete()
    device = StaticDevice.objects.create(user=user, name="recovery codes")
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return codes


def recovery_codes_left(user: AbstractBaseUser) -> int:
    """How many recovery codes are not used yet."""
    return StaticToken.objects.filter(device__user=user).count()


@transaction.atomic
def switch_off(user: AbstractBaseUser) -> bool:
    """Take the second step away, with secret and recovery codes; whether there was one."""
    was_on = is_on(user)
    TOTPDevice.objects.devices_for_user(user).delete()
    StaticDevice.objects.devices_for_user(user).delete()
    return was_on


def check(user: AbstractBaseUser, code: str) -> None:
    """Accept a code of the app, or use up a recovery code.

    Raises
    ------
    WrongCode
        If it is neither, was used already, or comes too soon after a wrong one.
    """
    kind = TOTPDevice if _plain(code).isdecimal() else StaticDevice
    device = kind.objects.devices_for_user(user, confirmed=True).first()
    if device is None:
        raise WrongCode("The code is wrong.")
    _verify(device, code)


def _verify(device: Device, code: str) -> None:
    with transaction.atomic():
        # Locked, so that many tries at once count as many.
        locked = type(device).objects.select_for_update().get(pk=device.pk)
        allowed, why = locked.verify_is_allowed()
        right = allowed and locked.verify_token(_plain(code))
    if not allowed:
        seconds = max(1, round((why["locked_until"] - timezone.now()).total_seconds()))
        raise WrongCode(f"There were wrong codes before. Wait {seconds} second{'s' * (seconds > 1)}, then try again.")
    if not right:
        raise WrongCode(
            "The code is wrong, or was used already. Take the one that the app shows now. If none is accepted, "
            "the clock of the phone is wrong by minutes."
        )


def _plain(code: str) -> str:
    """As it is stored: people type codes in groups, and their phones begin with a capital letter."""
    return code.replace(" ", "").replace("-", "").lower()
