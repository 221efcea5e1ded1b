"""Where the embeddings of tokens start: at the principal directions of the bags themselves.

Random ones, of a few hundred dimensions, hide most of what thousands of words say: on the Debian
graph the untrained encoder then stays below the words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse
import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...sampling.network import WEIGHTS
from ...sampling.rows import Rows
from ..channels.start import principal_directions
from .inputs import TOKEN_WEIGHTS, TOKENS, EncodeFeatures, input_sizes
from .layers import TOKENS_OF


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
    powers = np.sqrt(spreads) / np.sqrt(spreads.mean())
    start = random.copy()
    start[:, : len(values)] = rarity[:, None] * found * (powers / spreads)
    return start
