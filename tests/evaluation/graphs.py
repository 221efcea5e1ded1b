"""The graph that the tests of probes and splits share."""

import numpy as np
from graph_barlow_twins.pretrain.graph.data import GraphData, make_graph_data


def path_graph(labels, masks=None) -> GraphData:
    """A path through all nodes; `masks` is a string of t(rain), v(alidation), e(valuate), -."""
    n = len(labels)
    parts = {}
    if masks is not None:
        letters = np.array(list(masks.ljust(n, "-")))
        keys = {"train_mask": "t", "val_mask": "v", "test_mask": "e"}
        parts = {key: letters == letter for key, letter in keys.items()}
    edges = np.stack([np.arange(n - 1), np.arange(1, n)])
    labels = np.asarray(labels)
    return make_graph_data(
        name="g", features=np.eye(n, 2), edge_index=edges, labels=labels, **parts
    )
