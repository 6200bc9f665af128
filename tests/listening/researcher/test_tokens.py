"""The colours of the pages can be read by people with low vision, in light and in dark."""

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[3] / "listening/static/listening/tokens.css"
GROUNDS = ["ground", "surface", "surface-sunk", "surface-hover"]
TEXT = [(text, ground) for text in ("ink", "ink-soft", "accent", "ok", "warn", "bad") for ground in GROUNDS]
TEXT += [("on-accent", "accent"), ("on-accent", "accent-hover"), ("on-bad", "bad"), ("accent", "accent-wash")]
TEXT += [(tone, f"{tone}-wash") for tone in ("ok", "warn", "bad")]
TEXT += [("ink", f"{tone}-wash") for tone in ("accent", "ok", "warn", "bad")]
TEXT += [("ink-soft", "accent-wash")]
TEXT += [("ink", f"band-{band}") for band in ("bad", "poor", "fair", "good", "excellent")]
EDGES = [(edge, ground) for edge in ("line-strong", "focus") for ground in GROUNDS]


def colours(scheme):
    light, dark = TOKENS.read_text().split("prefers-color-scheme: dark")
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    if scheme == "dark":
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark))
    return found


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXT, 4.5), (EDGES, 3.0)], ids=["text", "edges"])
def test_every_pair_of_colours_has_the_contrast_of_wcag_aa(scheme, pairs, least):
    tokens = colours(scheme)
    weak = {pair: round(contrast(tokens[pair[0]], tokens[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < least} == {}


def test_dark_and_light_name_the_same_colours():
    _, dark = TOKENS.read_text().split("prefers-color-scheme: dark")
    named = set(re.findall(r"--([a-z-]+): #", dark))
    assert named == set(colours("light"))
