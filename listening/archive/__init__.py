"""A study as one file: everything that makes it, with checksums, and the same study from that file elsewhere.

`tables` says what of each model is in the file; `writing` makes it, `checking` looks for every fault in one,
`reading` makes the study.
"""
