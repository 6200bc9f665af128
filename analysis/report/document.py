"""What a report is made of, before it is a page or a PDF: sections of paragraphs, lists, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.figures import Drawing

MOST_ROWS = 200
"""Rows of a table that a report shows; the rest is in the table's file."""


@dataclass(frozen=True)
class Text:
    """A paragraph; `note` for what is secondary."""

    text: str
    note: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list of sentences; `leading` for the findings that a report begins with."""

    sentences: Sequence[str]
    leading: bool = False


@dataclass(frozen=True)
class KeyFigures:
    """A few large figures: what they count -> the figure."""

    figures: Mapping[str, str]


@dataclass(frozen=True)
class Definitions:
    """Headings with a paragraph each."""

    texts: Mapping[str, str]


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, the text of its cells, whether they are figures, which are strong."""

    heading: str
    cells: Sequence[str]
    numeric: bool = True
    strong: Sequence[bool] = ()


@dataclass(frozen=True)
class Table:
    """A table under its caption.

    Attributes
    ----------
    caption : str
    columns : sequence of Column
    group : bool
        Whether a first cell that repeats the one above it is left empty.
    wrap : bool
        Whether the last column is running text.
    file : str
        Where the whole table is kept, if it has more rows than are shown.
    """

    caption: str
    columns: Sequence[Column]
    group: bool = False
    wrap: bool = False
    file: str = ""

    @property
    def n_rows(self) -> int:
        """Rows of the whole table."""
        return len(self.columns[0].cells) if self.columns else 0

    @property
    def n_shown(self) -> int:
        """Rows that a report shows."""
        return min(self.n_rows, MOST_ROWS) if self.file else self.n_rows

    @property
    def rest(self) -> str:
        """Where the rows are that are not shown; "" where all are."""
        if self.n_shown == self.n_rows:
            return ""
        return f"The first {self.n_shown:,} of {self.n_rows:,} rows are shown; {self.file} has all."

    def rows(self) -> list[list[tuple[str, bool]]]:
        """The rows that are shown, each cell with whether it is strong."""
        columns = [column.cells for column in self.columns]
        strong = [column.strong for column in self.columns]
        return [
            [(str(cells[at]), bool(marks) and bool(marks[at])) for cells, marks in zip(columns, strong, strict=True)]
            for at in range(self.n_shown)
        ]


@dataclass(frozen=True)
class Picture:
    """A drawing with its caption."""

    drawing: Drawing


@dataclass(frozen=True)
class Details:
    """What many readers pass over: closed at first on a page, whole in a PDF."""

    summary: str
    blocks: Sequence[Block]


Block = Text | Bullets | KeyFigures | Definitions | Table | Picture | Details


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """A report as a whole: title, a line about it, sections."""

    title: str
    about: str
    sections: Sequence[Section]
