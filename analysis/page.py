"""The report as HTML: a fragment for another page, or a page of its own.

Everything is inside `<div class="report">`. Its classes: `report-figures` (a dl of key figures), `report-findings` (a
list), `report-figure` (a figure with its caption), `report-caption` (above a table), `report-scroll` (around each
table, so that it scrolls within a narrow page), `report-table` with `num` on numeric cells, `group` on the first row of
a group and `wrap` where the last column is running text, `report-note` (secondary text), `report-more` (details that
may stay closed), `report-methods` (a dl). Colours are the CSS variables --ink, --ink-soft, --line, --surface, --accent
with fall-backs, see report.css.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

import pandas as pd

from analysis import material
from analysis.findings import ALPHA, findings, methods, weights
from analysis.frame import rated
from analysis.limits import limits
from analysis.wording import NOTHING, count, listed, number, p_value

if TYPE_CHECKING:
    from analysis.report import Report


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, the text of its cells, whether they are figures, which are strong."""

    heading: str
    cells: Sequence[str]
    numeric: bool = True
    strong: Sequence[bool] = ()


def css() -> str:
    """Style sheet of the fragment."""
    return files("analysis").joinpath("report.css").read_text(encoding="utf-8")


def page(report: Report) -> str:
    """A page of its own; needs no other file and no network."""
    own = files("analysis").joinpath("page.css").read_text(encoding="utf-8")
    about = [part for part in (_of_study(report), _when_rated(report.ratings), _made(report)) if part]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(report.title)}</title>
