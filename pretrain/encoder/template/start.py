"""Where an encoder of several node sets starts: at principal directions, in every layer.

Random ones, of a few hundred dimensions, hide most of what thousands of words say, and of what
comes along many edge sets: on the Debian graph the untrained encoder then stays below the words.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse
import tensorflow as tf
import tensorflow_gnn as tfgnn

from ....kernels.linalg import oriented
from ...sampling.network import WEIGHTS
from ...sampling.rows import Rows
from ..channels.start import principal_directions
from .inputs import TOKEN_WEIGHTS, TOKENS, EncodeFeatures, input_sizes
from .layers import TOKENS_OF

_LINEAR = 2.0  # bias of a ReLU that passes nearly all of a number with mean square one
_ROWS = 8192  # in float64 at a time
_SMALLEST_VARIANCE = 1e-5  # of the largest


def start_embeddings(
    weights: list[tf.Variable], columns: Mapping[str, Any], features: Mapping[str, Any], seed: int
) -> None:
    """Sets the embeddings of tokens.

    Rare tokens weigh more, by the logarithm of the share of nodes that have them (IDF); directions
    have the spread of their singular values to the power one half.

    Args:
        weights: variables of the encoder.
        columns: of each node set.
        features: likewise, `Rows` by name, of all nodes or of many.
        seed: of the range finder.
    """
    for name, (_, size) in input_sizes(columns).items():
        found = [one for one in weights if f"{TOKENS_OF}{name}/" in one.name]
        if found and size:
            bags = _bags(columns[name], features[name], size)
            found[0].assign(_directions(bags, found[0].shape[1], seed, found[0].numpy()))


def start_layers(model: tf.keras.Model, graph: tfgnn.GraphTensor, units: int) -> None:
    """Sets the dense layers with a ReLU, those of `mt_albis`, one after the other.

    As the graph passes through them, each gets the principal directions of its input (Krähenbühl et
    al. 2016, "Data-dependent initializations of convolutional neural networks",
    https://arxiv.org/abs/1511.06856), in the range where a ReLU is linear. The next state of a node
    starts at what the messages say: its own state the readout has already.

    Args:
        model: of `Template.representations`.
        graph: of many components, as the model takes it.
        units: width of the states.
    """
    layers = [
        one
        for one in model.submodules
        if isinstance(one, tf.keras.layers.Dense) and one.activation is tf.keras.activations.relu
    ]
    for layer in layers:
        layer.call = functools.partial(_start_and_call, layer, units)
    try:
        model(graph, training=False)
    finally:
        for layer in layers:
            del layer.call


def _start_and_call(layer: tf.keras.layers.Dense, units: int, inputs: tf.Tensor) -> tf.Tensor:
    found = inputs.numpy()
    if len(found):
        kernel, bias = _linear_start(found, layer.kernel.numpy(), units)
        layer.kernel.assign(kernel)
        layer.bias.assign(bias)
    return type(layer).call(layer, inputs)


def _linear_start(
    inputs: np.ndarray, random: np.ndarray, units: int
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel [F, K] and bias [K]; columns beyond the rank keep what they have.

    Args:
        inputs: [n, F]; if wider than a state, that of the node itself comes first.
        random: the kernel until now.
        units: width of a state.
    """
    own = units if inputs.shape[1] > units else 0
    messages = inputs[:, own:]
    mean, scatter = messages.mean(axis=0, dtype=np.float64), 0.0
    for first in range(0, len(messages), _ROWS):
        rows = messages[first : first + _ROWS] - mean
        scatter = scatter + rows.T @ rows
    values, vectors = np.linalg.eigh(scatter / len(messages))
    rank = min(random.shape[1], int((values > _SMALLEST_VARIANCE * values[-1]).sum()))
    kernel, bias = random.copy(), np.full(random.shape[1], _LINEAR)
    if rank:
        spreads, vectors = np.sqrt(values[::-1][:rank]), vectors[:, ::-1][:, :rank]
        directions = oriented(vectors) * (_softened(spreads) / spreads)
        kernel[:own, :rank], kernel[own:, :rank] = 0, directions
        bias[:rank] -= mean @ directions
    return kernel, bias.astype(np.float32)


def _softened(spreads: np.ndarray) -> np.ndarray:
    """To the power one half; the mean square is one, as of random states."""
    return np.sqrt(spreads) / np.sqrt(spreads.mean())


def _bags(columns: Any, features: Mapping[str, Rows], size: int) -> scipy.sparse.csr_matrix:
    """Tokens of the nodes, [n, size]."""
    used = {one.name for one in columns} | {one.name + WEIGHTS for one in columns}
    rows = {key: one for key, one in features.items() if key in used}
    parts = {key: _as_tensor(one) for key, one in rows.items()}
    (first, *_) = rows.values()
    count = len(first.values if first.lengths is None else first.lengths)
    nodes = tfgnn.NodeSet.from_fields(sizes=[count], features=parts)
    graph = tfgnn.GraphTensor.from_pieces(node_sets={"": nodes})
    encoded = EncodeFeatures({"": columns})(graph).node_sets[""]
    tokens, weights = encoded[TOKENS], encoded[TOKEN_WEIGHTS]
    content = weights.values.numpy(), tokens.values.numpy(), tokens.row_splits.numpy()
    return scipy.sparse.csr_matrix(content, (count, size))


def _as_tensor(rows: Rows) -> Any:
    values = rows.values if rows.values.dtype != object else rows.values.astype(str)
    if rows.lengths is None:
        return tf.constant(values)
    return tf.RaggedTensor.from_row_lengths(tf.constant(values), rows.lengths)


def _directions(
    bags: scipy.sparse.csr_matrix, width: int, seed: int, random: np.ndarray
) -> np.ndarray:
    """Float32 [size, width]; columns beyond the rank keep what they have."""
    lengths = np.maximum(np.diff(bags.indptr), 1)
    frequency = np.bincount(bags.indices, minlength=bags.shape[1])
    rarity = (np.log((1 + len(lengths)) / (1 + frequency)) + 1).astype(np.float32)
    scaled = scipy.sparse.diags_array(1 / np.sqrt(lengths, dtype=np.float32)) @ bags
    scaled = scipy.sparse.csr_matrix(scaled @ scipy.sparse.diags_array(rarity), dtype=np.float32)
    transposed = scipy.sparse.csr_matrix(scaled.T)
    rng = np.random.default_rng(seed)
    found, values = principal_directions(
        scaled.__matmul__, transposed.__matmul__, scaled.shape, min(width, *scaled.shape), rng
    )
    if not values.any():
        return random
    # As large as random ones: the entries of a node's state have the mean square of one.
    spreads = values / np.sqrt(len(lengths))
    start = random.copy()
    start[:, : len(values)] = rarity[:, None] * found * (_softened(spreads) / spreads)
    return start
