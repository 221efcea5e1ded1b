"""Features, dense or sparse."""

from typing import Any

import numpy as np
import scipy.sparse

from ...errors import InputError, shown
from ..adjacency import blocks

_LARGEST_FEATURE = 1e15
# As many as a hashed vocabulary has; of sparse features no memory stands behind the number.
_MOST_FEATURES = 1 << 20
_BLOCK_ENTRIES = 1 << 22  # of memory-mapped features, looked at together: 16 MB as float32


def csr_from_parts(
    data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, shape: Any
) -> scipy.sparse.csr_matrix:
    """Builds a CSR matrix from parts that nobody vouches for.

    Args:
        data: [nnz] numbers.
        indices: [nnz] integers, the column of each entry.
        indptr: [N + 1] integers; row i has entries indptr[i] .. indptr[i + 1] - 1.
        shape: the pair (N, F).

    Raises:
        InputError: ranks, dtypes, lengths or indices that do not make a matrix.
    """
    for part, array in (("data", data), ("indices", indices), ("indptr", indptr)):
        kinds, what = ("biuf", "numbers") if part == "data" else ("iu", "integers")
        if array.ndim != 1 or array.dtype.kind not in kinds:
            raise InputError(
                f"CSR {part}: expected 1 dimension of {what}, got shape {array.shape} of"
                f" {array.dtype}"
            )
    shape = np.asarray(shape)
    if shape.shape != (2,) or shape.dtype.kind not in "iu" or (shape < 0).any():
        raise InputError(f"CSR shape: expected two integers (N, F), got {shown(shape)}")
    # SciPy looks at no step where the last entry is not above 0, and then writes where it must not.
    if not len(indptr) or indptr[0] != 0 or (indptr[1:] < indptr[:-1]).any():
        raise InputError("CSR parts do not make a matrix: indptr does not rise from 0 on")
    try:
        matrix = scipy.sparse.csr_matrix(
            (sparse_values(data), indices, indptr), shape=tuple(int(size) for size in shape)
        )
        matrix.check_format(full_check=True)
    except (ValueError, OverflowError) as error:
        raise InputError(f"CSR parts do not make a matrix: {error}") from None
    return matrix


def sparse_values(values: Any) -> Any:
    """The same numbers, dense or sparse, in a dtype that sparse code computes with."""
    return values.astype(np.float32) if values.dtype == np.float16 else values


def check_features(features: Any) -> np.ndarray | scipy.sparse.csr_matrix:
    """Returns [N, F] float32, dense or CSR; rejects what is empty, not a number or not finite.

    A `np.memmap` is looked at in blocks of rows and returned as it is, in its own dtype.
    """
    mapped = isinstance(features, np.memmap)
    sparse = scipy.sparse.issparse(features)
    features = features if sparse or mapped else np.asarray(features)
    if features.ndim != 2:
        raise InputError(f"features: expected 2 dimensions [N, F], got shape {features.shape}")
    if features.dtype.kind not in "biuf":
        raise InputError(f"features: expected numbers, got dtype {features.dtype}")
    if 0 in features.shape:
        raise InputError(
            f"features: expected at least one node and one feature, got shape {features.shape}"
        )
    if features.shape[1] > _MOST_FEATURES:
        raise InputError(
            f"features: expected at most {_MOST_FEATURES:,} columns, got {features.shape[1]:,}"
        )
    if mapped:
        step = max(1, _BLOCK_ENTRIES // features.shape[1])
        for rows in blocks(len(features), step):
            _check_finite(np.asarray(features[rows]), first_row=rows.start)
        return features
    if sparse:
        features = scipy.sparse.csr_matrix(sparse_values(features), copy=True)
        features.sum_duplicates()
        features.eliminate_zeros()
    return _check_finite(features)


def _check_finite(features: Any, first_row: int = 0) -> Any:
    """Returns the features as float32; messages count rows from ``first_row``."""
    sparse = scipy.sparse.issparse(features)
    with np.errstate(over="ignore"):
        single = features.astype(np.float32)
    # Squares of larger values, or their sums, would overflow float32.
    values = single.data if sparse else single
    finite = (values >= -_LARGEST_FEATURE) & (values <= _LARGEST_FEATURE)
    if not finite.all():
        if sparse:
            position = int(np.argmin(finite))
            row = int(np.searchsorted(features.indptr, position, side="right")) - 1
            column, value = int(features.indices[position]), features.data[position]
        else:
            row, column = (int(i) for i in np.argwhere(~finite)[0])
            value = features[row, column]
        raise InputError(
            f"features: expected finite values within +-{_LARGEST_FEATURE:g}, got {value} in row"
            f" {first_row + row}, column {column}"
            f" ({int((~finite).sum())} such values in all)"
        )
    return single
