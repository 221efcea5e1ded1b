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


DENSE = np.random.default_rng(2).normal(size=(COLUMNS, WIDTH)).astype(np.float32)


def product_and_gradient(rows, columns, values, num_rows, dense):
    with tf.GradientTape() as tape:
        tape.watch(dense)
        product = sparse_product(rows, columns, values, num_rows, dense)
        loss = tf.reduce_sum(product * tf.sin(product))
    return product, tape.gradient(loss, dense)


IN_FUNCTION = tf.function(
    product_and_gradient,
    input_signature=[
        *([tf.TensorSpec([None], tf.int32)] * 2),
        tf.TensorSpec([None]),
        tf.TensorSpec([], tf.int32),
        tf.TensorSpec([None, WIDTH]),
    ],
    autograph=False,
)


@pytest.mark.parametrize("order", ["sorted", "shuffled", "repeated", "none"])
@pytest.mark.parametrize("step", [product_and_gradient, IN_FUNCTION], ids=["eager", "function"])
def test_product_and_gradient(order, step):
    rows, columns, values = entries(order)
    product, gradient = step(rows, columns, values, ROWS, tf.constant(DENSE))
    matrix = scipy.sparse.coo_matrix((values, (rows, columns)), (ROWS, COLUMNS)).astype(np.float64)
    expected = matrix @ DENSE.astype(np.float64)
    np.testing.assert_allclose(product, expected, rtol=0, atol=1e-5)
    upstream = np.sin(expected) + expected * np.cos(expected)
    expected = matrix.T @ upstream
    scale = max(np.abs(expected).max(), 1)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-5 * scale)
