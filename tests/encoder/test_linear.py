"""The linear encoder: its formula, its start, its blocks, and the command that trains it."""

import dataclasses

import graph_barlow_twins.tfgnn_task as gbt  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.pretrain.encoder.blockwise import embed_in_blocks
from graph_barlow_twins.pretrain.encoder.linear import build_linear_encoder
from graph_barlow_twins.pretrain.encoder.start import (
    column_weights,
    hop_coefficients,
    start_weights,
)
from graph_barlow_twins.pretrain.encoder.weights import LinearWeights
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.tensor import (
    COLUMNS,
    EDGE_SET,
    FEATURE,
    KEPT_COLUMNS,
    NODE_SET,
    graph_tensor_from_data,
    plain_spec,
    relaxed_spec,
)

NODES, FEATURES, WIDTH = 60, 40, 6


def make_data(density=0.04, *, binary=False, seed=0):
    rng = np.random.default_rng(seed)
    features = scipy.sparse.random(
        NODES, FEATURES, density, "csr", np.float32, random_state=seed + 3
    )
    if binary:
        features.data[:] = 1
    return make_graph_data(
        name="random",
        features=features if density < 0.5 else features.toarray(),
        edge_index=rng.integers(0, NODES - 3, [2, 150]),  # the last nodes have no links
    )


def random_weights(hops):
    rng = np.random.default_rng(5)
    shapes = [FEATURES, WIDTH], [FEATURES], [hops + 1], [WIDTH]
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def by_formula(weights, features, source, target, kept=1.0):
    """In float64, from `build_linear_encoder`'s docstring."""
    kernel, words, coefficients, scale = (np.asarray(one, np.float64) for one in weights)
    adjacency = np.eye(NODES)
    np.add.at(adjacency, (target, source), 1)
    operator = adjacency.sum(1)[:, None] ** -0.5 * adjacency * adjacency.sum(0) ** -0.5
    rows = np.asarray(features, np.float64) * words
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    state = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0) * kept @ kernel
    mixed = sum(
        coefficient * np.linalg.matrix_power(operator, power) @ state
        for power, coefficient in enumerate(coefficients)
    )
    return mixed * scale


def representations(encoder, graph):
    return encoder(graph).node_sets[NODE_SET][tfgnn.HIDDEN_STATE].numpy()


def assert_close(actual, expected, rate=1e-5):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=rate * np.abs(expected).max())


@pytest.mark.parametrize("on_host", [False, True])
@pytest.mark.parametrize(("hops", "density"), [(0, 0.04), (1, 1.0), (4, 0.04), (4, 1.0)])
def test_is_its_formula_on_the_graph_on_views_and_in_blocks(hops, density, on_host):
    data, weights = make_data(density), random_weights(hops)
    graph = graph_tensor_from_data(data)
    assert (COLUMNS in graph.node_sets[NODE_SET].features) == (density < 0.5)
    encoder = build_linear_encoder(relaxed_spec(graph), WIDTH, hops, on_host=on_host)
    encoder.set_weights(weights)
    features = data.feature_rows(slice(None))
    expected = by_formula(weights, features, *data.edge_index)
    assert_close(representations(encoder, graph), expected)
    assert_close(embed_in_blocks(LinearWeights(*weights), data, block_rows=7), expected)
    view = gbt.Compose(
        [
            gbt.DropEdges({EDGE_SET: 0.5}),
            gbt.MaskFeatures(gbt.CorruptionSpec(context_corruption={KEPT_COLUMNS: 0.4})),
        ],
        seed=1,
    )(graph)
    kept = view.context[KEPT_COLUMNS][0].numpy()
    adjacency = view.edge_sets[EDGE_SET].adjacency
    ends = adjacency.source.numpy(), adjacency.target.numpy()
    assert 0 < kept.sum() < len(kept)
    assert 0 < len(ends[0]) < data.num_edges
    assert_close(representations(encoder, view), by_formula(weights, features, *ends, kept))


