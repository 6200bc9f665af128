"""Entropy coding of the codes: the language model, its exact execution in integers, and the coders."""
