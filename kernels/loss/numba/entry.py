"""The Barlow Twins loss and its gradients on NumPy arrays, with Numba and BLAS on the CPU.

Mathematics: reference/loss.py and docs/theory/derivation.md. `barlow_twins_loss_and_gradients` is
the whole; `forward` and `backward` are its halves for a framework that has its own tape. Safe to
call from several Python threads, from `tf.numpy_function` and after a fork; the result does not
depend on who else is computing.

The first call compiles each path for about 9 seconds per dtype; the machine code is cached on disk,
and loading it costs a later process about 0.2 s.

Peak memory beside inputs and results: `plan.peak_extra_bytes`. Never a standardised copy of a view;
half types, and other memory orders, are copied. Gradients of 1 to 100 MB take the memory that
earlier ones have left; at most four such buffers are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...blas import single_threaded_blas
from ...validation import (
    check_choice,
    check_epsilon,
    check_not_negative,
    check_sample_weight,
    check_views,
)
from ..paths import PATHS, choose_path
from . import direct, gram, memory

# With two rows all but epsilon / var of the gradient's operands cancels, and so it does where two
# of many rows have nearly all of the weight; few are cheap in float64.
_FEW_ROWS = 4


@dataclass(frozen=True)
class Residuals:
    """What `backward` needs from `forward`. Holds on to the views; do not change them between.

    Attributes:
        inner: The residuals of a path, or None where the loss is constant.
        shape: Shape of the views and the gradients.
        dtype: Their dtype.
        rows: Numbers of the rows that `inner` is about, or None for all.
    """

    inner: direct.DirectResiduals | gram.GramResiduals | None
    shape: tuple[int, int]
    dtype: np.dtype
    rows: np.ndarray | None = None


def barlow_twins_loss_and_gradients(
    z_a: np.ndarray,
    z_b: np.ndarray,
    *,
    lambda_: float | None = None,
    normalize_batch: bool = True,
    sample_weight: np.ndarray | None = None,
    epsilon: float = 1e-6,
    ddof: float = 0,
    backend: str = "auto",
    path: str = "auto",
) -> tuple[np.floating, np.ndarray, np.ndarray]:
    """The loss and its gradients with respect to both views.

        Za, Zb = standardised views, C = Za^T diag(w) Zb / W
        loss = sum_i (1 - C_ii)^2  +  lambda * sum_{i != j} C_ij^2

    The result is right, or not finite, see `graph_barlow_twins.kernels.loss.entry`.

    Args:
        z_a: [N, D] of float16, bfloat16 (ml_dtypes), float32 or float64.
        z_b: The same shape and dtype.
        lambda_: Weight of the redundancy-reduction term; default ``1 / D``.
        normalize_batch: Whether to standardise each feature over the batch.
        sample_weight: Optional [N], finite and not negative; a row of weight 0 takes no part,
            whatever it holds, and has gradient 0.
        epsilon: Added to the variances; positive.
        ddof: The variances divide by ``W - ddof``; C always divides by W.
        backend: "auto" or "numba", the only one on arrays.
        path: "auto", "direct" (through the D x D matrix C) or "gram" (through two N x N matrices).

    Returns:
        ``(loss, grad_a, grad_b)``: a float, float64 for float64 inputs and float32 otherwise, and
        two arrays with the shape and dtype of the inputs.

    Raises:
        TypeError: If the views do not share a supported dtype.
        ValueError: If shapes do not fit, weights are negative or not finite, epsilon is not
            positive, or a choice is unknown.

    Example:
        >>> z = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        >>> loss, grad_a, _ = barlow_twins_loss_and_gradients(z, -z)
        >>> round(float(loss), 4), grad_a.shape
        (8.0, (4, 2))

    Source: Zbontar et al. 2021, https://arxiv.org/abs/2103.03230, equations 1 and 2.
    """
    check_choice("backend", backend, ("auto", "numba"))
    options = (lambda_, normalize_batch, sample_weight, epsilon, ddof, path)
    with single_threaded_blas():
        loss, residuals = forward(z_a, z_b, *options)
        return loss, *backward(residuals)


def barlow_twins_loss(z_a, z_b, **options):
    """The loss alone; arguments and errors as for `barlow_twins_loss_and_gradients`."""
    return forward(z_a, z_b, **options)[0]


def forward(
    z_a,
    z_b,
    lambda_=None,
    normalize_batch: bool = True,
    sample_weight=None,
    epsilon: float = 1e-6,
    ddof: float = 0,
    path: str = "auto",
):
    """The loss, and what `backward` needs for the gradients.

    Args and errors: as for `barlow_twins_loss_and_gradients`.

    Returns:
        ``(loss, residuals)``.
    """
    z_a, z_b = np.asarray(z_a), np.asarray(z_b)
    one_kind = z_a.dtype == z_b.dtype and z_a.shape == z_b.shape
    if not (one_kind and z_a.dtype.char in "fd" and z_a.ndim == 2 and z_a.shape[1] > 0):
        check_views(z_a, z_b)  # asks for names of dtypes: 6 us of the 200 that [128, 128] takes
    check_epsilon(epsilon)
    check_choice("path", path, PATHS)
    n, d = z_a.shape
    input_dtype = z_a.dtype
    dtype = np.dtype(np.float64 if z_a.dtype == np.float64 else np.float32)
    w, W, rows, unit = _weights(sample_weight, n, dtype)
    ddof /= unit
    # With one row, or without a positive divisor, every standardised view is 0, and so is C.
    if W == 0 or (normalize_batch and not W - ddof > 0):
        return dtype.type(d), Residuals(None, (n, d), input_dtype)
    index = None
    if rows <= _FEW_ROWS + 0.5:
        index = np.flatnonzero(w)
        w = w[index].astype(np.float64)
        # Two rows of one feature: C_ii - 1 is tiny as well, and the gram path never forms it.
        path = "direct" if d <= _FEW_ROWS else path
        z_a, z_b = (_few_rows(z[index], w, normalize_batch) for z in (z_a, z_b))
    else:
        if w.dtype != dtype:
            W = np.nan if _hides_nonfinite(w, dtype, z_a, z_b) else W
            w = w.astype(dtype)
        # The very memory of the views where they are so already.
        z_a, z_b = (_writeable(np.ascontiguousarray(z, dtype)) for z in (z_a, z_b))
    path = choose_path(*z_a.shape) if path == "auto" else path
    module = gram if path == "gram" else direct
    lambda_ = 1 / d if lambda_ is None else float(lambda_)
    options = (lambda_, bool(normalize_batch), float(epsilon), float(ddof))
    with single_threaded_blas():
        loss, inner = module.forward(z_a, z_b, w, W, *options)
    return dtype.type(loss), Residuals(inner, (n, d), input_dtype, index)


def backward(residuals: Residuals, upstream: float = 1.0):
    """The gradients with respect to both views.

    Args:
        residuals: From `forward`; can be used again.
        upstream: Gradient of the final objective with respect to the loss.

    Returns:
        ``(grad_a, grad_b)``, with the shape and dtype of the views.
    """
    inner = residuals.inner
    if inner is None:
        return tuple(np.zeros(residuals.shape, residuals.dtype) for _ in range(2))
    module = gram if isinstance(inner, gram.GramResiduals) else direct
    with single_threaded_blas():
        gradients = module.backward(inner, float(upstream))
    if residuals.rows is None:
        return tuple(gradient.astype(residuals.dtype, copy=False) for gradient in gradients)
    scattered = np.zeros((2, *residuals.shape), residuals.dtype)
    scattered[:, residuals.rows] = gradients
    return tuple(scattered)


def _few_rows(z, w, normalize_batch):
    """The view in float64, relative to its heaviest row where the loss does not see a shift."""
    z = z.astype(np.float64)
    return z - z[w.argmax()] if normalize_batch else z


def _weights(sample_weight, n, dtype):
    """Weights in units of the largest one, in float64 where any are given.

    Returns:
        ``(w, W, rows, unit)``; rows is ``W^2 / sum w^2``, the number of rows where all weights are
        equal, else less.
    """
    if sample_weight is None:
        w = memory.empty(n, dtype)
        w[:] = 1
        return w, float(n), n, 1.0
    weight = np.asarray(sample_weight)
    check_sample_weight(weight, n)
    weight = weight.astype(np.float64)
    check_not_negative(weight)
    unit = float(weight.max(initial=0)) or 1.0
    w = weight / unit
    W = float(w.sum())
    return w, W, W and W**2 / float(np.dot(w, w)), unit


def _hides_nonfinite(w, dtype, *views):
    """Whether a row that is not finite has a weight too small for the dtype, though not 0."""
    lost = np.flatnonzero((w > 0) & (w < np.finfo(dtype).tiny))
    return lost.size > 0 and any(not np.isfinite(z[lost].astype(dtype)).all() for z in views)


class _Alias:
    """Lets NumPy see the same memory without the read-only flag."""

    def __init__(self, array):
        self.array = array
        self.__array_interface__ = {
            **array.__array_interface__,
            "data": (array.__array_interface__["data"][0], False),
        }


def _writeable(array):
    """The same memory, not marked read-only: to Numba that is another type to compile for.

    TensorFlow hands out such arrays. The kernels never write to their inputs.
    """
    return array if array.flags.writeable else np.asarray(_Alias(array))
