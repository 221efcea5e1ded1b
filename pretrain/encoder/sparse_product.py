"""Products of a sparse matrix with a dense one, in TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from ...kernels.sparse import normalized_csr
from ...kernels.sparse import sparse_polynomial as polynomial_of_csr


def sparse_product(
    rows: tf.Tensor, columns: tf.Tensor, values: tf.Tensor, num_rows, dense: tf.Tensor
) -> tf.Tensor:
    """``S @ dense``, where ``S[rows[k], columns[k]] = values[k]``.

    As a matrix in CSR form, which TensorFlow multiplies in several threads, in place of one message
    per entry (``tf.gather`` and a segment sum) that is written to memory and read again: for Cora's
    words and 512 columns 3 against 35 ms.

    Args:
        rows: integers [nnz] in [0, num_rows), best in ascending order: others are sorted first.
        columns: integers [nnz] in [0, dense.shape[0]).
        values: floating [nnz]; no gradient flows into them.
        num_rows: int or scalar tensor.
        dense: [columns, width], of the same dtype.

    Returns:
        [num_rows, width]. Entries that stand more than once add up. A SavedModel can hold it only
        without its gradient (``SaveOptions(experimental_custom_gradients=False)``).
    """
    matrix = sparse_matrix(rows, columns, values, num_rows, tf.shape(dense, tf.int64)[0])
    product = _linear_map(lambda a, b: tf.raw_ops.SparseMatrixMatMul(a=a, b=b), matrix, dense)
    return tf.ensure_shape(product, [num_rows if isinstance(num_rows, int) else None, None])


def sparse_matrix(rows, columns, values, num_rows, num_columns) -> tf.Tensor:
    """The matrix of `sparse_product` in CSR form, as a variant tensor."""
    rows, columns = tf.cast(rows, tf.int64), tf.cast(columns, tf.int64)
    ascending = tf.reduce_all(rows[1:] >= rows[:-1])

    def in_order():
        order = tf.argsort(rows, stable=True)
        return tuple(tf.gather(part, order) for part in (rows, columns, values))

    rows, columns, values = tf.cond(ascending, lambda: (rows, columns, values), in_order)
    shape = tf.stack([tf.cast(num_rows, tf.int64), tf.cast(num_columns, tf.int64)])
    return tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=tf.stack([rows, columns], axis=1), values=values, dense_shape=shape
    )


def sparse_polynomial(
    matrix: tf.Tensor, coefficients: Sequence[float | tf.Tensor], dense: tf.Tensor
) -> tf.Tensor:
    """``(c[0] I + c[1] S + ... + c[K] S^K) @ dense``, by Horner's rule: K sparse products.

    Args:
        matrix: S from `sparse_matrix`, square.
        coefficients: c, at least two numbers or scalar tensors.
        dense: floating [columns of S, width]. The one argument that a gradient flows into.

    Returns:
        [rows of S, width].
    """

    def horner(factor, state):
        total = coefficients[-1] * state
        for coefficient in reversed(coefficients[:-1]):
            total = tf.raw_ops.SparseMatrixMatMul(a=factor, b=total) + coefficient * state
        return total

    return _linear_map(horner, matrix, dense)


def host_propagation(
    target: tf.Tensor,
    source: tf.Tensor,
    weights: tf.Tensor,
    coefficients: tf.Tensor,
    state: tf.Tensor,
) -> tf.Tensor:
    """`sparse_polynomial` of the normalised adjacency matrix with loops, by our kernel on the host.

    For this process alone: no SavedModel can hold it, and no XLA program.

    Args:
        target: integers [E], who receives.
        source: integers [E].
        weights: floating [E].
        coefficients: [K + 1].
        state: floating [N, width]. The one argument that a gradient flows into.

    Returns:
        [N, width].
    """

    def product(rows, columns, weights, coefficients, dense):
        matrix = normalized_csr(rows, columns, weights, len(dense))
        return polynomial_of_csr(*matrix, coefficients, dense)

    @tf.custom_gradient
    def apply(state):
        def call(rows, columns, dense):
            inputs = [rows, columns, weights, coefficients, dense]
            return tf.numpy_function(product, inputs, dense.dtype, stateful=False)

        return call(target, source, state), lambda upstream: call(source, target, upstream)

    return tf.ensure_shape(apply(state), [None, state.shape[-1]])


def _linear_map(function, matrix: tf.Tensor, dense: tf.Tensor) -> tf.Tensor:
    """``function(S, dense)``, whose gradient is ``function(S^T, upstream)``."""

    @tf.custom_gradient
    def apply(dense):
        # TensorFlow's own gradient wants that of the values too, and static shapes for it.
        def gradient(upstream):
            # Transposed first: with transpose_a=True the product takes one thread, twice as long.
            transposed = tf.raw_ops.SparseMatrixTranspose(input=matrix, type=dense.dtype)
            return function(transposed, upstream)

        return function(matrix, dense), gradient

    return tf.ensure_shape(apply(dense), [None, dense.shape[-1]])
