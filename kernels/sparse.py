"""Products of a sparse matrix, or of a polynomial of it, with a dense one, in Numba.

SciPy's product takes one thread, TensorFlow's writes each hop to memory and reads it again. Here a
block of columns goes through all hops while it lies in the cache, each thread has blocks of its
own, and nobody waits for anybody in between.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse

from .blas import IS_COMPILED, jit
from .linalg import with_columns
from .team import run_parts, shares, threads_for
from .weighted_rows import COLUMNS, weighted_rows

_WORK = 5e5  # entries times columns times hops, that a thread is worth


def sparse_polynomial(
    indptr: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
    coefficients: np.ndarray,
    dense: np.ndarray,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """``(c[0] I + c[1] A + ... + c[K] A^K) H`` by Horner's rule.

    Args:
        indptr: integers [N + 1]; A [N, N] in CSR form.
        indices: integers [nnz] in [0, N).
        values: of the dtype of `dense` [nnz].
        coefficients: c [K + 1], K >= 0.
        dense: H, float32 or float64 [N, D].
        out: C-contiguous [N, D], another than H; overwritten.

    Returns:
        ``out``, or a new [N, D] of the same dtype. The number of threads does not change a bit of
        it.
    """
    count, width = dense.shape
    if not IS_COMPILED:
        matrix = scipy.sparse.csr_matrix((values, indices, indptr), (count, count), dense.dtype)
        numbers = np.asarray(coefficients, dense.dtype)
        total = numbers[-1] * dense
        for number in numbers[-2::-1]:
            total = matrix @ total + number * dense
        return _into(out, np.asarray(total, dense.dtype))
    if width < COLUMNS:
        padded = with_columns(dense, COLUMNS)
        total = sparse_polynomial(indptr, indices, values, coefficients, padded)
        return _into(out, total[:, :width].copy())
    dtype = dense.dtype
    result = np.empty((count, width), dtype) if out is None else out
    hops = len(coefficients) - 1
    blocks = -(-width // COLUMNS)
    work = len(indices) * width * max(hops, 1)
    buffers = np.empty((threads_for(work, _WORK, blocks), 3, count * COLUMNS), dtype)
    numbers = np.asarray(coefficients, dtype)
    matrix = (indptr, indices, np.asarray(values, dtype))
    dense = np.ascontiguousarray(dense)
    run_parts(
        _columns,
        [
            (*matrix, numbers, dense, result, buffer, start, stop)
            for buffer, (start, stop) in zip(buffers, shares(blocks, len(buffers)), strict=True)
        ],
    )
    return result


def csr_product(
    indptr: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
    dense: np.ndarray,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """``S M`` of a sparse matrix and a dense one, by threads that share the rows.

    Args:
        indptr: integers [R + 1]; S [R, C] in CSR form.
        indices: integers [nnz] in [0, C).
        values: of the dtype of `dense` [nnz].
        dense: M, C-contiguous float32 or float64 [C, D].
        out: C-contiguous [R, D], another than M; overwritten.

    Returns:
        ``out``, or a new [R, D]. The number of threads does not change a bit of it.
    """
    rows, shape = len(indptr) - 1, (len(indptr) - 1, len(dense))
    if not IS_COMPILED:
        matrix = scipy.sparse.csr_matrix((values, indices, indptr), shape)
        return _into(out, matrix @ dense)
    if dense.shape[1] < COLUMNS:
        padded = with_columns(dense, COLUMNS)
        found = csr_product(indptr, indices, values, padded)[:, : dense.shape[1]]
        return _into(out, found.copy())
    if out is None:
        out = np.empty((rows, dense.shape[1]), dense.dtype)
    threads = threads_for(len(indices) * dense.shape[1], _WORK, rows)
    # Parts of equal numbers of entries: a word may be in a hundred rows, or in all of them.
    marks = [len(indices) * part // threads for part in range(1, threads)]
    ends = [0, *np.searchsorted(indptr, marks), rows]
    parts = (indptr, indices, values, dense, out)
    run_parts(_rows, [(*parts, *ends[part : part + 2]) for part in range(threads)])
    return out


def _into(out: np.ndarray | None, result: np.ndarray) -> np.ndarray:
    if out is None:
        return result
    out[:] = result
    return out


@jit()
def csr_of_edges(rows, columns, values, num_rows):
    """CSR form of a matrix, whose entries may come in any order: a counting sort, which is stable.

    Args:
        rows: integers [nnz] in [0, num_rows).
        columns: integers [nnz].
        values: [nnz].
        num_rows: N.

    Returns:
        ``(indptr [N + 1], indices [nnz], values [nnz])``.
    """
    indptr = np.zeros(num_rows + 1, np.int64)
    for row in rows:
        indptr[row + 1] += 1
    for row in range(num_rows):
        indptr[row + 1] += indptr[row]
    following = indptr[:-1].copy()
    indices = np.empty(len(rows), np.int32)
    in_order = np.empty_like(values)
    for entry in range(len(rows)):
        place = following[rows[entry]]
        following[rows[entry]] += 1
        indices[place] = columns[entry]
        in_order[place] = values[entry]
    return indptr, indices, in_order


@jit()
def normalized_csr(rows, columns, weights, num_rows):
    """``D^(-1/2) (A + I) D^(-1/2)`` in CSR form, with the sums of A + I by rows and by columns.

    Args:
        rows: integers [E] in [0, N), without loops.
        columns: integers [E] in [0, N).
        weights: of the entries [E].
        num_rows: N.

    Returns:
        See `csr_of_edges`; the loop is the last entry of its row.

    Source: Kipf and Welling 2017, https://arxiv.org/abs/1609.02907, equation 2.
    """
    count = len(rows)
    by_row, by_column = np.ones(num_rows), np.ones(num_rows)
    for entry in range(count):
        by_row[rows[entry]] += weights[entry]
        by_column[columns[entry]] += weights[entry]
    with_loops = np.empty((2, count + num_rows), np.int32)
    values = np.empty(count + num_rows, weights.dtype)
    for entry in range(count):
        row, column = rows[entry], columns[entry]
        with_loops[0, entry], with_loops[1, entry] = row, column
        values[entry] = weights[entry] / np.sqrt(by_row[row] * by_column[column])
    for node in range(num_rows):
        with_loops[:, count + node] = node
        values[count + node] = 1 / np.sqrt(by_row[node] * by_column[node])
    return csr_of_edges(with_loops[0], with_loops[1], values, num_rows)


@jit(fastmath={"contract"})
def _columns(indptr, indices, values, coefficients, dense, result, buffer, start, stop):
    """Blocks start:stop of the columns.

    Arrays are flat: a slice of a row would be a counted reference. Places are unsigned: signed ones
    would be looked at for negative ones, and nothing vectorised.
    """
    count, columns = dense.shape
    stride, wide, zero = np.uint64(columns), np.uint64(COLUMNS), np.uint64(0)
    given, found = dense.reshape(-1), result.reshape(-1)
    # A copy of the block: rows that lie apart by powers of 2 would meet in few sets of the cache.
    state, total, following = buffer[0], buffer[1], buffer[2]
    last = len(coefficients) - 1
    for block in range(start, stop):
        begin = min(np.uint64(block) * wide, stride - wide)  # the last ones may be found twice
        c = coefficients[last]
        for row in range(count):
            own, place = np.uint64(row) * wide, np.uint64(row) * stride + begin
            for j in range(wide):
                state[own + j] = given[place + j]
                total[own + j] = c * given[place + j]
        for hop in range(last - 1, -1, -1):
            c = coefficients[hop]
            for row in range(count):
                own, place = np.uint64(row) * wide, np.uint64(row) * stride + begin
                into, at = (following, own) if hop else (found, place)
                weighted_rows(
                    into,
                    at,
                    state,
                    own,
                    c,
                    total,
                    wide,
                    zero,
                    indices,
                    values,
                    indptr[row],
                    indptr[row + 1],
                )
            total, following = following, total
        if last == 0:
            for row in range(count):
                own, place = np.uint64(row) * wide, np.uint64(row) * stride + begin
                for j in range(wide):
                    found[place + j] = total[own + j]


@jit(fastmath={"contract"})
def _rows(indptr, indices, values, dense, out, start, stop):
    """Rows start:stop; places are unsigned as in `_columns`."""
    width, wide, zero = np.uint64(dense.shape[1]), np.uint64(COLUMNS), np.uint64(0)
    given, found, none = dense.reshape(-1), out.reshape(-1), values.dtype.type(0)
    nothing = np.zeros(COLUMNS, values.dtype)
    for row in range(start, stop):
        own, entry, end = np.uint64(row) * width, indptr[row], indptr[row + 1]
        for block in range((dense.shape[1] + COLUMNS - 1) // COLUMNS):
            begin = min(np.uint64(block) * wide, width - wide)  # the last ones may be found twice
            at = own + begin
            weighted_rows(
                found, at, nothing, zero, none, given, width, begin, indices, values, entry, end
            )
