"""The Barlow Twins loss on every backend: plain TensorFlow ops, XLA, Numba, replicas.

`barlow_twins_loss` is differentiable in TensorFlow, `barlow_twins_loss_and_gradients` works on
NumPy arrays and needs no TensorFlow. Each is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .entry import barlow_twins_loss
    from .numba.entry import barlow_twins_loss_and_gradients

__all__ = ["barlow_twins_loss", "barlow_twins_loss_and_gradients"]

_MODULES = {"barlow_twins_loss": ".entry", "barlow_twins_loss_and_gradients": ".numba.entry"}


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)
