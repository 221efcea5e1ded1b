"""What a training needs of this process."""

from __future__ import annotations

from ...kernels.blas import IS_COMPILED
from ..config.defaults import ADAM, TEMPLATES
from ..quiet import quiet_tensorflow
from .recipe import Recipe


def needs_tensorflow(recipe: Recipe) -> bool:
    """Whether a training imports TensorFlow.

    Of a full graph by Adam it does for a projector alone; and where Numba compiles nothing.
    """
    if recipe.encoder in TEMPLATES or recipe.fan_out:
        return True
    return recipe.training == ADAM and bool(recipe.projector_units or not IS_COMPILED)


def load_tensorflow() -> None:
    """Imports TensorFlow, and makes its operations deterministic."""
    with quiet_tensorflow():
        import tensorflow as tf
        import tensorflow_gnn  # noqa: F401 - writes on the terminal, too
    # Also makes tf.data keep the order of steps, which the runner's pipeline does not promise.
    tf.config.experimental.enable_op_determinism()
