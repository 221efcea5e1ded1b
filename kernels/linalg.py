"""Linear algebra on NumPy and SciPy matrices that several folders need; no TensorFlow, no Numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse

from .validation import VARIANCES

RANKME_EPSILON = 1e-12
_BLOCK_ROWS = 1 << 14
_OVERSAMPLING = 10

Product = Callable[[np.ndarray], np.ndarray]


def unit_rows(
    matrix: np.ndarray | scipy.sparse.csr_matrix,
) -> np.ndarray | scipy.sparse.csr_matrix:
    """Each row divided by its length; rows of zeros stay, rows with NaN become NaN.

    Not scikit-learn's `normalize`, which leaves rows that are shorter than about 1e-6 as they are.

    Args:
        matrix: floating [N, F], dense or CSR.

    Returns:
        The same form and dtype.
    """
    # By the largest entry first: squares of small entries would be 0, of large ones infinite.
    if isinstance(matrix, np.ndarray):
        largest = np.max(np.abs(matrix), axis=1, keepdims=True, initial=0.0)
        scaled = _quotient(matrix, largest)
        return _quotient(scaled, np.linalg.norm(scaled, axis=1, keepdims=True))
    entries = np.diff(matrix.indptr)
    largest = np.repeat(abs(matrix).max(axis=1).toarray().ravel(), entries)
    scaled = _quotient(matrix.data, largest)
    squares = scipy.sparse.csr_matrix((scaled**2, matrix.indices, matrix.indptr), matrix.shape)
    lengths = np.sqrt(np.asarray(squares.sum(axis=1)).ravel())
    values = _quotient(scaled, np.repeat(lengths, entries)).astype(matrix.dtype)
    return scipy.sparse.csr_matrix((values, matrix.indices, matrix.indptr), matrix.shape)


def with_columns(matrix: np.ndarray, count: int) -> np.ndarray:
    """The matrix [N, D] with columns of zeros up to so many; itself where it has them."""
    if matrix.shape[1] == count:
        return np.ascontiguousarray(matrix)
    padded = np.zeros((len(matrix), count), matrix.dtype)
    padded[:, : matrix.shape[1]] = matrix
    return padded


def gram_matrix(matrix: np.ndarray) -> np.ndarray:
    """``X^T X`` of a tall matrix [N, D], float64 [D, D], summed up over blocks of rows."""
    gram = np.zeros((matrix.shape[1], matrix.shape[1]))
    for start in range(0, len(matrix), _BLOCK_ROWS):
        rows = matrix[start : start + _BLOCK_ROWS].astype(np.float64)
        gram += rows.T @ rows
    return gram


def singular_values(matrix: np.ndarray) -> np.ndarray:
    """Singular values of a matrix [N, D], float64 [min(N, D)], largest first.

    Exact to rounding, 1e-16 of the largest. Beside the matrix it needs a block of rows and D^2
    numbers: they are the singular values of the triangle R of a QR decomposition, and so are those
    of R with more rows below it.
    """
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    triangle: Any = np.zeros((0, tall.shape[1]))
    for start in range(0, len(tall), _BLOCK_ROWS):
        rows = tall[start : start + _BLOCK_ROWS].astype(np.float64)
        triangle = np.linalg.qr(np.concatenate([triangle, rows]), mode="r")
    return np.linalg.svd(triangle, compute_uv=False)


def oriented(vectors: np.ndarray) -> np.ndarray:
    """Eigenvectors, [F, K], each with its largest entry above 0.

    They are known up to their sign; equal runs on two machines should look alike.
    """
    return vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])


def leading_directions(
    forward: Product,
    backward: Product,
    shape: tuple[int, int],
    width: int,
    rng: np.random.Generator,
    iterations: int,
) -> tuple[np.ndarray, np.ndarray]:
    """First right singular vectors and values of a matrix M that is known by its products.

    Args:
        forward: M times float32 [F, k].
        backward: the transposed M times float32 [N, k].
        shape: N, F.
        width: as many as asked for, at most min(N, F).
        rng: of the range finder.
        iterations: products with M^T M that sharpen the range; none are needed where all
            directions are asked for.

    Returns:
        float32 [F, width], columns of length 1, and floating [width], largest first.

    Source: Halko, Martinsson and Tropp 2011, https://arxiv.org/abs/0909.4061, algorithm 4.4, on the
    shorter side of M, with one normalisation for each product with M^T M.
    """
    count, num_columns = shape
    short = min(count, num_columns)
    sample = min(width + _OVERSAMPLING, short)
    tall = num_columns <= count
    basis = rng.standard_normal((short, sample), np.float32)
    for _ in range(iterations if sample < short else 0):
        basis = backward(forward(basis)) if tall else forward(backward(basis))
        basis = _well_conditioned(basis)
    basis = scipy.linalg.qr(basis, mode="economic", check_finite=False)[0]
    if tall:
        image = forward(basis)
        squares, vectors = np.linalg.eigh((image.T @ image).astype(np.float64))
        values = np.sqrt(np.maximum(squares[::-1], 0))
        directions = basis @ vectors[:, ::-1].astype(np.float32)
    else:
        directions, values, _ = scipy.linalg.svd(
            backward(basis), full_matrices=False, check_finite=False
        )
    return directions[:, :width], values[:width]


def _well_conditioned(columns: np.ndarray) -> np.ndarray:
    """Other columns with the same span, [N, k], of an LU decomposition: a tenth of a QR's time."""
    return scipy.linalg.lu(columns, permute_l=True, overwrite_a=True, check_finite=False)[0]


def rankme(representations: np.ndarray) -> float:
    """RankMe of all rows [N, D], in [1, min(N, D)]; see reference/metrics/formulas.py.

    NaN where an entry is NaN or infinite, or there is none. Memory: see `singular_values`.
    """
    if not representations.size or not np.isfinite(representations).all():
        return np.nan
    sigma = singular_values(representations)
    zero = sigma <= sigma[0] * max(representations.shape) * np.finfo(np.float64).eps
    return spread_of(np.where(zero, 0.0, sigma))


def spread_of(sigma: np.ndarray) -> float:
    """RankMe of singular values [m], all of which count: exp of the entropy of their shares."""
    p = sigma / (sigma.sum() or 1.0) + RANKME_EPSILON
    return float(np.exp(-np.sum(p * np.log(p))))


def cross_correlation(z_a: np.ndarray, z_b: np.ndarray, *, epsilon: float = 1e-6) -> np.ndarray:
    """``C = Za^T Zb / N`` of two standardised views, see reference/loss.py.

    Args:
        z_a: floating [N, D].
        z_b: the same shape.
        epsilon: added to the biased variances.

    Returns:
        float64 [D, D]; row i belongs to feature i of the first view. 0 for less than two rows; NaN
        for a feature whose variance is out of range.
    """
    rows = max(len(z_a), 1)
    standardized = []
    for z in (z_a, z_b):
        centred = np.asarray(z, np.float64)
        centred = centred - centred[:1].sum(axis=0)  # the mean of large numbers is itself rounded
        centred = centred - centred.sum(axis=0) / rows
        variance = np.sum(centred**2, axis=0) / rows
        least, most = VARIANCES[np.float64]
        variance += epsilon
        in_range = (least <= variance) & (variance <= most)
        standardized.append(centred / np.sqrt(np.where(in_range, variance, np.nan)))
    return standardized[0].T @ standardized[1] / rows


def _quotient(values: np.ndarray, divisors: np.ndarray) -> np.ndarray:
    """``values / divisors``, and 0 where the divisor is 0."""
    return np.divide(values, divisors, out=np.zeros_like(values), where=divisors != 0)
