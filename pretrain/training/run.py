"""Training and embedding, of a full graph at once or of a large one by sampling: one interface."""

from __future__ import annotations

from typing import Any

from ...kernels.blas import IS_COMPILED
from ..config.defaults import ADAM, BY_STEPS, TEMPLATES
from ..graph.data import GraphData
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


def make_run(data: GraphData, recipe: Recipe, *, network: Any = None, show: bool = False) -> Any:
    """The run that the recipe describes.

    Where it imports TensorFlow, TensorFlow's operations become deterministic.

    Args:
        data: the graph.
        recipe: see `make_recipe`.
        network: `network.inputs.NetworkInputs` of an encoder of TF-GNN.
        show: whether to draw progress bars.
    """
    if not needs_tensorflow(recipe):
        if recipe.encoder in BY_STEPS:
            from .host.run import HostRun

            return HostRun(data, recipe, show=show)
        from .direct import DirectRun

        return DirectRun(data, recipe, show=show)
    load_tensorflow()
    if network is not None:
        from .network.run import NetworkRun

        return NetworkRun(network.template, network.source, recipe, network.features, show=show)
    if recipe.fan_out:
        from .steps.sampled import SampledRun

        return SampledRun(data, recipe, show=show)
    from .steps.full_graph import FullGraphRun

    return FullGraphRun(data, recipe, show=show)
