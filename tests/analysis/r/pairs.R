# Each pair of conditions, and each condition, by lme4, lmerTest and emmeans: Rscript pairs.R RATINGS.csv ITEMS OUT
# ITEMS is "random" or "fixed". Writes OUT/pairs.csv and OUT/alone.csv.
suppressPackageStartupMessages({
  library(lme4)
  library(lmerTest)
  library(emmeans)
})
given <- commandArgs(trailingOnly = TRUE)
ratings <- read.csv(given[1], colClasses = c(rater = "factor", item = "factor", condition = "factor"))
emm_options(lmerTest.limit = 1e6, pbkrtest.limit = 0)
tight <- lmerControl(
  optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5), calc.derivs = FALSE,
  check.conv.singular = "ignore", check.nobs.vs.nRE = "ignore", check.nobs.vs.nlev = "ignore"
)
random <- given[2] == "random"
of_pair <- if (random) {
  score ~ condition + (1 | rater) + (1 | item) + (1 | rater:item) + (1 | rater:condition) + (1 | item:condition)
} else {
  score ~ condition * item + (1 | rater) + (1 | rater:item) + (1 | rater:condition)
}
of_one <- if (random) score ~ 1 + (1 | rater) + (1 | item) else score ~ item + (1 | rater)
fit <- function(formula, part) lmer(formula, droplevels(part), REML = TRUE, control = tight)
pairs <- apply(combn(levels(ratings$condition), 2), 2, function(two) {
  model <- fit(of_pair, ratings[ratings$condition %in% two, ])
  means <- suppressMessages(emmeans(model, "condition", lmer.df = "satterthwaite"))
  row <- as.data.frame(contrast(means, "pairwise"))
  data.frame(a = two[1], b = two[2], estimate = row$estimate, se = row$SE, df = row$df, p = row$p.value,
             reml = REMLcrit(model), smallest_sd = min(as.data.frame(VarCorr(model))$sdcor))
})
alone <- lapply(levels(ratings$condition), function(name) {
  model <- fit(of_one, ratings[ratings$condition == name, ])
  row <- if (random) {
    as.data.frame(emmeans(model, ~ 1, lmer.df = "satterthwaite"))
  } else {
    as.data.frame(emmeans(emmeans(model, "item", lmer.df = "satterthwaite"), ~ 1))
  }
  data.frame(condition = name, mean = row$emmean, se = row$SE, df = row$df)
})
write.csv(do.call(rbind, pairs), file.path(given[3], "pairs.csv"), row.names = FALSE)
write.csv(do.call(rbind, alone), file.path(given[3], "alone.csv"), row.names = FALSE)
