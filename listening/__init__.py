"""The listening test: studies, clips, renderings, raters, ratings, and their pages."""
