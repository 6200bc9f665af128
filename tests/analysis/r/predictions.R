# Fitted scores and random effects by lme4: Rscript predictions.R RATINGS.csv ITEMS OUT
# ITEMS is "random" or "fixed". Writes OUT/fitted.csv in the order of the ratings: by fitted(), and by ranef() and the means.
suppressPackageStartupMessages(library(lme4))
given <- commandArgs(trailingOnly = TRUE)
ratings <- read.csv(given[1], colClasses = c(rater = "factor", item = "factor", condition = "factor"))
formula <- if (given[2] == "random") {
  score ~ condition + (1 | rater) + (1 | rater:condition) + (1 | item) + (1 | item:condition)
} else {
  score ~ condition * item + (1 | rater) + (1 | rater:condition)
}
tight <- lmerControl(
  optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5), calc.derivs = FALSE, check.conv.singular = "ignore"
)
model <- lmer(formula, ratings, REML = TRUE, control = tight)
effects <- ranef(model)
fixed <- predict(model, re.form = NA)
ours <- effects$rater[as.character(ratings$rater), 1]
both <- effects$`rater:condition`[paste(ratings$rater, ratings$condition, sep = ":"), 1]
shift <- if (given[2] == "random") {
  effects$item[as.character(ratings$item), 1] +
    effects$`item:condition`[paste(ratings$item, ratings$condition, sep = ":"), 1]
} else {
  0
}
write.csv(
  data.frame(fitted = fitted(model), of_effects = fixed + ours + both + shift),
  file.path(given[3], "fitted.csv"), row.names = FALSE
)
