"""EnCodec, the neural codec of Défossez et al. 2022 (arXiv 2210.13438), for the published checkpoints."""
