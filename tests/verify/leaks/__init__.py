"""Whether anything that a rater's browser receives tells what lies behind a slot: a crawl, traits, a classifier."""
