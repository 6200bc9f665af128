"""A figure with its words, as SVG, PDF and PNG."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from html import escape

from matplotlib.figure import Figure

from analysis.figures.colours import INK, LINE, SOFT, SURFACE

_TOKENS = {INK: "--ink", SOFT: "--ink-soft", LINE: "--line", SURFACE: "--surface"}

RASTER = 200
"""Dots per inch of what an SVG holds as a picture, where single shapes would be too many."""


@dataclass(frozen=True)
class Drawing:
    """A figure with its words.

    Attributes
    ----------
    name : str
        Of its files, without ending.
    title, caption : str
        `caption` says what is drawn, in full, for readers and screen readers.
    figure : matplotlib Figure
    svg : str
        The file, on white.
    """

    name: str
    title: str
    caption: str
    figure: Figure = field(repr=False, compare=False)
    svg: str = field(repr=False)
    _pngs: dict[int, bytes] = field(default_factory=dict, repr=False, compare=False)

    @property
    def inline_svg(self) -> str:
        """For a page: scales with it, and takes ink and ground from its CSS variables, so that dark pages work.

        Holds no style element or attribute, which a page's Content-Security-Policy may forbid.
        """
        _, body = self.svg.split("</style>", 1)
        box = re.search(r'viewBox="[^"]+"', self.svg)
        body = re.sub(r' style="([^"]*)"', _as_attributes, body.replace("xlink:href", "href"))
        for colour, token in _TOKENS.items():
            body = body.replace(colour, f"var({token}, {colour})")
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {box[0] if box else ""} role="img" '
            f'aria-label="{escape(self.title)}" stroke-linejoin="round" stroke-linecap="butt">\n<defs>{body}'
        )

    @property
    def pdf(self) -> bytes:
        """As PDF, for a paper; without a ground."""
        file = io.BytesIO()
        no_dates = {"CreationDate": None, "Creator": None, "Producer": None}
        self.figure.savefig(file, format="pdf", dpi=RASTER, facecolor="none", metadata=no_dates)
        return file.getvalue()

    def png(self, dpi: int = 200) -> bytes:
        """As PNG, on white."""
        if dpi not in self._pngs:  # a PDF and a file of its own take the same one
            file = io.BytesIO()
            self.figure.savefig(file, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
            self._pngs[dpi] = file.getvalue()
        return self._pngs[dpi]


def drawing(name: str, title: str, caption: str, figure: Figure) -> Drawing:
    """The figure as a `Drawing`: the same SVG each time, with ids of its own."""
    file = io.StringIO()
    figure.savefig(file, format="svg", dpi=RASTER, facecolor="none", metadata={"Date": None, "Creator": None})
    return Drawing(name, title, caption, figure, _own_ids(file.getvalue(), name))


def _as_attributes(style: re.Match[str]) -> str:
    """`style="fill: red; stroke: none"` as attributes of the element."""
    pairs = [part.split(":", 1) for part in style[1].split(";") if part.strip()]
    return "".join(f' {name.strip()}="{value.strip()}"' for name, value in pairs)


def _own_ids(svg: str, name: str) -> str:
    """Number the ids of an SVG under its name: matplotlib's are random, and clash where a page holds two figures."""
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    ids = dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))
    names = {old: f"{name}-{i}" for i, old in enumerate(ids)}
    return re.sub(
        r'(\bid="|href="#|url\(#)([^")]+)',
        lambda found: found[1] + names.get(found[2], found[2]),
        svg,
    )
