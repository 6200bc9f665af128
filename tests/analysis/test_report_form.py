"""A reader finds each part of a report, and each figure and table says what it shows."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from analysis.report import Report, build_report
from analysis.report.cells import CUT, DIFFERENCES, SCALE, bounds, intervals
from analysis.report.document import Beside, Details, Picture, Table
from analysis.versions import versions

from .studies import FEW, exported, scores_table
from .test_report import text_of

LONG = "a system whose name is far too long for the row of a figure, at {} kbit/s"


@pytest.fixture(scope="module")
def report() -> Report:
    export = exported(n_raters=8, n_items=6, conditions=FEW)
    export["rater"] = export["rater"].map(lambda name: f"panel-{name}@example.org")
    export.loc[export["rater"].str.contains("R03") & (export["role"] == "hidden_reference"), "score"] = 60
    names = {"EnCodec 12": LONG.format(12), "Opus 6": LONG.format(6)}
    export["condition"] = export["condition"].replace(names)
    export["clip"] = "an excerpt of a recording with a long name, number " + export["clip"]
    return build_report(export, screening=["bs1534_hidden_reference"], margin=5)


@pytest.fixture(scope="module")
def folder(report, tmp_path_factory):
    report.save(where := tmp_path_factory.mktemp("report"))
    return where


def blocks_of(blocks) -> list:
    inner = (blocks_of(block.blocks) if isinstance(block, Details | Beside) else [block] for block in blocks)
    return [part for parts in inner for part in parts]


def all_blocks(report: Report) -> list:
    return [block for section in report.document.sections for block in blocks_of(section.blocks)]


def test_the_contents_link_to_every_section_in_its_order(report):
    contents = re.search(r'<nav class="report-contents".*?</nav>', report.html, flags=re.DOTALL)[0]
    links = re.findall(r'<a href="#([^"]+)">([^<]+)</a>', contents)
    headings = re.findall(
        r'<h2 id="([^"]+)"(?: class="report-unseen")?>([^<]+)</h2>', report.html.replace(contents, "")
    )
    assert links == headings
    assert [title for _, title in links] == [section.title for section in report.document.sections]
    assert report.html.index("<nav") < report.html.index("<section")


def test_figures_and_tables_are_numbered_in_the_order_of_the_page(report):
    for kind, block in (("Figure", Picture), ("Table", Table)):
        n = sum(isinstance(each, block) for each in all_blocks(report))
        assert n > 5
        assert re.findall(rf"<strong>({kind} \d+)\.</strong>", report.html) == [f"{kind} {i + 1}" for i in range(n)]


def test_every_id_of_the_page_is_used_once(report):
    ids = re.findall(r'\bid="([^"]+)"', report.html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'aria-labelledby="([^"]+)"', report.html)) <= set(ids)


def test_every_caption_says_which_ratings_and_how_many(report):
    for block in all_blocks(report):
        if isinstance(block, (Table, Picture)):
            assert re.search(r"screening: 8 raters|screening: 7 raters", block.words), block.words
            assert re.search(r"6 items, [\d,]+ ratings\.$", block.words), block.words


def test_captions_count_the_ratings_of_what_they_show(report):
    counts = {block.drawing.name: block.basis for block in all_blocks(report) if isinstance(block, Picture)}
    assert counts["means"] == "After screening: 7 raters, 6 items, 210 ratings."
    assert counts["differences"] == "Systems only, after screening: 7 raters, 6 items, 126 ratings."
    assert counts["raters"] == "Before screening: 8 raters, 6 items, 240 ratings."


def test_every_table_with_an_interval_says_its_level(report):
    tables = [block for block in all_blocks(report) if isinstance(block, Table)]
    with_interval = [block for block in tables if any(column.heading.startswith("CI") for column in block.columns)]
    assert len(with_interval) > 4
    assert all("95%" in block.caption for block in with_interval)


def test_tables_of_single_items_stand_in_the_appendix_at_the_end(report):
    *sections, last = report.document.sections
    assert last.title == "Appendix"
    by_item = [block for section in sections for block in blocks_of(section.blocks) if "Item" in headings(block)]
    assert by_item == []
    assert [headings(block)[0] for block in blocks_of(last.blocks)] == ["Item", "Item"]


def headings(block) -> list[str]:
    return [column.heading for column in block.columns] if isinstance(block, Table) else []


def test_raters_have_numbers_in_the_report_and_raters_csv_says_whose(report, folder):
    text = text_of(report.html)
    assert "example.org" not in report.html
    assert "7 of 8 raters are analysed; Rater 3 was excluded." in text
    assert "raters.csv has the identifier of each" in text
    table = pd.read_csv(folder / "raters.csv")
    assert list(table.columns) == ["rater", "excluded", "reason", "number"]
    assert table.loc[table["number"] == 3, "rater"].tolist() == ["panel-R03@example.org"]
    figure = report.drawing("raters").figure
    shown = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert shown == ["1", "2", "4", "5", "6", "7", "8", "3"]  # excluded raters stand on the right


def test_a_rater_has_the_same_number_whatever_the_order_of_the_rows():
    export = exported(12, 2, conditions=FEW)
    names = build_report(export).rater_names
    assert build_report(export.iloc[::-1]).rater_names == names
    assert names["R10"] == "Rater 10"


def test_long_names_are_shortened_in_tables_and_one_table_has_them_whole(report):
    text = text_of(report.html)
    short = report.short_names
    six, twelve = short[LONG.format(6)], short[LONG.format(12)]
    assert six != twelve
    assert max(map(len, (six, twelve))) <= 24
    conditions, *_ = [block for block in report.document.tables() if block.caption.startswith("Every condition.")]
    assert {six, twelve} <= set(conditions.columns[0].cells)
    assert f'<td title="{LONG.format(6)}">{six}</td>' in report.html
    assert f"{LONG.format(6)} {six} system" in text
    names = [label.get_text() for label in report.drawing("means").figure.axes[0].get_yticklabels()]
    assert {six, twelve} <= set(names)


def test_names_that_fit_need_no_key():
    text = text_of(build_report(exported(4, 2, conditions=FEW)).html)
    assert "Shown as" not in text


def test_every_table_is_saved_as_csv_and_latex_and_every_figure_as_pdf_and_svg(report, folder):
    numbers = [f"table-{block.number:02}" for block in report.document.tables()]
    assert {path.stem for path in (folder / "tables").glob("*.csv")} == set(numbers)
    assert {path.stem for path in (folder / "tables").glob("*.tex")} == set(numbers)
    for drawing in report.drawings:
        assert (folder / "figures" / f"{drawing.name}.pdf").read_bytes().startswith(b"%PDF")
        assert (folder / "figures" / f"{drawing.name}.svg").read_text().startswith("<?xml")
    last = pd.read_csv(folder / "tables" / f"{numbers[-1]}.csv")
    assert len(last) == 6 * 5
    assert set(last["Condition"]) >= {LONG.format(6), LONG.format(12)}
    assert r"\toprule" in (folder / "tables" / f"{numbers[-1]}.tex").read_text()


def test_a_figure_has_the_same_pdf_each_time(report):
    drawing = report.drawings[0]
    assert drawing.pdf == drawing.pdf
    assert b"CreationDate" not in drawing.pdf


def test_an_interval_beyond_the_scale_is_marked_and_its_table_has_a_note():
    column = intervals("CI", [-5.0, 20.0, 97.0], [20.0, 40.0, 103.0], ends=SCALE)
    assert column.cells == [f"0.0 to 20.0{CUT}", "20.0 to 40.0", f"97.0 to 100.0{CUT}"]
    assert Table("", [column]).notes == [column.note]
    assert column.note.startswith(CUT)
    assert intervals("CI", [0.0], [100.0], ends=SCALE).note == ""
    assert bounds("Lower", [-120.0, 3.0, float("nan")]).cells == [f"−100.0{CUT}", "3.0", "–"]
    assert bounds("Lower", [-99.0]).note == ""
    assert intervals("CI", [-120.0], [3.0], ends=DIFFERENCES).cells == [f"−100.0 to 3.0{CUT}"]


def test_the_report_has_the_note_where_an_interval_is_cut_and_only_there(report):
    cut = build_report(scores_table({"Reference": [100, 100, 100], "A": [99, 100, 91], "B": [2, 0, 11]}))
    (table,) = [block for block in cut.document.tables() if block.caption.startswith("Every condition.")]
    assert f"to 100.0{CUT}" in " ".join(table.columns[2].cells)
    assert table.notes[0] in cut.html
    assert "Intervals are cut at the ends of the scale" in cut.drawing("means").caption
    (table,) = [block for block in report.document.tables() if block.caption.startswith("Every condition.")]
    assert table.notes == []
    assert "cut at the ends" not in report.drawing("means").caption


def test_the_methods_paragraph_can_be_pasted_into_a_paper(report, folder):
    text = (folder / "methods.txt").read_text()
    assert text.strip() in text_of(report.html)
    assert "\n" not in text.strip()
    for words in (
        "8 raters gave 240 ratings of 3 systems, a hidden reference and a low anchor on 6 items",
        "Post-screening was by bs1534_hidden_reference; in all, 1 of 8 raters was excluded.",
        "95% confidence interval from Student's t",
        "in a linear mixed model with crossed raters and items",
        "margin of 5 points",
        *(f"{name} {number}" for name, number in versions().items()),
    ):
        assert words in text
    bare = text_of(build_report(scores_table({"A": [40]})).html)
    assert "linear mixed model" not in bare
    assert "margin of" not in bare[bare.index("For a paper") : bare.index("Scale Scores were")]
