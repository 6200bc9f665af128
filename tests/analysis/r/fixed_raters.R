# Pairs, means and the pooled model where raters are fixed, or there is one rater or one item:
# Rscript fixed_raters.R RATINGS.csv ITEMS RATERS OUT
# ITEMS and RATERS are "random" or "fixed". A factor with one level is in no term. Writes OUT/pairs.csv, OUT/alone.csv,
# OUT/pooled.csv and OUT/pooled_means.csv.
suppressPackageStartupMessages({
  library(lme4)
  library(lmerTest)
  library(emmeans)
})
given <- commandArgs(trailingOnly = TRUE)
ratings <- read.csv(given[1], colClasses = c(rater = "factor", item = "factor", condition = "factor"))
emm_options(lmerTest.limit = 1e6, pbkrtest.limit = 0, msg.interaction = FALSE)
options(contrasts = c("contr.sum", "contr.poly"))
tight <- lmerControl(
  optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5), calc.derivs = FALSE,
  check.conv.singular = "ignore", check.nobs.vs.nRE = "ignore", check.nobs.vs.nlev = "ignore"
)
there <- c(rater = nlevels(ratings$rater) > 1, item = nlevels(ratings$item) > 1)
taken <- c(rater = given[3], item = given[2])
fit <- function(part, size) {
  means <- if (size > 1) "condition" else "1"
  random <- c()
  for (name in names(there)[there]) {
    if (all(there) && taken[[name]] == "fixed") {
      means <- c(means, if (size > 1) paste0("condition * ", name) else name)
    } else {
      if (all(there) || size > 1) random <- c(random, paste0("(1 | ", name, ")"))
      if (all(there) && size > 1) random <- c(random, paste0("(1 | ", name, ":condition)"))
    }
  }
  # Fixed raters and items leave nothing random but their interaction, which only whole pages tell from the residual.
  if (all(there) && size == 2 && length(random)) random <- c(random, "(1 | rater:item)")
  formula <- as.formula(paste("score ~", paste(c(means, random), collapse = " + ")))
  if (length(random)) lmer(formula, droplevels(part), REML = TRUE, control = tight) else lm(formula, droplevels(part))
}
row_of <- function(estimates) {
  row <- as.data.frame(estimates)
  data.frame(estimate = row[[intersect(c("estimate", "emmean"), names(row))]], se = row$SE, df = row$df)
}
means_of <- function(model, over) {
  suppressMessages(emmeans(model, over, lmer.df = "satterthwaite"))
}
both_fixed <- all(there) && all(taken == "fixed")
two_by_two <- combn(levels(ratings$condition), 2)
pairs <- apply(two_by_two, 2, function(two) {
  part <- ratings[ratings$condition %in% two, ]
  if (both_fixed) {
    wide <- merge(part[part$condition == two[1], ], part[part$condition == two[2], ], by = c("rater", "item"))
    row <- row_of(means_of(lm(score.x - score.y ~ rater + item, droplevels(wide)), ~1))
    smallest <- Inf
  } else {
    model <- fit(part, 2)
    row <- row_of(contrast(means_of(model, "condition"), "pairwise"))
    smallest <- min(as.data.frame(VarCorr(model))$sdcor)
  }
  cbind(data.frame(a = two[1], b = two[2]), row, smallest_sd = smallest)
})
alone <- lapply(levels(ratings$condition), function(name) {
  cbind(data.frame(condition = name), row_of(means_of(fit(ratings[ratings$condition == name, ], 1), ~1)))
})
whole <- means_of(fit(ratings, nlevels(ratings$condition)), "condition")
pooled <- cbind(data.frame(a = two_by_two[1, ], b = two_by_two[2, ]), row_of(contrast(whole, "pairwise")))
pooled_means <- cbind(data.frame(condition = as.data.frame(whole)$condition), row_of(whole))
out <- given[4]
write.csv(do.call(rbind, pairs), file.path(out, "pairs.csv"), row.names = FALSE)
write.csv(do.call(rbind, alone), file.path(out, "alone.csv"), row.names = FALSE)
write.csv(pooled, file.path(out, "pooled.csv"), row.names = FALSE)
write.csv(pooled_means, file.path(out, "pooled_means.csv"), row.names = FALSE)
