"""TF-GNN's encoders: input, initial states, and what later rounds leave out."""

import graph_barlow_twins  # noqa: F401 - Keras 2
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.pretrain.encoder.template.build import build_template
from graph_barlow_twins.pretrain.encoder.template.inputs import (
    NUMBERS,
    TOKEN_WEIGHTS,
    TOKENS,
    EncodeFeatures,
)
from graph_barlow_twins.pretrain.encoder.template.layers import BagOfEmbeddings
from graph_barlow_twins.pretrain.encoder.template.start import start_embeddings, start_layers
from graph_barlow_twins.pretrain.encoder.template.within import WithinHops
from graph_barlow_twins.pretrain.graph.objects.column import BAG, CATEGORY, NUMBER, VECTOR, Column
from graph_barlow_twins.pretrain.sampling.rows import Rows

COLUMNS = (
    Column("mass", NUMBER, 2.0, 0.5),
    Column("place", VECTOR, 1.0, 2.0, size=2),
    Column("kind", CATEGORY, values=("a", "b")),
    Column("codes", BAG, values=("3", "7", "12")),
)


def graph_of(node_features, edges=(), sizes=(3,)):
    ends = np.array(edges, np.int32).reshape(-1, 2)
    return tfgnn.GraphTensor.from_pieces(
        node_sets={"p": tfgnn.NodeSet.from_fields(sizes=list(sizes), features=node_features)},
        edge_sets={
            "e": tfgnn.EdgeSet.from_fields(
                sizes=[sum(a < sizes[0] for a, _ in edges), *[0] * (len(sizes) - 2)]
                + ([sum(a >= sizes[0] for a, _ in edges)] if len(sizes) > 1 else []),
                features={},
                adjacency=tfgnn.Adjacency.from_indices(("p", ends[:, 0]), ("p", ends[:, 1])),
            )
        },
    )


def test_features_become_numbers_and_tokens():
    graph = graph_of(
        {
            "mass": [2.5, np.nan, 1.0],
            "place": [[1.0, 3.0], [np.nan, np.nan], [-1.0, 1.0]],
            "kind": ["b", "", "other"],
            "codes": tf.ragged.constant([[7, 3], [], [12, 99, 12]], dtype=tf.int64),
        }
    )
    found = EncodeFeatures({"p": COLUMNS})(graph).node_sets["p"]
    expected = [[1, 0, 1], [0, 0, 0], [-2, -1, 0]]
    np.testing.assert_allclose(found[NUMBERS], expected)
    assert found[TOKENS].to_list() == [[1, 3, 2], [], [4, 4]]  # codes come behind two kinds
    assert found[TOKEN_WEIGHTS].to_list() == [[1, 1, 1], [], [1, 1]]


def test_bags_are_sums_over_the_root_of_their_length():
    layer = BagOfEmbeddings(5, 4)
    tokens = tf.ragged.constant([[1, 3], [], [4]], dtype=tf.int64)
    weights = tf.ragged.constant([[1.0, 2.0], [], [1.0]])
    found = layer((tokens, weights)).numpy()
    table = layer.get_weights()[0]
    np.testing.assert_allclose(found[0], (table[1] + 2 * table[3]) / np.sqrt(2), rtol=1e-6)
    np.testing.assert_array_equal(found[1], 0)
    np.testing.assert_allclose(found[2], table[4], rtol=1e-6)


CHAINS = [(0, 1), (1, 2), (2, 0), (3, 4), (0, 2)], (3, 2)


@pytest.mark.parametrize(
    ("hops", "nodes", "sizes", "edges"),
    [
        (0, [0, 3], [1, 1], []),
        (1, [0, 1, 2, 3, 4], [3, 2], [(0, 1), (3, 4), (0, 2)]),
        (2, [0, 1, 2, 3, 4], [3, 2], CHAINS[0]),
    ],
)
def test_nodes_far_from_the_root_are_left_out(hops, nodes, sizes, edges):
    pairs, of = CHAINS
    graph = graph_of({"number": np.arange(5)}, sorted(pairs, key=lambda one: one[0] > 2), of)
    found = WithinHops(hops, "p")(graph)
    assert found.node_sets["p"]["number"].numpy().tolist() == nodes
    assert found.node_sets["p"].sizes.numpy().tolist() == sizes
    adjacency = found.edge_sets["e"].adjacency
    ends = zip(adjacency.source.numpy().tolist(), adjacency.target.numpy().tolist(), strict=True)
    assert sorted(ends) == sorted(edges)
    assert int(tf.reduce_sum(found.edge_sets["e"].sizes)) == len(edges)