@pytest.mark.parametrize("on_host", [False, True])
@pytest.mark.parametrize("in_function", [False, True])
def test_gradient_of_the_kernel_is_that_of_finite_differences(in_function, on_host):
    data, weights = make_data(0.04), random_weights(3)
    # Directed by dropping: with the matrix transposed the gradient would be another one.
    graph = gbt.DropEdges({EDGE_SET: 0.5}, seed=1)(graph_tensor_from_data(data))
    adjacency = graph.edge_sets[EDGE_SET].adjacency
    ends = adjacency.source.numpy(), adjacency.target.numpy()
    encoder = build_linear_encoder(relaxed_spec(graph), WIDTH, 3, on_host=on_host)
    encoder.set_weights(weights)
    assert [one.shape for one in encoder.trainable_weights] == [(FEATURES, WIDTH)]
    upstream = np.random.default_rng(0).normal(size=(NODES, WIDTH)).astype(np.float32)

    def step(graph):
        with tf.GradientTape() as tape:
            states = encoder(graph).node_sets[NODE_SET][tfgnn.HIDDEN_STATE]
            loss = tf.reduce_sum(states * upstream)
        return tape.gradient(loss, encoder.trainable_weights)[0]

    found = (tf.function(step, autograph=False) if in_function else step)(graph).numpy()
    # The map is linear in W: the derivative along a direction is the map of that direction.
    rng = np.random.default_rng(1)
    for _ in range(3):
        direction = rng.normal(size=(FEATURES, WIDTH))
        moved = by_formula([direction, *weights[1:]], data.feature_rows(slice(None)), *ends)
        np.testing.assert_allclose((found * direction).sum(), (moved * upstream).sum(), rtol=1e-3)


def test_serves_plain_graphs_with_edges_in_any_order():
    data, weights = make_data(0.04), random_weights(4)
    order = np.random.default_rng(1).permutation(data.num_edges)
    source, target = data.edge_index[:, order]
    plain = tfgnn.homogeneous(
        source=tf.constant(source),
        target=tf.constant(target),
        node_features={FEATURE: tf.constant(data.feature_rows(slice(None)))},
    )
    encoder = build_linear_encoder(plain_spec(data), WIDTH, 4)
    encoder.set_weights(weights)
    expected = by_formula(weights, data.feature_rows(slice(None)), *data.edge_index)
    assert_close(representations(encoder, plain), expected)


@pytest.mark.parametrize("sparse", [False, True])
def test_column_weights_are_scikit_learns(sparse):
    from sklearn.feature_extraction.text import TfidfTransformer

    features = make_data(0.3, binary=True).features
    expected = TfidfTransformer().fit(features).idf_
    given = features if sparse else features.toarray()
    np.testing.assert_allclose(column_weights(given), expected, rtol=1e-6)
    np.testing.assert_array_equal(column_weights(2 * given), 1)


@pytest.mark.parametrize("density", [0.04, 0.3, 1.0])
def test_starts_from_the_principal_components(density):
    data, hops = make_data(density), 3
    kernel, words, coefficients, scale = start_weights(data, WIDTH, hops, seed=0)
    np.testing.assert_allclose(coefficients.sum(), 1, rtol=1e-6)
    plain = [np.eye(FEATURES), words, coefficients, np.ones(FEATURES)]
    matrix = by_formula(plain, data.feature_rows(slice(None)), *data.edge_index)
    matrix -= matrix.mean(axis=0)
    values = np.linalg.svd(matrix, compute_uv=False)[:WIDTH]
    components = matrix @ kernel
    np.testing.assert_allclose(np.linalg.norm(components, axis=0), values, rtol=1e-3)
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(WIDTH), atol=1e-4)
    np.testing.assert_allclose(scale / scale[0], values / values[0], rtol=1e-3)
    first = (components * scale)[:, 0]
    np.testing.assert_allclose(first.std(), WIDTH**0.5, rtol=1e-3)


