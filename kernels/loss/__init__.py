"""The Barlow Twins loss on every backend: plain TensorFlow ops, XLA, Numba, replicas.

`barlow_twins_loss` is differentiable in TensorFlow, `barlow_twins_loss_and_gradients` works on
NumPy arrays and needs no TensorFlow. Each is imported when it is first asked for.
"""

from typing import TYPE_CHECKING

from ..._lazy import attach

if TYPE_CHECKING:
    from .entry import barlow_twins_loss
    from .numba.entry import barlow_twins_loss_and_gradients

__getattr__, __dir__ = attach(
    __name__,
    {"entry": "barlow_twins_loss", "numba.entry": "barlow_twins_loss_and_gradients"},
)

__all__ = ["barlow_twins_loss", "barlow_twins_loss_and_gradients"]
