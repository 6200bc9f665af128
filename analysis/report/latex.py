r"""A table of a report for a paper in LaTeX: a `tabular` with the rules of the package booktabs."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.report.document import Table

_LETTERS = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": "$<$",
        ">": "$>$",
        "|": "$|$",
        "[": "{[}",  # after \\ it would begin an optional length
        "]": "{]}",
        "\N{MINUS SIGN}": "$-$",
        "–": "--",
        "∞": r"$\infty$",
        "…": r"\ldots{}",
        "²": r"\textsuperscript{2}",
        "χ": r"$\chi$",
        "ε": r"$\varepsilon$",
        "η": r"$\eta$",
        "†": r"\textsuperscript{\textdagger}",
    }
)


def escaped(text: str) -> str:
    r"""Text as LaTeX sets it, on one line.

    >>> print(escaped("R&D_1 100% <−3.5 {x}"))
    R\&D\_1 100\% $<$$-$3.5 \{x\}
    """
    return " ".join(text.split()).translate(_LETTERS)


def tabular(table: Table) -> str:
    r"""The table with all its rows and whole names; its caption and notes are comments.

    Parameters
    ----------
    table : Table

    Returns
    -------
    str
        For `\input` within a `table`. The document needs `\usepackage{booktabs}`.
    """
    kinds = ["r" if column.numeric else "l" for column in table.columns]
    if table.wrap:
        kinds[-1] = r"p{0.4\linewidth}"
    head = " & ".join(escaped(column.heading) for column in table.columns)
    lines = [
        _comment(f"{table.label}. {table.words}"),
        *(_comment(note) for note in table.column_notes),
        rf"\begin{{tabular}}{{{''.join(kinds)}}}",
        r"\toprule",
        rf"{head} \\",
        r"\midrule",
        *_rows(table),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _rows(table: Table) -> Iterator[str]:
    above = None
    for cells in table.all_rows():
        first = cells[0][0]
        repeats = table.group and first == above
        if table.group and above is not None and not repeats:
            yield r"\addlinespace"
        texts = [rf"\textbf{{{escaped(text)}}}" if strong else escaped(text) for text, strong in cells]
        yield " & ".join(["" if repeats else texts[0], *texts[1:]]) + r" \\"
        above = first


def _comment(text: str) -> str:
    return f"% {' '.join(text.split())}"
