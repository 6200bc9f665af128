"""Statistics of listening tests: pandas in, frames and figures out.

Modules
-------
frame        the tidy frame of ratings and its checks
readers      files to that frame: files, mushra_files, beaqlejs_files, wide_tables
writers      that frame to the files of other programs
order        in which order conditions are shown
screening    which raters are excluded, by named rules
describe     means, intervals, medians
inference    Friedman, Wilcoxon with Holm, Hodges and Lehmann's shift
mixed        the mixed model of raters and items; the package crossed holds its algebra
bounded      ordered beta regression, which knows the ends of the scale; its density is ordered_beta
ordinal      a cumulative link mixed model, for the order of scores
restricted   standard errors of both; laplace and cumulative_logits serve both too
anova        repeated measures, for those who must report it
resampling   bootstrap and permutation tests
agreement    of raters with each other and with themselves
margins      non-inferiority and equivalence
rates        rate-quality curves and equivalent rates
claim        both, for every two codecs
influence    which verdicts change without one item or one rater
screening_sensitivity  the claim under each screening rule
listeners    who listened, and how many of those who began are in the results
simulation   studies drawn from variance components
power        how many raters a study needs
predictions  what the mixed model expects of each rating
figures      the drawings
report       all of it, as a page, a PDF and files

    python -m analysis report ratings.csv -o results
"""
