# The cumulative link mixed model by ordinal: Rscript ordinal.R RATINGS.csv [interactions] OUT
# RATINGS has rater, item, condition and category (a whole number). Writes OUT/ordinal.csv and OUT/ordinal_fit.csv.
suppressPackageStartupMessages(library(ordinal))
given <- commandArgs(trailingOnly = TRUE)
out <- given[length(given)]
ratings <- read.csv(given[1], colClasses = c(rater = "factor", item = "factor", condition = "factor"))
ratings$category <- factor(ratings$category, ordered = TRUE)
ratings$rater_condition <- ratings$rater:ratings$condition
ratings$item_condition <- ratings$item:ratings$condition
terms <- "category ~ condition + (1 | rater) + (1 | item)"
if ("interactions" %in% given) terms <- paste(terms, "+ (1 | rater_condition) + (1 | item_condition)")
model <- clmm(as.formula(terms), ratings, link = "logit", Hess = TRUE)
found <- summary(model)$coefficients
write.csv(data.frame(name = rownames(found), found), file.path(out, "ordinal.csv"), row.names = FALSE)
spread <- sapply(VarCorr(model), function(each) attr(each, "stddev"))
write.csv(
  data.frame(name = c("logLik", names(VarCorr(model))), value = c(as.numeric(logLik(model)), spread)),
  file.path(out, "ordinal_fit.csv"), row.names = FALSE
)
