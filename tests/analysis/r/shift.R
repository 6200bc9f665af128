# Hodges and Lehmann's shift by wilcox.test: Rscript shift.R PAIRS.csv OUT
# PAIRS has pair, a and b, one row per pair and rater. Writes OUT/shift.csv.
given <- commandArgs(trailingOnly = TRUE)
found <- lapply(split(read.csv(given[1]), ~pair), function(rows) {
  test <- wilcox.test(rows$a, rows$b, paired = TRUE, conf.int = TRUE, exact = TRUE)
  data.frame(pair = rows$pair[1], shift = test$estimate, low = test$conf.int[1], high = test$conf.int[2], p = test$p.value)
})
write.csv(do.call(rbind, found), file.path(given[2], "shift.csv"), row.names = FALSE)
