"""Export of trained encoders, in this process or beside it: TensorFlow is imported for it."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..aside import Aside
from ..encoder.channels.weights import ChannelWeights
from ..encoder.wide.weights import WideWeights
from ..graph.checks import MASKS
from ..graph.data import GraphData
from ..output.folder import OutputFolder
from ..output.replace import partial_of, remove
from ..quiet import quiet_tensorflow
from .needs import needs_tensorflow
from .recipe import Recipe


def export_weights(data: GraphData, recipe: Recipe, weights: Any, folder: OutputFolder) -> None:
    """Writes the SavedModel and the weights beside it.

    Args:
        data: the graph; what its parts are called is enough, see `outline`.
        recipe: of an encoder that is not of TF-GNN.
        weights: as its run has them.
        folder: where they go.
    """
    with quiet_tensorflow():
        from ..graph.tensor import plain_spec
        from ..output.export import export_model

    spec = plain_spec(data)
    if isinstance(weights, WideWeights):
        from ..encoder.wide.layers import build_wide_encoder

        export_model(build_wide_encoder(spec, weights), weights, spec, folder)
    elif isinstance(weights, ChannelWeights):
        from ..encoder.channels.layers import build_channel_encoder

        export_model(build_channel_encoder(spec, weights), weights, spec, folder)
    else:
        from .steps.export import export_keras

        export_keras(data, recipe, weights, folder)


@contextlib.contextmanager
def exporting(
    run: Any, data: GraphData, recipe: Recipe, weights: Any, folder: OutputFolder
) -> Iterator[Callable[[], object]]:
    """Exports a model while the block runs, in a second process.

    Where TensorFlow is imported already, its run exports it at once.

    Args:
        run: of `run.make_run`.
        data: its graph.
        recipe: its recipe.
        weights: of the trained encoder, as the run has them.
        folder: where they go.

    Yields:
        A function that waits for the end, and raises what the export raises. A block that ends
        without it ends the export as well.
    """
    if needs_tensorflow(recipe) or "tensorflow" in sys.modules:
        run.export(weights, folder)
        yield lambda: None
        return
    try:
        with Aside(export_weights, outline(data), recipe, weights, folder) as aside:
            yield aside.result
    except BaseException:
        remove(partial_of(folder.model))  # of a process that was killed
        raise


def outline(data: GraphData) -> GraphData:
    """A graph with the features, links and relations of this one, but next to nothing in them."""
    none = np.zeros(0, np.int64)
    without: dict[str, Any] = dict.fromkeys(("labels", *MASKS))
    return dataclasses.replace(
        data.with_edges(none),
        num_nodes=1,
        node_ids=np.zeros(1, np.int64),
        features=np.zeros((1, data.num_features), np.float32),
        relations=tuple(one.with_edges(none) for one in data.relations),
        class_names=(),
        **without,
    )
