"""Tables of a report for a paper in LaTeX."""

import re

from analysis.report.document import Column, Table
from analysis.report.latex import escaped, tabular

TABLE = Table(
    "Names & figures.",
    [
        Column("System_1", ["A", "A", "B"], numeric=False),
        Column("and", ["50%…", "C#", "{D}"], numeric=False, full=["50% of it all", "C#", "{D}"]),
        Column("p", ["< 0.001", "−0.5", "1.0"], strong=[True, False, False], note="† Cut."),
    ],
    group=True,
    basis="After screening: 3 raters.",
    number=5,
)


def test_no_letter_of_a_name_is_a_command():
    text = escaped(r"50% of R&D_1 #2 $x$ {y} ~a^b \input{z}")
    assert text == (r"50\% of R\&D\_1 \#2 \$x\$ \{y\} \textasciitilde{}a\textasciicircum{}b \textbackslash{}input\{z\}")


def test_a_bracket_at_the_start_of_a_row_is_no_length():
    body = tabular(Table("", [Column("Name", ["a", "[1cm] b"], numeric=False)]))
    assert r"{[}1cm{]} b \\" in body


def test_a_name_with_a_line_break_stays_in_its_row():
    body = tabular(Table("One\ntwo", [Column("Name", ["a\nb"], numeric=False)]))
    assert "\na b \\\\\n" in body
    assert body.startswith("% Table 0. One two\n")


def test_the_rows_stand_between_the_rules_of_booktabs():
    lines = tabular(TABLE).splitlines()
    assert lines == [
        "% Table 5. Names & figures. After screening: 3 raters.",
        "% † Cut.",
        r"\begin{tabular}{llr}",
        r"\toprule",
        r"System\_1 & and & p \\",
        r"\midrule",
        r"A & 50\% of it all & \textbf{$<$ 0.001} \\",
        r" & C\# & $-$0.5 \\",
        r"\addlinespace",
        r"B & \{D\} & 1.0 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_rows_that_a_report_does_not_show_are_there_too():
    long = Table("", [Column("n", [str(n) for n in range(500)])], file="items.csv")
    assert long.n_shown < 500
    assert len(re.findall(r"^\d+ \\\\$", tabular(long), flags=re.MULTILINE)) == 500
    assert len(long.csv().splitlines()) == 501


def test_the_csv_has_whole_names_and_minus_signs_that_programs_read():
    assert TABLE.csv() == "System_1,and,p\nA,50% of it all,< 0.001\nA,C#,-0.5\nB,{D},1.0\n"
