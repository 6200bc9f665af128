"""Figures of sound as people write them."""

from __future__ import annotations

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from listening import commands

register = template.Library()


@register.filter
def khz(hertz: float) -> str:
    """44100 as 44.1."""
    return f"{hertz / 1000:g}"


@register.filter
def signed(value: float | None) -> str:
    """A difference with its sign, one decimal: +0.3, −1.2, 0.0."""
    if value is None:
        return "–"
    text = f"{value:+.1f}".replace("-", "\u2212")
    return "0.0" if text[1:] == "0.0" else text


@register.filter
def ticks(text: str) -> SafeString:
    """A text in which what stands between `backticks` is shown as code."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))  # escaped


@register.filter
def milliseconds(seconds: float) -> str:
    """Seconds as milliseconds with their sign, where there are any: 10.0, −2.5, 0."""
    return f"{1000 * seconds:.1f}".replace("-", "\u2212") if abs(seconds) >= 5e-5 else "0"


@register.filter
def is_own(spec: str) -> bool:
    """Whether a condition is the researcher's own, and not a codec of the matrix."""
    return commands.is_own(spec)
