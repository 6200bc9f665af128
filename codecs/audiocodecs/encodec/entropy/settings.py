"""Sizes of language models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LanguageModelSettings:
    """Size of a language model.

    Attributes
    ----------
    codebooks : int
        At most; a file may use the first of them alone.
    entries : int
        Codes of a codebook.
    dim, layers, heads, hidden : int
        Of the Transformer; `hidden` is the width of its feed-forward part.
    past_context : int
        Frames that attention reaches back.
    within_frame : bool
        Whether a code is predicted from those before it in its own frame too. Not in the published ones.
    """

    codebooks: int
    entries: int = 1024
    dim: int = 200
    layers: int = 5
    heads: int = 8
    hidden: int = 800
    past_context: int = 262
    within_frame: bool = False


PUBLISHED_24KHZ = LanguageModelSettings(32, past_context=262)
PUBLISHED_48KHZ = LanguageModelSettings(16, past_context=525)
"""The context is int(3.5 * frame rate) frames."""
