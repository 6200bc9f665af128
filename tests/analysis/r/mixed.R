# The mixed model by lme4, lmerTest and emmeans: Rscript mixed.R RATINGS.csv ITEMS OUT
# ITEMS is "random" or "fixed". Writes OUT/means.csv, OUT/contrasts.csv, OUT/components.csv, OUT/reml.csv.
suppressPackageStartupMessages({
  library(lme4)
  library(lmerTest)
  library(emmeans)
})
given <- commandArgs(trailingOnly = TRUE)
ratings <- read.csv(given[1], colClasses = c(rater = "factor", item = "factor", condition = "factor"))
emm_options(lmerTest.limit = 1e6, pbkrtest.limit = 0)
formula <- if (given[2] == "random") {
  score ~ condition + (1 | rater) + (1 | rater:condition) + (1 | item) + (1 | item:condition)
} else {
  score ~ condition * item + (1 | rater) + (1 | rater:condition)
}
tight <- lmerControl(
  optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5), calc.derivs = FALSE, check.conv.singular = "ignore"
)
model <- lmer(formula, ratings, REML = TRUE, control = tight)
means <- suppressMessages(emmeans(model, "condition", lmer.df = "satterthwaite"))
pairs <- as.data.frame(contrast(means, "pairwise", adjust = "holm"))
plain <- as.data.frame(contrast(means, "pairwise", adjust = "none"))
pairs$p.plain <- plain$p.value
write.csv(as.data.frame(means), file.path(given[3], "means.csv"), row.names = FALSE)
write.csv(pairs, file.path(given[3], "contrasts.csv"), row.names = FALSE)
write.csv(as.data.frame(VarCorr(model)), file.path(given[3], "components.csv"), row.names = FALSE)
write.csv(data.frame(reml = REMLcrit(model)), file.path(given[3], "reml.csv"), row.names = FALSE)
