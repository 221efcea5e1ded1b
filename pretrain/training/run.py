"""Training and embedding, of a full graph at once or of a large one by sampling: one interface."""

from __future__ import annotations

from ..graph.data import GraphData
from .full_graph import FullGraphRun
from .recipe import Recipe
from .sampled import SampledRun


def make_run(data: GraphData, recipe: Recipe, *, show: bool = False) -> FullGraphRun | SampledRun:
    """The run that the recipe describes.

    Args:
        data: the graph.
        recipe: see `make_recipe`.
        show: whether to draw progress bars.
    """
    return (SampledRun if recipe.fan_out else FullGraphRun)(data, recipe, show=show)