def test_embeddings_start_at_the_principal_directions():
    rng = np.random.default_rng(0)
    words, nodes = 30, 200
    codes = [rng.choice(10 * (i % 3) + np.arange(10), 4, replace=False) for i in range(nodes)]
    column = Column("codes", BAG, values=tuple(map(str, range(words))))
    rows = Rows(np.concatenate(codes).astype(np.int64), np.full(nodes, 4))
    layer = BagOfEmbeddings(words, 8, name="tokens_p")
    bags = tf.RaggedTensor.from_row_lengths(rows.values, rows.lengths)
    layer((bags, tf.ones_like(bags, tf.float32)))
    start_embeddings(layer.weights, {"p": (column,)}, {"p": {"codes": rows}}, 0)
    state = layer((bags, tf.ones_like(bags, tf.float32))).numpy()
    centred = state - state.mean(axis=0)
    groups = np.arange(nodes) % 3
    means = np.stack([state[groups == g][:, :3].mean(axis=0) for g in range(3)])
    nearest = np.linalg.norm(state[:, None, :3] - means, axis=2).argmin(axis=1)
    assert (nearest == groups).mean() > 0.99  # the groups are in the first directions
    assert 0.3 < centred.std() < 2


def test_layers_start_at_the_principal_directions():
    """Of what comes in, in the linear range; own states, which come first, do not count."""
    rng = np.random.default_rng(0)
    units, rank = 8, 3
    content = rng.standard_normal((400, rank)) @ rng.standard_normal((rank, 12)) * 5 + 7
    messages, own = content.astype(np.float32), rng.standard_normal((400, units), np.float32)
    inputs = tf.keras.Input((units + 12,))
    layer = tf.keras.layers.Dense(units, activation="relu")
    model = tf.keras.Model(inputs, layer(inputs))
    random = layer.kernel.numpy()
    found = np.hstack([own, messages])
    start_layers(model, tf.constant(found), units)
    np.testing.assert_array_equal(layer.kernel[:units, :rank], 0)
    np.testing.assert_array_equal(layer.kernel[:, rank:], random[:, rank:])
    states = model(found).numpy()[:, :rank]
    np.testing.assert_allclose(np.square(states - states.mean(axis=0)).mean(), 1, rtol=0.05)
    inside = (states > 0).all(axis=1)
    assert inside.mean() > 0.9
    centred = messages[inside] - messages[inside].mean(axis=0)
    linear = np.linalg.lstsq(states[inside] - states[inside].mean(axis=0), centred, rcond=None)[0]
    lost = centred - (states[inside] - states[inside].mean(axis=0)) @ linear
    assert np.square(lost).sum() < 1e-6 * np.square(centred).sum()


@pytest.mark.slow  # two encoders are traced
def test_weights_do_not_depend_on_the_order_of_the_sets():
    """A schema's maps have another order in each process; a model goes from one to another."""
    ends = ("p", "p"), ("p", "q"), ("q", "p")

    def weights(order):
        none = np.zeros(0, np.int32)
        graph = tfgnn.GraphTensor.from_pieces(
            node_sets={
                name: tfgnn.NodeSet.from_fields(
                    sizes=[3], features={NUMBERS: np.ones((3, 1), np.float32)}
                )
                for name in "pq"[::order]
            },
            edge_sets={
                source + target: tfgnn.EdgeSet.from_fields(
                    sizes=[0],
                    features={},
                    adjacency=tfgnn.Adjacency.from_indices((source, none), (target, none)),
                )
                for source, target in ends[::order]
            },
        )
        tf.keras.utils.set_random_seed(3)
        columns = {name: COLUMNS[:1] for name in "pq"}
        model = build_template(
            graph.spec, columns, encoder="graph_sage", units=4, rounds=1, target="p"
        )
        return model.get_weights()

    for one, other in zip(weights(1), weights(-1), strict=True):
        np.testing.assert_array_equal(one, other)
