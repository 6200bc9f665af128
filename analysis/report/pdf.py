"""A report as a PDF: the same sections on A4, figures and closed parts included.

Set in DejaVu Sans, which comes with matplotlib and holds Latin, Greek, Cyrillic and Arabic letters. Letters that it
does not have are drawn as boxes; the page has them.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import singledispatchmethod
from pathlib import Path

import matplotlib
from fpdf import FPDF
from fpdf.enums import TableBordersLayout, TableCellFillMode, TextEmphasis, XPos, YPos
from fpdf.fonts import FontFace

from analysis.figures import Drawing
from analysis.report.document import (
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
DPI = 200
PT = 25.4 / 72  # mm


def as_pdf(document: Document) -> bytes:
    """Set a report.

    Parameters
    ----------
    document : Document

    Returns
    -------
    bytes
        A PDF file of A4 pages with an outline of the sections.
    """
    sheet = _Sheet(document.title)
    sheet.head(document)
    for section in document.sections:
        sheet.section(section)
    return bytes(sheet.output())


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
        """Title and the line about it."""
        self._words(document.title, 18, bold=True)
        if document.about:
            self._words(document.about, BODY, soft=True)
        self.ln(3)

    def section(self, section: Section) -> None:
        """A heading, with at least something under it on the same page, and its blocks."""
        self.ln(3)
        if self.will_page_break(30):
            self.add_page()
        self.start_section(section.title)
        self._words(section.title, 13, bold=True)
        self.ln(1)
        for block in section.blocks:
            self.block(block)

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
        self._words(block.text, SMALL if block.note else BODY, soft=block.note)
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
        self.set_xy(self.l_margin, top + 14)

    @block.register
    def _definitions(self, block: Definitions) -> None:
        for name, text in block.texts.items():
            if self.will_page_break(12):
                self.add_page()
            self._words(name, BODY, bold=True)
            self._words(text, BODY)
            self.ln(1.5)

    @block.register
    def _details(self, block: Details) -> None:
        for part in block.blocks:
            self.block(part)

    @block.register
    def _picture(self, block: Picture) -> None:
        drawing = block.drawing
        width, height = _size(drawing, self.epw, self.eph - 30)
        if self.will_page_break(height + 12):
            self.add_page()
        alt = f"{drawing.title}. {drawing.caption}"
        self.image(io.BytesIO(drawing.png(DPI)), x=self.l_margin, w=width, h=height, alt_text=alt)
        self.ln(1)
        self._words(alt, SMALL, soft=True)
        self.ln(3)

    @block.register
    def _table(self, block: Table) -> None:
        rows = block.rows()
        if not rows:
            return
        size, widths = self._widths(block, rows)
        if self.will_page_break(24):
            self.add_page()
        self.ln(1)
        self._words(block.caption, SMALL, soft=True)
        self.set_font("sans", "", size)
        with self.table(
            width=min(sum(widths), self.epw),  # which rounding may exceed
            col_widths=tuple(widths),
            align="L",
            text_align=tuple("R" if column.numeric else "L" for column in block.columns),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            cell_fill_mode=TableCellFillMode.NONE,
            line_height=size * PT * LINE_HEIGHT,
            padding=(0.6, PAD / 2, 0.6, PAD / 2),
            headings_style=FontFace(emphasis=TextEmphasis.B, color=INK),
        ) as table:
            table.row([column.heading for column in block.columns])
            above: tuple[str, bool] | None = None
            for cells in rows:
                row = table.row()
                for at, (text, strong) in enumerate(cells):
                    shown = "" if block.group and at == 0 and cells[0] == above else text
                    row.cell(shown, style=FontFace(emphasis=TextEmphasis.B) if strong else None)
                above = cells[0]
        self.ln(1.5)
        if block.rest:
            self._words(block.rest, SMALL, soft=True)
        self.ln(2)

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
