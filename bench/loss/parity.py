"""A contestant is measured only if it computes the right thing.

The bounds are those of float32 for any sound formula, peers' included. Ours are held to narrower
ones by tests/.
"""

from __future__ import annotations

import numpy as np
from graph_barlow_twins.reference import barlow_twins_loss_and_gradients as reference

from .cases import Case, make_views
from .contestants import WHAT, Contestant

PARITY_CASES = (Case(64, 24), Case(24, 64))
_LOSS = 1e-5
_GRADIENT = 1e-4


def parity_error(contestant: Contestant) -> str | None:
    """What a contestant gets wrong against the float64 reference, or None.

    Args:
        contestant: Whom to check; one without a loss has nothing to get wrong.

    Returns:
        One line, or None.
    """
    if not contestant.has_loss:
        return None
    for case in PARITY_CASES:
        views = make_views(case)
        loss, *gradients = reference(*(view.astype(np.float64) for view in views))
        for what in WHAT:
            got = [np.asarray(result) for result in contestant.setup(*views, what)()]
            if len(got) != (3 if what == "gradients" else 1):
                return f"{contestant.name} at {case}, {what}: {len(got)} results"
            # "not <=" instead of ">": NaN is an error.
            if not abs(float(got[0]) - loss) <= _LOSS * loss:
                return f"{contestant.name} at {case}, {what}: loss {got[0]}, expected {loss}"
            for name, gradient, expected in zip("ab", got[1:], gradients, strict=False):
                error = np.max(np.abs(gradient - expected)) / np.max(np.abs(expected))
                if not error <= _GRADIENT:
                    return f"{contestant.name} at {case}: gradient {name} off by {error:.1e}"
    return None
