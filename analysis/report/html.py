"""A report as HTML: a fragment for another page, or a page of its own.

Everything is inside `<div class="report">`. Its classes: `report-contents` (a nav of links), `report-figures` (a dl of
key figures), `report-findings` (a list), `report-figure` (a figure with its caption), `report-caption` (above a table),
`report-scroll` (around each table, so that it scrolls within a narrow page), `report-table` with `num` on numeric
cells, `group` on the first row of a group and `wrap` where the last column is running text, `report-note` (secondary
text), `report-more` (details that may stay closed), `report-methods` (a dl), `report-claim` (the statement that it
begins with), `report-beside` (parts side by side where there is room), `report-unseen` (headings for
screen readers alone). Colours are the CSS variables --ink,
--ink-soft, --line, --surface, --accent with fall-backs, see report.css.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from html import escape
from importlib.resources import files

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


def css() -> str:
    """Style sheet of the fragment."""
    return files("analysis.report").joinpath("report.css").read_text(encoding="utf-8")


def page(document: Document) -> str:
    """A page of its own; needs no other file and no network."""
    own = files("analysis.report").joinpath("page.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(document.title)}</title>
<style>
{own}
{css()}
</style>
</head>
<body>
<main>
<header>
<h1>{escape(document.title)}</h1>
<p>{escape(document.about)}</p>
</header>
{fragment(document)}
</main>
</body>
</html>
"""


def fragment(document: Document) -> str:
    """The report for a place within another page, under h2 headings."""
    sections = "\n".join(map(_section, document.sections))
    return f'<div class="report">\n{_contents(document.sections)}\n{sections}\n</div>'


def _contents(sections: Sequence[Section]) -> str:
    links = "".join(f'<li><a href="#{section.anchor}">{escape(section.title)}</a></li>' for section in sections)
    return (
        '<nav class="report-contents" aria-labelledby="report-contents">\n'
        f'<h2 id="report-contents" class="report-unseen">Contents</h2>\n<ol>{links}</ol>\n</nav>'
    )


def _section(section: Section) -> str:
    of = section.anchor
    body = "\n".join(map(_block, section.blocks))
    unseen = ' class="report-unseen"' if section.opening else ""
    return f'<section aria-labelledby="{of}">\n<h2 id="{of}"{unseen}>{escape(section.title)}</h2>\n{body}\n</section>'


@singledispatch
def _block(block: Block) -> str:
    raise TypeError(f"A report has no {type(block).__name__}.")


@_block.register
def _text(block: Text) -> str:
    kind = ' class="report-note"' if block.note else ' class="report-claim"' if block.leading else ""
    return f"<p{kind}>{escape(block.text)}</p>"


@_block.register
def _bullets(block: Bullets) -> str:
    body = "".join(f"<li>{escape(text)}</li>" for text in block.sentences)
    return f'<ul class="report-findings">{body}</ul>' if block.leading else f"<ul>{body}</ul>"


@_block.register
def _key_figures(block: KeyFigures) -> str:
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in block.figures.items()
    )
    return f'<dl class="report-figures">{cells}</dl>'


@_block.register
def _definitions(block: Definitions) -> str:
    parts = (f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in block.texts.items())
    return f'<dl class="report-methods">{"".join(parts)}</dl>'


@_block.register
def _picture(block: Picture) -> str:
    return (
        f'<figure class="report-figure">\n{block.drawing.inline_svg}\n'
        f"<figcaption><strong>{block.label}.</strong> {escape(block.words)}</figcaption>\n</figure>"
    )


@_block.register
def _beside(block: Beside) -> str:
    parts = "\n".join(f"<div>\n{_block(part)}\n</div>" for part in block.blocks)
    return f'<div class="report-beside">\n{parts}\n</div>'


@_block.register
def _details(block: Details) -> str:
    body = "\n".join(map(_block, block.blocks))
    return f'<details class="report-more"><summary>{escape(block.summary)}</summary>\n{body}\n</details>'


@_block.register
def _table(block: Table) -> str:
    head = "".join(f'<th scope="col"{_num(column)}>{escape(column.heading)}</th>' for column in block.columns)
    rows: list[str] = []
    above = None
    for at, cells in enumerate(block.rows()):
        first = not block.group or cells[0] != above
        above = cells[0]
        body = "".join(
            f"<td{_num(column)}{_title(column, at)}>{_cell(*cell) if i or first else ''}</td>"
            for i, (column, cell) in enumerate(zip(block.columns, cells, strict=True))
        )
        rows.append(f'<tr class="group">{body}</tr>' if block.group and first else f"<tr>{body}</tr>")
    kind = "report-table wrap" if block.wrap else "report-table"
    caption = f"report-table-{block.number}"
    notes = "".join(f'\n<p class="report-note">{escape(note)}</p>' for note in block.notes)
    return (
        f'<p class="report-caption" id="{caption}"><strong>{block.label}.</strong> {escape(block.words)}</p>\n'
        f'<div class="report-scroll" tabindex="0" role="region" aria-label="{block.label}">\n'
        f'<table class="{kind}" aria-labelledby="{caption}">\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + f"\n</tbody>\n</table>\n</div>{notes}"
    )


def _title(column: Column, row: int) -> str:
    """The whole name, where the cell has it shortened."""
    if not column.full or column.full[row] == column.cells[row]:
        return ""
    return f' title="{escape(column.full[row])}"'


def _cell(text: str, strong: bool) -> str:
    return f"<strong>{escape(text)}</strong>" if strong else escape(text)


def _num(column: Column) -> str:
    return ' class="num"' if column.numeric else ""
