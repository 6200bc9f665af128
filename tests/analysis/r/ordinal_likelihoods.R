# Log-likelihoods of the cumulative link mixed model by ordinal: Rscript ordinal_likelihoods.R RATINGS.csv OUT
# RATINGS has set, rater, item, condition and category (a whole number). Writes OUT/likelihoods.csv, a row for each set.
suppressPackageStartupMessages(library(ordinal))
given <- commandArgs(trailingOnly = TRUE)
ratings <- read.csv(given[1], colClasses = c(rater = "factor", item = "factor", condition = "factor"))
likelihood <- function(rows) {
  rows <- droplevels(rows)
  rows$category <- factor(rows$category, ordered = TRUE)
  rows$rater_condition <- rows$rater:rows$condition
  rows$item_condition <- rows$item:rows$condition
  terms <- category ~ condition + (1 | rater) + (1 | item) + (1 | rater_condition) + (1 | item_condition)
  tryCatch(as.numeric(logLik(clmm(terms, rows, link = "logit", Hess = FALSE))), error = function(reason) NA)
}
found <- sapply(split(ratings, ratings$set), likelihood)
write.csv(data.frame(set = names(found), log_likelihood = found), file.path(given[2], "likelihoods.csv"), row.names = FALSE)
