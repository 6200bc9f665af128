"""Training of EnCodec: the published recipe (Défossez et al. 2022, sections 3.3 and 3.4, appendix A)."""
