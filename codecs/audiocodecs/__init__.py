"""Audio codecs, numpy in and numpy out: see `base` for the contract and `registry` for the specs."""
