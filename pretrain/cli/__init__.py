"""The commands `pretrain`, `evaluate` and `embed`."""
