"""Our own neural speech codec: MDCT in, a network around a parametric codec, residual vector quantizer, MDCT out."""
