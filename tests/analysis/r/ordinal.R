# The cumulative link mixed model by ordinal: Rscript ordinal.R RATINGS.csv OUT
# RATINGS has rater, item, condition and category (a whole number). Writes OUT/ordinal.csv and OUT/ordinal_fit.csv.
suppressPackageStartupMessages(library(ordinal))
given <- commandArgs(trailingOnly = TRUE)
ratings <- read.csv(given[1], colClasses = c(rater = "factor", item = "factor", condition = "factor"))
ratings$category <- factor(ratings$category, ordered = TRUE)
model <- clmm(category ~ condition + (1 | rater) + (1 | item), ratings, link = "logit", Hess = TRUE)
found <- summary(model)$coefficients
write.csv(data.frame(name = rownames(found), found), file.path(given[2], "ordinal.csv"), row.names = FALSE)
spread <- sapply(VarCorr(model), function(each) attr(each, "stddev"))
write.csv(
  data.frame(name = c("logLik", names(VarCorr(model))), value = c(as.numeric(logLik(model)), spread)),
  file.path(given[2], "ordinal_fit.csv"), row.names = FALSE
)
