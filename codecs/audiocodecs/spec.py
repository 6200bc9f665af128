"""A condition in words, and what is wrong with one: shared by all that reads specs."""

from __future__ import annotations

from dataclasses import dataclass


class CodecError(Exception):
    """A codec could not do its work on this input; the text says what and what to do."""


class UnknownCodec(CodecError):
    """A spec that names no codec, bitrate or option that exists."""


class CodecUnavailable(CodecError):
    """A codec that exists but cannot run here.

    Parameters
    ----------
    reason : str
        What is missing, as a sentence.
    remedy : str
        What the operator does about it, as a sentence.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{reason} {remedy}".strip())


@dataclass(frozen=True)
class Spec:
    """A condition in words: `opus@12:application=voip`.

    Attributes
    ----------
    name : str
        Registered codec name.
    value : float or None
        What follows the `@`: kbps, or Hz for `lowpass`.
    options : tuple of (str, str)
        Sorted by key.
    """

    name: str
    value: float | None = None
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        at = "" if self.value is None else f"@{self.value:.12g}"
        return self.name + at + "".join(f":{key}={value}" for key, value in self.options)

    def option(self, key: str, default: str) -> str:
        """Value of option `key`, or `default`."""
        return dict(self.options).get(key, default)