<style>
{own}
{css()}
</style>
</head>
<body>
<main>
<header>
<h1>{escape(report.title)}</h1>
<p>{escape(" · ".join(about))}</p>
</header>
{fragment(report)}
</main>
</body>
</html>
"""


def fragment(report: Report) -> str:
    """The report for a place within another page."""
    sections = {
        "Summary": _summary(report),
        "Results": _results(report),
        "Tests": _tests(report),
        "Raters": _raters(report),
        "Material": _material(report),
        "Methods": _methods(report),
        "Limits": _list(limits(report)),
    }
    parts = []
    for name, body in sections.items():
        of = f"report-{name.lower()}"
        parts.append(f'<section aria-labelledby="{of}">\n<h2 id="{of}">{name}</h2>\n{body}\n</section>')
    return '<div class="report">\n' + "\n".join(parts) + "\n</div>"


def _summary(report: Report) -> str:
    kept, raters = report.screening.kept, report.screening.raters
    figures = {
        "raters analysed": f"{len(raters) - len(report.screening.excluded):,}",
        "excluded": f"{len(report.screening.excluded):,}",
        "items": f"{kept['item'].nunique():,}",
        "systems": f"{material.n_systems(kept):,}",
        "ratings": f"{len(kept):,}",
    }
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in figures.items())
    return f'<dl class="report-figures">{cells}</dl>\n{_list(findings(report), "report-findings")}'


def _results(report: Report) -> str:
    if report.conditions.empty:
        return _text("There is nothing to describe: no rating is left after screening.")
    parts = [
        _figure(report, "means"),
        _table(
            f"Conditions after screening. CI: {100 * report.level:g}% confidence interval.",
            _described(report.conditions),
        ),
        _figure(report, "boxes"),
    ]
    if not report.by_category.empty:
        parts.append(_table("Conditions in each category.", _described(report.by_category, "category"), group=True))
    if report.by_item["item"].nunique() > 1:
        table = _table("Conditions for each item.", _described(report.by_item, "item"), group=True)
        parts.append(_more(f"Each of the {count(report.by_item['item'].nunique(), 'item')}", table))
    return "\n".join(parts)


def _described(table: pd.DataFrame, by: str = "") -> list[Column]:
    first = [Column(by.capitalize(), list(table[by]), numeric=False)] if by else []
    counts = ("raters", "ratings") if by == "item" else ("raters", "items", "ratings")
    return [
        *first,
        Column("Condition", list(table["condition"]), numeric=False),
        Column("Mean", _numbers(table["mean"])),
        Column("CI", _intervals(table["ci_low"], table["ci_high"])),
        Column("Median", _numbers(table["median"])),
        Column("Quartiles", [f"{number(a)} to {number(b)}" for a, b in zip(table["q1"], table["q3"], strict=True)]),
        *(Column(name.capitalize(), [f"{n:,}" for n in table[f"n_{name}"]]) for name in counts),
    ]


def _tests(report: Report) -> str:
    test = report.friedman
    if test.p == test.p:
        cells = {
            "χ²": number(test.statistic, 2),
            "df": str(test.df),
            "p": p_value(test.p),
            "Kendall's W": number(test.w, 3),
            "Raters": f"{test.n_raters:,}",
            "Systems": f"{test.n_systems:,}",
            "Raters left out": f"{test.n_dropped:,}",
        }
        parts = [_table("Friedman's test of the systems.", [Column(name, [text]) for name, text in cells.items()])]
        parts.append(_text(test.note, "report-note"))
    else:
        parts = [_text(test.note)]
    pairs = report.pairs
    if pairs.empty:
        return "\n".join([*parts, _text("There is no pair of systems to test.")])
    columns = [
        Column("System", list(pairs["a"]), numeric=False),
        Column("and", list(pairs["b"]), numeric=False),
        Column("Mean difference", _numbers(pairs["mean_difference"])),
        Column("Median", _numbers(pairs["median_difference"])),
        Column("Shift", _numbers(pairs["shift"])),
        Column("CI of the shift", _intervals(pairs["shift_low"], pairs["shift_high"])),
        Column("Raters", [f"{n:,}" for n in pairs["n_raters"]]),
        Column("p", [p_value(p) for p in pairs["p"]]),
        Column("p (Holm)", [p_value(p) for p in pairs["p_holm"]], strong=list(pairs["p_holm"] < ALPHA)),
    ]
    caption = (
        "Wilcoxon's signed-rank test of every pair. Differences: first minus second. Shift: Hodges and Lehmann's, with "
        f"its {100 * report.level:g}% confidence interval. Strong: p (Holm) < {ALPHA:g}."
    )
    parts.append(_table(caption, columns, group=True))
    for note in dict.fromkeys(note for note in pairs["note"] if note):
        where = [f"{row['a']} and {row['b']}" for row in pairs[pairs["note"] == note].to_dict("records")]
        parts.append(_text(f"{note} ({listed(where, most=3)})", "report-note"))
    return "\n".join(parts)


def _raters(report: Report) -> str:
    raters = report.screening.raters
    out = raters[raters["excluded"]]
    unfinished = int(raters["n_unfinished"].sum())
    given = rated(report.ratings)
    sentences = [f"{count(len(raters), 'rater')} gave {count(len(given), 'rating')}."]
    if unfinished:
        sets = "were analysed like the others" if report.keep_unfinished else "were set aside"
        n_set = int((~given["finished"]).sum())
        were = "was" if unfinished == 1 else "were"
        sentences.append(
            f"{count(unfinished, 'session')} {were} not finished; {count(n_set, 'rating')} from there {sets}."
        )
    rules = listed([rule.name for rule in report.screening.rules]) or "none"
    sentences.append(f"Screening rules: {rules}. In all {count(len(out), 'rater')} of {len(raters):,} excluded.")
    parts = [_text(" ".join(sentences))]
    if len(out):
        columns = [
            Column("Rater", list(out["rater"]), numeric=False),
            Column("Ratings", [f"{n:,}" for n in out["n_ratings"]]),
            Column("Reason", list(out["reason"]), numeric=False),
        ]
        parts.append(_table("Excluded raters.", columns, wrap=True))
        parts.append(_table("Means before and after.", _before_and_after(report)))
    parts.append(_figure(report, "raters"))
    checks = report.screening.checks
    if len(checks):
        columns = [
            Column("Rater", list(checks["rater"]), numeric=False),
            Column("Rule", list(checks["rule"]), numeric=False),
            Column("Check", list(checks["check"]), numeric=False),
            Column("Failed", [f"{k:,} of {n:,}" for k, n in zip(checks["failed"], checks["of"], strict=True)]),
            Column("Excluded", ["yes" if yes else "no" for yes in checks["excluded"]], numeric=False),
        ]
        parts.append(_more("Counts of every rule for every rater", _table("Counts of the screening rules.", columns)))
    return "\n".join(parts)


def _before_and_after(report: Report) -> list[Column]:
    after = report.conditions.set_index("condition").reindex(report.before["condition"])
    before = report.before.set_index("condition")
    n_after = after["n_raters"].fillna(0).astype(int)
    change = [
        ("+" if late > early else "") + number(late - early) if late == late else NOTHING
        for early, late in zip(before["mean"], after["mean"], strict=True)
    ]
    return [
        Column("Condition", list(before.index), numeric=False),
        Column("Raters before", [f"{n:,}" for n in before["n_raters"]]),
        Column("Mean before", _numbers(before["mean"])),
        Column("Raters after", [f"{n:,}" for n in n_after]),
        Column("Mean after", _numbers(after["mean"])),
        Column("Change", change),
    ]


def _material(report: Report) -> str:
    table, items = report.material, material.items(report.ratings)
    columns = [
        Column("Condition", list(table["condition"]), numeric=False),
        Column("Role", [role.replace("_", " ") for role in table["role"]], numeric=False),
    ]
    if (table["spec"] != "").any():
        columns.append(Column("Codec", [spec or NOTHING for spec in table["spec"]], numeric=False))
    if (table["weights"] != "").any():
        columns.append(Column("Neural weights", [name or NOTHING for name in table["weights"]], numeric=False))
    if table["kbps_low"].notna().any():
        rates = zip(table["kbps_low"], table["kbps_high"], strict=True)
        columns.append(Column("Measured kbit/s", [_rate(low, high) for low, high in rates]))
    categories = sorted({name for name in items["category"] if name})
    of = f" in {count(len(categories), 'category', 'categories')} ({listed(categories)})" if categories else ""
    parts = [
        _text(weights(report)),
        _table("Conditions as they were rated.", columns),
        _text(f"{count(len(items), 'item')}{of}."),
    ]
    columns = [
        Column("Item", list(items["item"]), numeric=False),
        *([Column("Category", list(items["category"]), numeric=False)] if categories else []),
        Column("Raters, before screening", [f"{n:,}" for n in items["n_raters"]]),
    ]
    parts.append(_more("Items", _table("Items.", columns)))
    return "\n".join(parts)


def _rate(low: float, high: float) -> str:
    if low != low:
        return NOTHING
    return number(low) if number(low) == number(high) else f"{number(low)} to {number(high)}"


def _methods(report: Report) -> str:
    parts = (f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in methods(report).items())
    return f'<dl class="report-methods">{"".join(parts)}</dl>'


def _figure(report: Report, name: str) -> str:
    drawing = report.drawing(name)
    if drawing is None:
        return ""
    return (
        f'<figure class="report-figure">\n{drawing.inline_svg}\n'
        f"<figcaption><strong>{escape(drawing.title)}.</strong> {escape(drawing.caption)}</figcaption>\n</figure>"
    )


def _table(caption: str, columns: Sequence[Column], *, group: bool = False, wrap: bool = False) -> str:
    """A table. With `group`, a first cell that repeats the one above it is left empty."""
    head = "".join(f'<th scope="col"{_num(column)}>{escape(column.heading)}</th>' for column in columns)
    rows: list[str] = []
    above = None
    for cells in zip(*(column.cells for column in columns), strict=True):
        first = not group or cells[0] != above
        above = cells[0]
        body = "".join(
            f"<td{_num(column)}>{_cell(column, len(rows)) if i or first else ''}</td>"
            for i, column in enumerate(columns)
        )
        rows.append(f'<tr class="group">{body}</tr>' if group and first else f"<tr>{body}</tr>")
    kind = "report-table wrap" if wrap else "report-table"
    return (
        f'<p class="report-caption">{escape(caption)}</p>\n'
        f'<div class="report-scroll" tabindex="0" role="region" aria-label="{escape(caption)}">\n'
        f'<table class="{kind}" aria-label="{escape(caption)}">\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>\n</div>"
    )


def _cell(column: Column, row: int) -> str:
    text = escape(str(column.cells[row]))
    return f"<strong>{text}</strong>" if column.strong and column.strong[row] else text


def _num(column: Column) -> str:
    return ' class="num"' if column.numeric else ""


def _text(text: str, kind: str = "") -> str:
    return (f'<p class="{kind}">' if kind else "<p>") + escape(text) + "</p>" if text else ""


def _list(sentences: Iterable[str], kind: str = "") -> str:
    body = "".join(f"<li>{escape(text)}</li>" for text in sentences)
    return f'<ul class="{kind}">{body}</ul>' if kind else f"<ul>{body}</ul>"


def _more(summary: str, body: str) -> str:
    return f'<details class="report-more"><summary>{escape(summary)}</summary>\n{body}\n</details>'


def _numbers(values: pd.Series) -> list[str]:
    return [number(float(value)) for value in values]


def _intervals(low: pd.Series, high: pd.Series) -> list[str]:
    ends = zip(map(float, low), map(float, high), strict=True)
    return [f"{number(a)} to {number(b)}" if a == a else NOTHING for a, b in ends]


def _of_study(report: Report) -> str:
    return f"Study {report.study}" if report.study and report.study != report.title else ""


def _when_rated(ratings: pd.DataFrame) -> str:
    if "rated_at" not in ratings:
        return ""
    days = sorted({str(when)[:10] for when in rated(ratings)["rated_at"].dropna() if str(when)})
    if not days:
        return ""
    return f"Rated on {days[0]}" if len(days) == 1 else f"Rated from {days[0]} to {days[-1]}"


def _made(report: Report) -> str:
    return f"Report made on {report.made_on}" if report.made_on else ""
