"""The definition of corruption, loss, gradients and metrics in readable NumPy.

Slow and obvious on purpose: every fast path of the project is tested against these functions.
Needs NumPy alone.
"""

from . import corruption, metrics
from .closed_form import (
    closed_form,
    dropped_channels,
    masked_covariance,
    view_covariances,
    with_spread,
)
from .corruption import *  # noqa: F403 - the names of its __all__, and the same below
from .loss import barlow_twins_loss, barlow_twins_loss_and_gradients, cross_correlation, standardize
from .metrics import *  # noqa: F403
from .random import bernoulli, derive_key, permutation, philox4x32, random_bits, row_words

__all__ = [
    "barlow_twins_loss",
    "barlow_twins_loss_and_gradients",
    "bernoulli",
    "closed_form",
    "cross_correlation",
    "derive_key",
    "dropped_channels",
    "masked_covariance",
    "permutation",
    "philox4x32",
    "random_bits",
    "row_words",
    "standardize",
    "view_covariances",
    "with_spread",
]
__all__ += corruption.__all__
__all__ += metrics.__all__