@pytest.mark.parametrize(
    ("dtype", "density"),
    [("f2", 0.2), ("f4", 0.04), ("f8", 0.2), (">f4", 0.04), ("i8", 0.2), ("u1", 0.04), ("?", 0.2)],
)
def test_mapped_features_of_every_dtype_are_those_in_memory(tmp_path, dtype, density):
    """A file keeps its dtype; what is computed from it does not see that."""
    data = make_data(density, binary=True)
    np.save(tmp_path / "f.npy", data.features.toarray().astype(dtype))
    mapped = make_graph_data(
        name="mapped",
        features=np.load(tmp_path / "f.npy", mmap_mode="r"),
        edge_index=data.edge_index,
    )
    assert mapped.is_mapped
    weights = start_weights(data, WIDTH, 3, seed=0)
    for one, other in zip(start_weights(mapped, WIDTH, 3, seed=0), weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    found = []
    for graph in map(graph_tensor_from_data, (data, mapped)):
        encoder = build_linear_encoder(relaxed_spec(graph), WIDTH, 3)
        encoder.set_weights(weights)
        found.append(representations(encoder, graph))
    assert_close(found[1], found[0])


@pytest.mark.parametrize("factor", [1e-30, 1e-9, 1e15])
@pytest.mark.parametrize("density", [0.04, 0.2])
def test_the_scale_of_a_row_does_not_count(factor, density):
    """Not even where its squares are 0 in float32, nor below some library's notion of zero."""
    data = make_data(density)
    rows = data.features.multiply(np.where(np.arange(NODES) % 3 == 1, factor, 1)[:, np.newaxis])
    scaled = make_graph_data(name="scaled", features=rows, edge_index=data.edge_index)
    weights = start_weights(data, WIDTH, 3, seed=0)
    for one, other in zip(start_weights(scaled, WIDTH, 3, seed=0), weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    graph = graph_tensor_from_data(scaled)
    encoder = build_linear_encoder(relaxed_spec(graph), WIDTH, 3)
    encoder.set_weights(weights)
    expected = by_formula(weights, data.features.toarray(), *data.edge_index)
    assert_close(representations(encoder, graph), expected)
    dense = dataclasses.replace(scaled, features=scaled.features.toarray())
    for one in (scaled, dense):
        assert_close(embed_in_blocks(LinearWeights(*weights), one, block_rows=7), expected)
    for one, other in zip(start_weights(dense, WIDTH, 3, seed=0), weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_more_columns_than_directions_and_nodes_all_alike():
    data = make_data(0.1)
    kernel, _, _, scale = start_weights(data, FEATURES + 5, 2, seed=0)
    assert kernel.shape == (FEATURES, FEATURES + 5)
    assert np.isfinite(kernel).all()
    assert scale.min() > 0
    np.testing.assert_array_equal(hop_coefficients(0), 1)
    rng = np.random.default_rng(0)
    for row in (np.ones(4), rng.normal(size=40), rng.random(300)):  # centred, not all are exactly 0
        alike = make_graph_data(
            name="g", features=np.tile(row, (90, 1)), edge_index=[[0, 1], [1, 2]]
        )
        weights = start_weights(alike, 3, 0, seed=0)
        assert all(np.isfinite(one).all() for one in weights)
        np.testing.assert_array_equal(weights[-1], 1)


def test_frequencies_above_what_the_files_dtype_holds():
    features = np.zeros((5000, 3), np.float16)
    features[:, 0] = 1
    features[:2100, 1] = 1
    frequencies = np.array([5000, 2100, 0])
    expected = np.log(5001 / (1 + frequencies)) + 1
    np.testing.assert_allclose(column_weights(features), expected, rtol=1e-6)


@pytest.mark.parametrize(("trust", "limit"), [(False, None), (True, 2**29), (True, 0)])
def test_an_exported_model_gives_the_same_in_every_way(tmp_path, monkeypatch, trust, limit):
    from graph_barlow_twins.pretrain.output import model as exported_model
    from graph_barlow_twins.pretrain.output import saved_model
    from graph_barlow_twins.pretrain.output.export import export_model
    from graph_barlow_twins.pretrain.output.folder import OutputFolder

    data, weights = make_data(0.1, binary=True), random_weights(2)
    spec = plain_spec(data)
    encoder = build_linear_encoder(spec, WIDTH, 2)
    encoder.set_weights(weights)
    export_model(encoder, LinearWeights.from_list(weights), spec, OutputFolder(tmp_path))
    monkeypatch.setattr(saved_model, "_MOST_BYTES_AT_ONCE", limit)
    model = exported_model.ExportedModel(tmp_path, trust=trust)
    model.load()
    expected = by_formula(weights, data.feature_rows(slice(None)), *data.edge_index)
    assert_close(model.embed(data), expected)
