"""What a report is made of, before it is a page or a PDF: sections of paragraphs, lists, tables and figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from analysis.figures import Drawing

MOST_ROWS = 200
"""Rows of a table that a report shows; the rest is in the table's file."""


@dataclass(frozen=True)
class Text:
    """A paragraph; `note` for what is secondary, `leading` for the statement that a report begins with."""

    text: str
    note: bool = False
    leading: bool = False


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
    """A column of a table.

    Attributes
    ----------
    heading : str
    cells : sequence of str
    numeric : bool
        Whether the cells are figures.
    strong : sequence of bool
        Which cells are bold; empty for none.
    full : sequence of str
        The whole text of each cell where `cells` has it shortened.
    note : str
        What a reader must know of the column, set under the table.
    """

    heading: str
    cells: Sequence[str]
    numeric: bool = True
    strong: Sequence[bool] = ()
    full: Sequence[str] = ()
    note: str = ""


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
    key : bool
        Whether it explains shortened names, so that it has them whole.
    basis : str
        Which ratings the figures come from, and how many.
    number : int
        Place among the tables of a document.
    """

    caption: str
    columns: Sequence[Column]
    group: bool = False
    wrap: bool = False
    file: str = ""
    key: bool = False
    basis: str = ""
    number: int = 0

    @property
    def label(self) -> str:
        """What text calls it."""
        return f"Table {self.number}"

    @property
    def words(self) -> str:
        """The caption with its basis."""
        return f"{self.caption} {self.basis}".strip()

    @property
    def notes(self) -> list[str]:
        """What stands under the table: notes of its columns, and where the rows are that are not shown."""
        return [*self.column_notes, *([self.rest] if self.rest else [])]

    @property
    def column_notes(self) -> list[str]:
        """The notes of its columns, each once."""
        return [note for note in dict.fromkeys(column.note for column in self.columns) if note]

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
        return self._rows([column.cells for column in self.columns], self.n_shown)

    def all_rows(self) -> list[list[tuple[str, bool]]]:
        """Every row with its whole names, each cell with whether it is strong."""
        return self._rows([column.full or column.cells for column in self.columns], self.n_rows)

    def _rows(self, columns: Sequence[Sequence[str]], n: int) -> list[list[tuple[str, bool]]]:
        strong = [column.strong for column in self.columns]
        return [
            [(str(cells[at]), bool(marks) and bool(marks[at])) for cells, marks in zip(columns, strong, strict=True)]
            for at in range(n)
        ]

    def csv(self) -> str:
        """Every row as it is shown, with its whole names, as CSV."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.heading for column in self.columns])
        for cells in self.all_rows():
            writer.writerow([text.replace("\N{MINUS SIGN}", "-") for text, _ in cells])
        return file.getvalue()


@dataclass(frozen=True)
class Picture:
    """A drawing with its caption.

    Attributes
    ----------
    drawing : Drawing
    basis : str
        Which ratings it shows, and how many.
    number : int
        Place among the figures of a document.
    """

    drawing: Drawing
    basis: str = ""
    number: int = 0

    @property
    def label(self) -> str:
        """What text calls it."""
        return f"Figure {self.number}"

    @property
    def words(self) -> str:
        """Title and caption with its basis."""
        return f"{self.drawing.title}. {self.drawing.caption} {self.basis}".strip()


@dataclass(frozen=True)
class Details:
    """What many readers pass over: closed at first on a page.

    Attributes
    ----------
    summary : str
    blocks : sequence of blocks
    repeats : bool
        Whether it says again what stands elsewhere, so that a PDF leaves it out.
    """

    summary: str
    blocks: Sequence[Block]
    repeats: bool = False


@dataclass(frozen=True)
class Beside:
    """Blocks that stand side by side on a wide page, and below each other elsewhere."""

    blocks: Sequence[Block]


Block = Text | Bullets | KeyFigures | Definitions | Table | Picture | Details | Beside


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it.

    Attributes
    ----------
    title : str
    blocks : sequence of blocks
    opening : bool
        Whether it opens the report, so that a page needs no heading to be seen.
    """

    title: str
    blocks: Sequence[Block]
    opening: bool = False

    @property
    def anchor(self) -> str:
        """What a link to the section is called."""
        return f"report-{self.title.lower().replace(' ', '-')}"


@dataclass(frozen=True)
class Document:
    """A report as a whole: title, a line about it, sections."""

    title: str
    about: str
    sections: Sequence[Section]

    def tables(self) -> list[Table]:
        """Every table, in the order of the report."""
        blocks = (block for section in self.sections for block in _flat(section.blocks))
        return [block for block in blocks if isinstance(block, Table)]


def changed(blocks: Sequence[Block], change: Callable[[Block], Block]) -> list[Block]:
    """The blocks, each as `change` gives it back; those within other blocks too."""
    return [
        replace(block, blocks=changed(block.blocks, change)) if isinstance(block, Details | Beside) else change(block)
        for block in blocks
    ]


def with_basis(blocks: Sequence[Block], basis: str) -> list[Block]:
    """The blocks, in which every table and figure that does not say which ratings it shows says `basis`."""

    def based(block: Block) -> Block:
        return replace(block, basis=basis) if isinstance(block, Table | Picture) and not block.basis else block

    return changed(blocks, based)


def with_short_names(blocks: Sequence[Block], short: Mapping[str, str]) -> list[Block]:
    """The blocks, in whose tables long names are short; tables that are the key to them stay whole.

    Parameters
    ----------
    blocks : sequence of blocks
    short : mapping
        Name -> short name.
    """

    def shortened(block: Block) -> Block:
        if not isinstance(block, Table) or block.key:
            return block
        return replace(block, columns=[_short(column, short) for column in block.columns])

    return changed(blocks, shortened)


def numbered(sections: Sequence[Section]) -> list[Section]:
    """The sections with their tables numbered from 1, and their figures too."""
    tables, figures = count(1), count(1)

    def with_number(block: Block) -> Block:
        if isinstance(block, Table):
            return replace(block, number=next(tables))
        return replace(block, number=next(figures)) if isinstance(block, Picture) else block

    return [replace(section, blocks=changed(section.blocks, with_number)) for section in sections]


def _short(column: Column, short: Mapping[str, str]) -> Column:
    cells = [short.get(cell, cell) for cell in column.cells]
    if column.numeric or cells == list(column.cells):
        return column
    return replace(column, cells=cells, full=column.cells)


def _flat(blocks: Sequence[Block]) -> Iterator[Block]:
    for block in blocks:
        if isinstance(block, Details | Beside):
            yield from _flat(block.blocks)
        else:
            yield block
