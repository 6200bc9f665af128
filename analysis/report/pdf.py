"""A report as a PDF: the same sections on A4, figures and closed parts included, without those that only repeat.

Set in DejaVu Sans, which comes with matplotlib and holds Latin, Greek, Cyrillic and Arabic letters. Letters that it
does not have are drawn as boxes; the page has them.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import singledispatchmethod
from pathlib import Path

import matplotlib
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, TableBordersLayout, TableCellFillMode, TextEmphasis, XPos, YPos
from fpdf.fonts import FontFace

from analysis.figures import Drawing
from analysis.report.document import (
    Beside,
    Block,
    Bullets,
    Column,
    Definitions,
    Details,
    Document,
    KeyFigures,
    Picture,
    Section,
    Table,
    Text,
)

INK, SOFT, LINE = (24, 32, 43), (74, 85, 103), (216, 221, 229)
MARGIN = 16.0  # mm
BODY, SMALL, TINY = 9.0, 8.0, 6.0  # points
LINE_HEIGHT = 1.35
PICTURE = 132.0  # mm wide, 5.2 inches as the figures are drawn
PAD = 1.6  # mm between columns
ROW_PAD = 0.6  # mm above and below the words of a row
DPI = 200
FEWEST_ROWS = 3
"""Rows of a table that a page holds at least, where the table has more."""
KEPT_ROWS = 8
"""Rows up to which a table is not broken."""
CONTENTS_LINE = 5.0  # mm
KEY_FIGURES = 14.0  # mm, with the room below
PT = 25.4 / 72  # mm


def as_pdf(document: Document) -> bytes:
    """Set a report.

    Parameters
    ----------
    document : Document

    Returns
    -------
    bytes
        A PDF file of A4 pages with a table of contents and an outline of the sections.
    """
    sheet = _Sheet(document.title)
    sheet.head(document)
    for section in document.sections:
        sheet.section(section)
    sheet.contents()
    return bytes(sheet.output())


@dataclass(frozen=True)
class _Grid:
    """A table as it is set: rows, size of the letters, widths and heights in mm; what stands above and below it."""

    rows: list[list[tuple[str, bool]]]
    size: float
    widths: list[float]
    heights: list[float]
    above: float
    below: float


class _Sheet(FPDF):
    """Pages of one report."""

    def __init__(self, title: str) -> None:
        super().__init__(unit="mm", format="A4")
        fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
        self.add_font("sans", "", fonts / "DejaVuSans.ttf")
        self.add_font("sans", "B", fonts / "DejaVuSans-Bold.ttf")
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(True, MARGIN + 4)
        self.set_title(title)
        self.set_lang("en")
        self.set_creation_date(datetime(2000, 1, 1, tzinfo=UTC))  # the same report, the same file
        self.running = title
        self.contents_at = (1, 0.0)
        self.pages_of: dict[str, int] = {}
        self.set_text_color(*INK)
        self.set_draw_color(*LINE)
        self.set_line_width(0.2)
        self.add_page()

    def footer(self) -> None:
        """Title and page number."""
        self.set_y(-MARGIN + 2)
        self.set_font("sans", "", 7)
        self.set_text_color(*SOFT)
        self.cell(self.epw * 0.8, 4, self._fitting(self.running, self.epw * 0.8))
        self.cell(0, 4, f"{self.page_no()} of {{nb}}", align="R")
        self.set_text_color(*INK)

    def head(self, document: Document) -> None:
        """Title, the line about it, and room for the contents."""
        self._words(document.title, 18, bold=True)
        if document.about:
            self._words(document.about, BODY, soft=True)
        self.ln(5)
        height = (math.ceil(len(document.sections) / 2) + 1) * CONTENTS_LINE + 3
        self._break_unless(height)
        self.contents_at = (self.page, self.get_y())
        self.ln(height)

    def contents(self) -> None:
        """Sections with their pages in two columns, in the room that `head` left for them."""
        last = self.page
        self.page, top = self.contents_at
        self.set_xy(self.l_margin, top)
        self.set_font("sans", "B", BODY + 1)
        self.cell(0, CONTENTS_LINE, "Contents", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_font("sans", "", BODY)
        top, width = self.get_y(), self.epw / 2
        lines = math.ceil(len(self.pages_of) / 2)
        for place, (title, page) in enumerate(self.pages_of.items()):
            column, line = divmod(place, lines)
            self.set_xy(self.l_margin + column * width, top + line * CONTENTS_LINE)
            link = self.add_link(page=page)
            self.cell(width - 25, CONTENTS_LINE, title, link=link)
            self.cell(10, CONTENTS_LINE, str(page), align="R", link=link)
        self.page = last

    def section(self, section: Section) -> None:
        """A heading, with at least something under it on the same page, and its blocks."""
        self.ln(3)
        heading = 13 * PT * LINE_HEIGHT + 1
        self._break_unless(heading + (self._needed(section.blocks[0]) if section.blocks else 0.0))
        self.start_section(section.title)
        self.pages_of[section.title] = self.page_no()
        self._words(section.title, 13, bold=True)
        self.ln(1)
        for block in section.blocks:
            self.block(block)

    def _break_unless(self, height: float) -> None:
        """Begin a page, unless this one has so much room or is empty."""
        if self.get_y() > self.t_margin and self._room() < height:
            self.add_page()

    def _room(self) -> float:
        """Height that is left on the page."""
        return float(self.page_break_trigger - self.get_y())

    def _height(self, text: str, size: float) -> float:
        """Of words as `_words` sets them."""
        self.set_font("sans", "", size)
        line = size * PT * LINE_HEIGHT
        found = self.multi_cell(self.epw, line, text, align="L", dry_run=True, output=MethodReturnValue.HEIGHT)
        return float(found)  # type: ignore[arg-type]

    def _needed(self, block: Block) -> float:
        """Height of the part of a block that stands together with the heading above it."""
        if isinstance(block, Details | Beside):
            return self._needed(block.blocks[0]) if block.blocks else 0.0
        if isinstance(block, Picture):
            return sum(self._heights(block))
        if isinstance(block, Table) and block.n_rows:
            grid = self._grid(block)
            first = len(grid.rows) if len(grid.rows) <= KEPT_ROWS else FEWEST_ROWS
            return grid.above + sum(grid.heights[:first]) + grid.below
        return min(self._height(block.text, BODY), 3 * BODY * PT * LINE_HEIGHT) if isinstance(block, Text) else 15.0

    def _words(self, text: str, size: float, *, bold: bool = False, soft: bool = False, indent: float = 0.0) -> None:
        self.set_font("sans", "B" if bold else "", size)
        self.set_text_color(*(SOFT if soft else INK))
        self.set_x(self.l_margin + indent)
        height = size * PT * LINE_HEIGHT
        self.multi_cell(self.epw - indent, height, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_text_color(*INK)

    def _fitting(self, text: str, width: float) -> str:
        """The text, or its beginning with an ellipsis where it is wider than that."""
        if self.get_string_width(text) <= width:
            return text
        while text and self.get_string_width(text + "…") > width:
            text = text[:-1]
        return text + "…"

    @singledispatchmethod
    def block(self, block: Block) -> None:
        """Set one block below what is there."""
        raise TypeError(f"A report has no {type(block).__name__}.")

    @block.register
    def _text(self, block: Text) -> None:
        self._break_unless(self._needed(block))
        self._words(block.text, SMALL if block.note else BODY, bold=block.leading, soft=block.note)
        self.ln(1.5)

    @block.register
    def _bullets(self, block: Bullets) -> None:
        for sentence in block.sentences:
            self.set_font("sans", "", BODY)
            self.set_x(self.l_margin)
            self.cell(4, BODY * PT * LINE_HEIGHT, "•")
            self._words(sentence, BODY, indent=4)
            self.ln(0.6)
        self.ln(1)

    @block.register
    def _key_figures(self, block: KeyFigures) -> None:
        self._break_unless(KEY_FIGURES)
        width = self.epw / max(len(block.figures), 1)
        top = self.get_y()
        for place, (name, figure) in enumerate(block.figures.items()):
            self.set_xy(self.l_margin + place * width, top)
            self.set_font("sans", "B", 15)
            self.cell(width, 7, figure)
            self.set_xy(self.l_margin + place * width, top + 7)
            self.set_font("sans", "", SMALL)
            self.set_text_color(*SOFT)
            self.cell(width, 4, name)
            self.set_text_color(*INK)
        self.set_xy(self.l_margin, top + KEY_FIGURES)

    @block.register
    def _definitions(self, block: Definitions) -> None:
        for name, text in block.texts.items():
            self._break_unless(4 * BODY * PT * LINE_HEIGHT)  # the name and three lines
            self._words(name, BODY, bold=True)
            self._words(text, BODY)
            self.ln(1.5)

    @block.register
    def _details(self, block: Details) -> None:
        if block.repeats:
            return
        for part in block.blocks:
            self.block(part)

    @block.register
    def _beside(self, block: Beside) -> None:
        for part in block.blocks:
            self.block(part)

    @block.register
    def _picture(self, block: Picture) -> None:
        width, height = _size(block.drawing, self.epw, self.eph - 30)
        self._break_unless(sum(self._heights(block)))
        self.image(io.BytesIO(block.drawing.png(DPI)), x=self.l_margin, w=width, h=height, alt_text=block.words)
        self.ln(1)
        self._words(f"{block.label}. {block.words}", SMALL, soft=True)
        self.ln(3)

    def _heights(self, block: Picture) -> tuple[float, float]:
        """Of a figure and of its caption."""
        _, height = _size(block.drawing, self.epw, self.eph - 30)
        return height, self._height(f"{block.label}. {block.words}", SMALL) + 1

    @block.register
    def _table(self, block: Table) -> None:
        if not block.n_rows:
            return
        grid = self._grid(block)
        room = self.page_break_trigger - self.t_margin - grid.above - grid.below
        parts = row_parts(grid.heights, self._room() - grid.above - grid.below, room)
        caption = f"{block.label}. {block.words}"
        for place, (start, stop) in enumerate(parts):
            if place:
                self.add_page()
            if stop > start:
                self.ln(1)
                self._words(caption, SMALL, soft=True)
                self._rows(block, grid, start, stop)
                caption = f"{block.label}, continued."
        self.ln(1.5)
        for note in block.notes:
            self._words(note, SMALL, soft=True)
        self.ln(2)

    def _rows(self, block: Table, grid: _Grid, start: int, stop: int) -> None:
        """Rows of a table under its headings."""
        self.set_font("sans", "", grid.size)
        with self.table(
            width=min(sum(grid.widths), self.epw),  # which rounding may exceed
            col_widths=tuple(grid.widths),
            align="L",
            text_align=tuple("R" if column.numeric else "L" for column in block.columns),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            cell_fill_mode=TableCellFillMode.NONE,
            line_height=grid.size * PT * LINE_HEIGHT,
            padding=(ROW_PAD, PAD / 2, ROW_PAD, PAD / 2),
            headings_style=FontFace(emphasis=TextEmphasis.B, color=INK),
        ) as table:
            table.row([column.heading for column in block.columns])
            above: tuple[str, bool] | None = None
            for cells in grid.rows[start:stop]:
                row = table.row()
                for at, (text, strong) in enumerate(cells):
                    shown = "" if block.group and at == 0 and cells[0] == above else text
                    row.cell(shown, style=FontFace(emphasis=TextEmphasis.B) if strong else None)
                above = cells[0]

    def _grid(self, block: Table) -> _Grid:
        rows = block.rows()
        size, widths = self._widths(block, rows)
        heading = self._row_height([column.heading for column in block.columns], size, widths)
        heights = [self._row_height([text for text, _ in cells], size, widths) for cells in rows]
        above = 1 + self._height(f"{block.label}. {block.words}", SMALL) + heading
        below = sum(self._height(note, SMALL) for note in block.notes)
        return _Grid(rows, size, widths, heights, above, below)

    def _row_height(self, cells: Sequence[str], size: float, widths: Sequence[float]) -> float:
        self.set_font("sans", "B", size)
        most = 1
        for text, width in zip(cells, widths, strict=True):
            if self.get_string_width(text) > width - PAD:
                lines = self.multi_cell(width - PAD, text=text, dry_run=True, output=MethodReturnValue.LINES)
                most = max(most, len(lines))  # type: ignore[arg-type]
        return most * size * PT * LINE_HEIGHT + 2 * ROW_PAD

    def _widths(self, block: Table, rows: list[list[tuple[str, bool]]]) -> tuple[float, list[float]]:
        """Size of the letters, and widths of the columns: as wide as their words, and narrower where that is too much.

        Names and sentences share what figures leave them, and at least a quarter of the page.
        """
        for size in (SMALL, 7.0, TINY):
            wanted = self._wanted(block, rows, size)
            if sum(wanted) <= self.epw:
                return size, wanted
        figures = [width if column.numeric else 0.0 for width, column in zip(wanted, block.columns, strict=True)]
        texts = [width - figure for width, figure in zip(wanted, figures, strict=True)]
        for_texts = min(sum(texts), max(self.epw - sum(figures), self.epw / 4))
        shares = zip(_shared(figures, self.epw - for_texts), _shared(texts, for_texts), strict=True)
        return TINY, [figure + text for figure, text in shares]

    def _wanted(self, block: Table, rows: list[list[tuple[str, bool]]], size: float) -> list[float]:
        widths = [self._heading(column, size) for column in block.columns]
        self.set_font("sans", "B", size)
        for at in range(len(widths)):
            longest = sorted({cells[at][0] for cells in rows}, key=len)[-20:]
            widths[at] = max([widths[at], *map(self.get_string_width, longest)])
        return [width + PAD + 0.4 for width in widths]

    def _heading(self, column: Column, size: float) -> float:
        """A heading may be broken between its words."""
        self.set_font("sans", "B", size)
        return max((self.get_string_width(word) for word in column.heading.split()), default=0.0)


def row_parts(heights: Sequence[float], here: float, page: float) -> list[tuple[int, int]]:
    """Divide the rows of a table between pages.

    No part has fewer than `FEWEST_ROWS` rows where the pages allow it, and a table of up to `KEPT_ROWS` rows stays
    whole.

    Parameters
    ----------
    heights : sequence of float
        Of the rows.
    here, page : float
        Room for rows on this page, and on a new one.

    Returns
    -------
    list of tuple
        First row and the row after the last, page by page. The first part is
        empty where the table begins on the next page.

    >>> row_parts([5.0] * 10, here=42, page=100), row_parts([5.0] * 10, here=47, page=100)
    ([(0, 7), (7, 10)], [(0, 7), (7, 10)])
    >>> row_parts([5.0] * 10, here=12, page=100)
    [(0, 0), (0, 10)]
    """
    n = len(heights)
    if sum(heights) <= here:
        return [(0, n)]
    parts: list[tuple[int, int]] = []
    start, room = 0, here
    if n <= KEPT_ROWS and sum(heights) <= page:
        room = 0.0
    while start < n:
        fitting = _fitting_rows(heights[start:], room)
        left = n - start - fitting
        if 0 < left < FEWEST_ROWS and n - start >= 2 * FEWEST_ROWS:
            fitting -= FEWEST_ROWS - left
        if fitting < min(FEWEST_ROWS, n - start):
            fitting = 0 if not parts and here < page else max(fitting, 1)
        parts.append((start, start + fitting))
        start, room = start + fitting, page
    return parts


def _fitting_rows(heights: Sequence[float], room: float) -> int:
    """How many of the rows have room, from the first on."""
    used = 0.0
    for place, height in enumerate(heights):
        used += height
        if used > room:
            return place
    return len(heights)


def _shared(wanted: list[float], room: float) -> list[float]:
    """Widths within `room`: narrow columns keep theirs, the others get equal parts of the rest.

    >>> _shared([10.0, 90.0, 70.0], 100.0)
    [10.0, 45.0, 45.0]
    """
    given = [0.0] * len(wanted)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    for taken, at in enumerate(order):
        given[at] = min(wanted[at], room / (len(order) - taken))
        room -= given[at]
    return given


def _size(drawing: Drawing, widest: float, highest: float) -> tuple[float, float]:
    """Width and height in mm of a drawing on the page."""
    inches = drawing.figure.get_size_inches()
    width = min(PICTURE * float(inches[0]) / 5.2, widest)
    height = width * float(inches[1]) / float(inches[0])
    return (width, height) if height <= highest else (width * highest / height, highest)
