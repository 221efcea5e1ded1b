"""Sparse times dense: values and gradients against SciPy, in any order of entries."""

import graph_barlow_twins.tfgnn_task  # noqa: F401 - before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf
from graph_barlow_twins.pretrain.encoder.sparse_product import sparse_product

ROWS, COLUMNS, WIDTH = 50, 30, 7


def entries(order):
    matrix = scipy.sparse.random(ROWS, COLUMNS, 0.1, "coo", np.float32, random_state=1)
    matrix = matrix.tocsr().tocoo()  # by rows
    chosen = np.arange(matrix.nnz)
    if order == "shuffled":
        chosen = np.random.default_rng(0).permutation(matrix.nnz)
    elif order == "repeated":
        chosen = np.sort(np.tile(chosen, 2))
    elif order == "none":
        chosen = chosen[:0]
    return matrix.row[chosen], matrix.col[chosen], matrix.data[chosen]


@pytest.mark.parametrize("order", ["sorted", "shuffled", "repeated", "none"])
@pytest.mark.parametrize("in_function", [False, True])
@pytest.mark.parametrize("dynamic", [False, True])
def test_product_and_gradient(order, in_function, dynamic):
    rows, columns, values = entries(order)
    dense = tf.Variable(np.random.default_rng(2).normal(size=(COLUMNS, WIDTH)).astype(np.float32))

    def step(rows, columns, values):
        with tf.GradientTape() as tape:
            num_rows = tf.constant(ROWS) if dynamic else ROWS
            product = sparse_product(rows, columns, values, num_rows, dense)
            loss = tf.reduce_sum(product * tf.sin(product))
        return product, tape.gradient(loss, dense)

    product, gradient = (tf.function(step) if in_function else step)(rows, columns, values)
    matrix = scipy.sparse.coo_matrix((values, (rows, columns)), (ROWS, COLUMNS)).astype(np.float64)
    expected = matrix @ dense.numpy().astype(np.float64)
    np.testing.assert_allclose(product, expected, rtol=0, atol=1e-5)
    upstream = np.sin(expected) + expected * np.cos(expected)
    expected = matrix.T @ upstream
    scale = max(np.abs(expected).max(), 1)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-5 * scale)
