"""Attacks: what broke once, as generators."""

import os

# With GBT_SWEEP=full a sweep has the size that its figures in docs/reliability.md are of.
FULL_SWEEP = os.environ.get("GBT_SWEEP") == "full"
