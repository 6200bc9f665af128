"""Figures of sound as people write them."""

from __future__ import annotations

from django import template

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
