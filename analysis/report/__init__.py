"""From ratings to tables, figures, tests and one report: a page, a PDF, files.

>>> import pandas as pd
>>> rows = [(rater, item, name, 30 + 25 * "AB".index(name) + (7 * i + 3 * j) % 11)
...         for i, rater in enumerate(("ann", "ben", "cat")) for j, item in enumerate("xyz") for name in "AB"]
>>> report = build_report(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"]), screening=["none"])
>>> [section.title for section in report.document.sections][:3]
['Summary', 'Results', 'The claim']
"""

from __future__ import annotations

from analysis.report.build import build_report
from analysis.report.html import css
from analysis.report.report import Report, Settings

__all__ = ["Report", "Settings", "build_report", "css"]
