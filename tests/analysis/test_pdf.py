"""A report as a PDF."""

import pytest

from analysis.report.document import Column, Document, Section, Table
from analysis.report.pdf import as_pdf


@pytest.mark.parametrize("figure", ["0.5", "9" * 80], ids=["short", "long"])
def test_tables_wider_than_the_page_are_squeezed_to_its_width(figure):
    """Widths that are squeezed add up to the page's only up to rounding: by 3e-14 mm more for some of these."""
    tables = [
        Table("Names", [Column("Name", ["a name " * 20], numeric=False), *[Column("Mean" * n, [figure])] * 6])
        for n in range(1, 21)
    ]
    assert as_pdf(Document("Wide tables", "", [Section("Names", tables)])).startswith(b"%PDF")


def test_one_long_figure_leaves_room_for_short_ones():
    columns = [Column("Name", ["A"], numeric=False), Column("CI", ["9" * 200]), *[Column("p", ["0.5"])] * 7]
    assert as_pdf(Document("Long", "", [Section("Figures", [Table("Figures", columns)])])).startswith(b"%PDF")
