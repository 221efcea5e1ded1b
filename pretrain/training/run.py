"""Training and embedding, of a full graph at once or of a large one by sampling: one interface."""

from __future__ import annotations

from typing import Any

from ..config.defaults import BY_STEPS
from ..graph.data import GraphData
from .recipe import Recipe


def make_run(data: GraphData, recipe: Recipe, *, network: Any = None, show: bool = False) -> Any:
    """The run that the recipe describes; imports TensorFlow for encoders that are trained by steps.

    Args:
        data: the graph.
        recipe: see `make_recipe`.
        network: `network.inputs.NetworkInputs` of an encoder of TF-GNN.
        show: whether to draw progress bars.
    """
    if recipe.encoder not in BY_STEPS:
        from .direct import DirectRun

        return DirectRun(data, recipe, show=show)
    if network is not None:
        from .network.run import NetworkRun

        return NetworkRun(network.template, network.source, recipe, network.features, show=show)
    if recipe.fan_out:
        from .steps.sampled import SampledRun

        return SampledRun(data, recipe, show=show)
    from .steps.full_graph import FullGraphRun

    return FullGraphRun(data, recipe, show=show)
