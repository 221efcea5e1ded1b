"""The Barlow Twins loss of two views, differentiable in TensorFlow: the public entry.

Validates, chooses backend and path, and pairs their forward and backward functions in a custom
gradient. Mathematics: reference/loss.py, docs/theory/derivation.md. On NumPy arrays:
numba/entry.py.
"""

from __future__ import annotations

import tensorflow as tf

from ..context import BACKENDS, can_call_numba, compiled_by_xla, pays_for_host_call
from ..shapes import sizes
from ..validation import (
    check_choice,
    check_epsilon,
    check_not_negative,
    check_sample_weight,
    check_views,
)
from . import direct
from .choice import by_choice, differentiable
from .paths import PATHS, prefers_gram


@tf.autograph.experimental.do_not_convert
def barlow_twins_loss(
    z_a: tf.Tensor,
    z_b: tf.Tensor,
    *,
    lambda_: float | tf.Tensor | None = None,
    normalize_batch: bool = True,
    sample_weight: tf.Tensor | None = None,
    epsilon: float = 1e-6,
    ddof: float = 0,
    backend: str = "auto",
    path: str = "auto",
) -> tf.Tensor:
    """Distance of the cross-correlation of two views from the identity.

        Za, Zb = standardised views, C = Za^T diag(w) Zb / W
        loss = sum_i (1 - C_ii)^2  +  lambda * sum_{i != j} C_ij^2

    The variance is biased by default and has ``epsilon`` added; a constant feature standardises to
    0. A batch of one row, or without any weight, has the constant loss D and gradients 0. Half
    types are computed in float32. Only ratios of weights matter.

    The result is right, or not finite: where a variance, plus epsilon, is not in [2^-104, 2^90]
    (float64: [2^-832, 2^720]) the loss is NaN. Subnormal numbers count as 0 in TensorFlow.

    Args:
        z_a: ``[N, D]`` of float16, bfloat16, float32 or float64; N and D may be dynamic.
        z_b: the same shape and dtype.
        lambda_: weight of the redundancy-reduction term, a number, or a scalar tensor
            (differentiable, but not on the Numba backend); default ``1 / D``.
        normalize_batch: whether to standardise each feature over the batch.
        sample_weight: optional ``[N]``, finite and not negative (checked where the values are
            known); rows of weight 0 take no part, whatever they hold. A constant to
            differentiation.
        epsilon: added to the variances; positive.
        ddof: the variances divide by ``W - ddof``; C always divides by W.
        backend: "graph" (plain TensorFlow ops), "xla" (the same, compiled), "numba" (CPU; first
            derivatives only) or "auto", see kernels/context.py.
        path: "direct" (through the D x D matrix C), "gram" (through two N x N matrices) or "auto".

    Returns:
        Scalar tensor: float32 for half and float32 inputs, float64 for float64.

    Raises:
        TypeError: if the views do not share a supported dtype, or ``lambda_`` is a tensor that the
            Numba backend cannot read.
        ValueError: if shapes do not fit, epsilon is not positive, or a choice is unknown.

    Example:
        >>> z = tf.constant([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        >>> round(float(barlow_twins_loss(z, -z)), 4)
        8.0

    Source: Zbontar et al. 2021, https://arxiv.org/abs/2103.03230, equations 1 and 2.
    """
    tensors = checked(z_a, z_b, lambda_, sample_weight, epsilon, backend, path)
    z_a, z_b, scalar, sample_weight = tensors
    options = direct.Options(bool(normalize_batch), float(epsilon), float(ddof))
    if backend == "numba" and compiled_by_xla():
        raise ValueError('backend="numba" cannot run in a function compiled by XLA; give "auto"')
    rows, features = sizes(z_a)
    gram = prefers_gram(rows, features) if path == "auto" else path == "gram"
    few_rows = direct.few_rows(sample_weight, rows)
    if backend == "xla" and not compiled_by_xla():
        from .xla import barlow_twins_loss_xla  # on demand, as Numba

        return barlow_twins_loss_xla(*tensors, options, few_rows, gram)

    def on_host():
        from .numba.op import barlow_twins_loss_numba

        return barlow_twins_loss_numba(z_a, z_b, lambda_, sample_weight, options, path)

    def in_plain_ops(compute_dtype, module):
        return differentiable(compute_dtype, module, tensors, options)

    host = backend == "numba"
    if backend == "auto" and can_call_numba(lambda_):
        # Op by op, the plain ops take longer than the call whatever the size.
        host = tf.executing_eagerly() or pays_for_host_call(rows, features, gram)
    return by_choice(few_rows, gram, scalar.dtype, in_plain_ops, host=host, on_host=on_host)


def checked(
    z_a, z_b, lambda_, sample_weight, epsilon, backend, path
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor | None]:
    """``(z_a, z_b, lambda_, sample_weight)`` as tensors, of arguments of `barlow_twins_loss`.

    The views keep their dtype, lambda has the one of the loss, the weights are float64. Raises as
    that function does.
    """
    z_a, z_b = tf.convert_to_tensor(z_a), tf.convert_to_tensor(z_b)
    check_views(z_a, z_b)
    check_epsilon(epsilon)
    check_choice("backend", backend, BACKENDS)
    check_choice("path", path, PATHS)
    dtype = tf.float64 if z_a.dtype == tf.float64 else tf.float32
    if sample_weight is not None:
        sample_weight = tf.stop_gradient(_as_tensor(sample_weight, tf.float64))
        check_sample_weight(sample_weight, z_a.shape[0])
        if tf.executing_eagerly():  # in a graph the values are not known
            check_not_negative(sample_weight.numpy())
    if lambda_ is None:
        lambda_ = 1 / tf.cast(sizes(z_a)[1], dtype)
    lambda_ = _as_tensor(lambda_, dtype)
    if lambda_.shape.rank != 0:
        raise ValueError(f"expected lambda_ to be a scalar (got shape {lambda_.shape})")
    return z_a, z_b, lambda_, sample_weight


def _as_tensor(value, dtype):
    """Python numbers go to the dtype at once: by way of TensorFlow's float32 they lose digits."""
    return tf.cast(value, dtype) if tf.is_tensor(value) else tf.convert_to_tensor(value, dtype)
