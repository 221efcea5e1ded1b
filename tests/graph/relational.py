"""Small graphs with relations."""

import numpy as np
import scipy.sparse
from graph_barlow_twins.pretrain.graph.data import make_graph_data

NODES, WORDS, GROUPS = 60, 30, 7


def packages(seed=0, *, sparse=True, **more):
    """Nodes that speak, cite, use one another, and belong to groups; some do neither."""
    rng = np.random.default_rng(seed)
    words = (rng.random((NODES, WORDS)) < 0.2).astype(np.float32)
    words[5] = 0
    cites = rng.integers(0, NODES - 4, (2, 90))  # the last four are cited by nobody
    uses = rng.integers(2, NODES, (2, 40))
    belongs = np.stack([np.arange(NODES - 1), rng.integers(0, GROUPS, NODES - 1)])
    return make_graph_data(
        name="packages",
        features=scipy.sparse.csr_matrix(words) if sparse else words,
        relations={
            "edge_index_cites": cites,
            "edge_index_uses": uses,
            "edge_index_belongs": belongs,
            "num_targets_belongs": GROUPS,
        },
        **more,
    )
