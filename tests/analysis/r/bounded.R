# Ordered beta regression by glmmTMB, restricted maximum likelihood: Rscript bounded.R RATINGS.csv OUT
# RATINGS has rater, item, condition and score from 0 to 100, with scores at both ends. Writes OUT/bounded.csv (condition,
# estimate, its standard error), OUT/bounded_covariance.csv (of the estimates) and OUT/bounded_fit.csv (log likelihood,
# cutpoints, precision, standard deviations).
suppressPackageStartupMessages(library(glmmTMB))
given <- commandArgs(trailingOnly = TRUE)
ratings <- read.csv(given[1], colClasses = c(rater = "factor", item = "factor", condition = "factor"))
ratings$share <- ratings$score / 100
formula <- share ~ 0 + condition + (1 | rater) + (1 | item) + (1 | rater:condition) + (1 | item:condition)
# With its own start the likelihood is not a number; its default tolerance leaves 4 digits.
tight <- glmmTMBControl(optCtrl = list(iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-13, x.tol = 1e-12))
model <- glmmTMB(formula, ratings, family = ordbeta(), REML = TRUE, start = list(psi = c(-3, 1)), control = tight)
found <- summary(model)$coefficients$cond
write.csv(
  data.frame(condition = sub("^condition", "", rownames(found)), estimate = found[, 1], se = found[, 2]),
  file.path(given[2], "bounded.csv"), row.names = FALSE
)
covariance <- vcov(model)$cond
dimnames(covariance) <- list(sub("^condition", "", rownames(covariance)), sub("^condition", "", colnames(covariance)))
write.csv(as.data.frame(covariance, check.names = FALSE), file.path(given[2], "bounded_covariance.csv"), row.names = FALSE)
spread <- sapply(VarCorr(model)$cond, function(each) attr(each, "stddev"))
cutpoints <- model$fit$par[names(model$fit$par) == "psi"]
write.csv(
  data.frame(
    name = c("logLik", "low", "high", "precision", names(VarCorr(model)$cond)),
    value = c(as.numeric(logLik(model)), cutpoints, sigma(model), spread)
  ),
  file.path(given[2], "bounded_fit.csv"), row.names = FALSE
)
