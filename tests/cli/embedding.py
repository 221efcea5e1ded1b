"""What the tests of the command `embed` share: small graphs, the command, its refusals."""

import os

import numpy as np
import scipy.sparse
from graph_barlow_twins.pretrain.cli.main import main


def save_graph(path, seed=0, nodes=30, features=5, sparse=False, **more):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(nodes, features))
    edges = rng.integers(0, nodes, (2, 3 * nodes))
    if sparse:
        m = scipy.sparse.csr_matrix(np.maximum(values, 0))
        parts = {
            "features_data": m.data,
            "features_indices": m.indices,
            "features_indptr": m.indptr,
            "features_shape": m.shape,
        }
    else:
        parts = {"features": values}
    np.savez(path, edge_index=edges, node_ids=np.arange(nodes) + 100, **parts, **more)
    return f"npz:{path}"


def embed(model, dataset, output, *more):
    arguments = [model, "--dataset", dataset, "--output", output, "--quiet", *more]
    return main(["embed", *map(str, arguments)])


def assert_refused(capsys, code, message, output):
    assert code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("graph-barlow-twins: error: ")
    assert message in lines[0]
    assert not os.path.isfile(output)
