"""Training and embedding, of a full graph at once or of a large one by sampling: one interface."""

from __future__ import annotations

from typing import Any

from ..config.defaults import BY_STEPS
from ..graph.data import GraphData
from .needs import load_tensorflow, needs_tensorflow
from .recipe import Recipe


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
