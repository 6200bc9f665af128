"""A report as a PDF."""

import pytest
from fpdf.table import Row
from matplotlib.figure import Figure

from analysis.figures.drawing import drawing
from analysis.report import pdf
from analysis.report.document import Bullets, Column, Details, Document, KeyFigures, Picture, Section, Table, Text
from analysis.report.pdf import FEWEST_ROWS, KEPT_ROWS, as_pdf, row_parts


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


@pytest.mark.parametrize("n", [1, 2, 3, 5, KEPT_ROWS, KEPT_ROWS + 1, 30, 100])
def test_no_part_of_a_table_has_one_or_two_rows(n):
    for here in range(0, 200, 3):
        parts = row_parts([5.0] * n, here, 200)
        assert [row for start, stop in parts for row in range(start, stop)] == list(range(n))
        sizes = [stop - start for start, stop in parts]
        assert all(size >= min(FEWEST_ROWS, n) for size in sizes[1:])
        assert sizes[0] == 0 or sizes[0] >= min(FEWEST_ROWS, n)
        assert sizes[0] * 5 <= here
        assert all(size * 5 <= 200 for size in sizes)


def test_a_short_table_stays_whole():
    assert row_parts([5.0] * KEPT_ROWS, 5 * KEPT_ROWS - 1, 200) == [(0, 0), (0, KEPT_ROWS)]


def test_rows_higher_than_a_page_get_a_page_each():
    assert row_parts([300.0] * 4, 10, 200) == [(0, 0), (0, 1), (1, 2), (2, 3), (3, 4)]
    assert row_parts([300.0] * 2, 200, 200) == [(0, 1), (1, 2)]


@pytest.mark.parametrize("lines", range(40, 70))
def test_key_figures_stay_on_one_page(lines):
    """Wherever a page ends, they and what is above them take two pages at most."""
    figures = KeyFigures({"raters": "24", "items": "50"})
    blocks = [Bullets(["A line."] * lines), figures]
    assert as_pdf(Document("Figures", "", [Section("Summary", blocks)])).count(b"/Type /Page\n") <= 2


class Places:
    """Where a PDF puts its headings, tables and pictures: pages, by spying on the sheet."""

    def __init__(self, monkeypatch) -> None:
        self.headings: dict[str, int] = {}
        self.parts: list[tuple[int, int, int, list]] = []
        self.pictures: list[int] = []
        self.contents: list[tuple[int, str]] = []
        sheet = pdf._Sheet
        rows, start, image, cell = sheet._rows, sheet.start_section, sheet.image, sheet.cell

        def with_rows(own, block, grid, first, last):
            before = own.page_no()
            rows(own, block, grid, first, last)
            self.parts.append((before, own.page_no(), last - first, grid.rows[first:last]))

        def with_start(own, name, *args, **options):
            self.headings[name] = own.page_no()
            return start(own, name, *args, **options)

        def with_image(own, *args, **options):
            self.pictures.append(own.page_no())
            return image(own, *args, **options)

        def with_cell(own, *args, **options):
            if options.get("link") is not None:
                self.contents.append((own.page, args[2]))
            return cell(own, *args, **options)

        monkeypatch.setattr(sheet, "_rows", with_rows)
        monkeypatch.setattr(sheet, "start_section", with_start)
        monkeypatch.setattr(sheet, "image", with_image)
        monkeypatch.setattr(sheet, "cell", with_cell)


def filled(lines: int) -> Section:
    return Section("Before", [Text("\n".join(["filler"] * lines))])


@pytest.mark.parametrize("n_rows", [4, 40])
def test_a_heading_stands_on_the_page_of_its_table_which_never_breaks_after_one_row(monkeypatch, n_rows):
    names = [f"system {i} " * (1 + 8 * (i % 5 == 0)) for i in range(n_rows)]
    columns = [Column("Name", names, numeric=False), *[Column("Interval", ["10.0 to 20.0"] * n_rows)] * 6]
    for lines in range(28, 60, 2):
        places = Places(monkeypatch)
        table = Table("A caption " * 30, columns, number=1)
        as_pdf(Document("Places", "", [filled(lines), Section("Table", [table])]))
        monkeypatch.undo()
        assert places.headings["Table"] == places.parts[0][0]
        assert sum(n for _, _, n, _ in places.parts) == n_rows
        for before, after, n, _ in places.parts:
            assert before == after, "a part of a table is higher than was computed"
            assert n >= FEWEST_ROWS


def test_a_heading_stands_on_the_page_of_its_figure(monkeypatch):
    picture = Picture(drawing("square", "Square", "Nothing in it.", Figure(figsize=(5.2, 4))), number=1)
    for lines in range(20, 56, 6):
        places = Places(monkeypatch)
        as_pdf(Document("Places", "", [filled(lines), Section("Figure", [picture])]))
        monkeypatch.undo()
        assert places.pictures == [places.headings["Figure"]]


@pytest.mark.parametrize(("title", "page"), [("Contents", 1), ("A title longer than a page " * 75, 2)])
def test_the_contents_say_where_each_section_begins(monkeypatch, title, page):
    sections = [Section(name, [Text("words " * 1200)]) for name in ("One", "Two", "Three")]
    places = Places(monkeypatch)
    as_pdf(Document(title, "", sections))
    assert len(set(places.headings.values())) == 3
    shown = [text for _, text in places.contents]
    assert shown == [part for name, start in places.headings.items() for part in (name, str(start))]
    assert {where for where, _ in places.contents} == {page}


def test_a_continued_table_repeats_its_headings_and_the_name_of_its_group(monkeypatch):
    captions, cells = [], []
    monkeypatch.setattr(pdf._Sheet, "_words", recorded(captions, pdf._Sheet._words))
    monkeypatch.setattr(Row, "cell", recorded(cells, Row.cell))
    columns = [Column("Group", ["all the same"] * 150, numeric=False), Column("n", [str(i) for i in range(150)])]
    as_pdf(Document("Long", "", [Section("Table", [Table("Caption.", columns, group=True, number=7)])]))
    n = captions.count("Table 7, continued.") + 1
    assert n > 2
    assert captions.count("Table 7. Caption.") == 1
    assert cells.count("Group") == cells.count("all the same") == n


def test_what_only_repeats_a_table_is_not_in_the_pdf(monkeypatch):
    words = []
    monkeypatch.setattr(pdf._Sheet, "_words", recorded(words, pdf._Sheet._words))
    details = [Details("Once", [Text("said once")]), Details("Again", [Text("said again")], repeats=True)]
    as_pdf(Document("Details", "", [Section("Details", details)]))
    assert "said once" in words
    assert "said again" not in words


def recorded(into: list, method):
    """The method, which notes the text that it is called with."""

    def record(own, text="", *args, **options):
        into.append(text)
        return method(own, text, *args, **options)

    return record


def test_the_same_report_is_the_same_file():
    document = Document("Same", "", [Section("Table", [Table("Caption.", [Column("n", ["1"])])])])
    assert as_pdf(document) == as_pdf(document)
