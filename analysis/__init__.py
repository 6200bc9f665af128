"""Statistics of listening tests: pandas in, frames and figures out.

Modules
-------
frame      the tidy frame of ratings and its checks
readers    files to that frame
order      in which order conditions are shown
screening  which raters are excluded, by named rules
describe   means, intervals, medians
inference  Friedman, Wilcoxon with Holm
figures    the drawings
report     all of it on one page

    python -m analysis report ratings.csv -o results
"""
