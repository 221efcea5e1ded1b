"""How large the sweeps are."""

import os

# With GBT_SWEEP=full a sweep has the size that its figures in docs/ are of, else one that CI has
# the time for.
FULL_SWEEP = os.environ.get("GBT_SWEEP") == "full"
