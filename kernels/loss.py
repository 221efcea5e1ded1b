"""The Barlow Twins loss of two views, differentiable in TensorFlow: the public entry.

Validates, casts, and hands over to a backend. Mathematics: reference/loss.py, docs/derivation.md.
"""

from __future__ import annotations

import tensorflow as tf

from .loss_graph import barlow_twins_loss_direct
from .validation import check_choice, check_epsilon, check_sample_weight, check_views

BACKENDS = ("auto", "graph")
PATHS = ("auto", "direct")


def barlow_twins_loss(
    z_a,
    z_b,
    *,
    lambda_=None,
    normalize_batch: bool = True,
    sample_weight=None,
    epsilon: float = 1e-6,
    ddof: float = 0,
    backend: str = "auto",
    path: str = "auto",
) -> tf.Tensor:
    """Distance of the cross-correlation of two views from the identity.

        Za, Zb = standardised views, C = Za^T diag(w) Zb / W
        loss = sum_i (1 - C_ii)^2  +  lambda * sum_{i != j} C_ij^2

    The variance is biased by default and has ``epsilon`` added; a constant feature standardises to
    0. A batch of one row has the constant loss D and gradients 0. Half types are computed in
    float32.

    Args:
        z_a: ``[N, D]`` of float16, bfloat16, float32 or float64; N may be dynamic.
        z_b: the same shape and dtype.
        lambda_: weight of the redundancy-reduction term, float or scalar tensor (differentiable);
            default ``1 / D``.
        normalize_batch: whether to standardise each feature over the batch.
        sample_weight: optional ``[N]``, not negative (not checked); rows of weight 0 take no part,
            whatever they hold. A constant to differentiation.
        epsilon: added to the variances; positive.
        ddof: the variances divide by ``W - ddof``; C always divides by W.
        backend: "auto" or "graph" (plain TensorFlow ops).
        path: "auto" or "direct" (through the D x D matrix C).

    Returns:
        Scalar tensor: float32 for half and float32 inputs, float64 for float64.

    Raises:
        TypeError: if the views do not share a supported dtype.
        ValueError: if shapes do not fit, epsilon is not positive, or a choice is unknown.

    Example:
        >>> z = tf.constant([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        >>> round(float(barlow_twins_loss(z, -z)), 4)
        8.0

    Source: Zbontar et al. 2021, https://arxiv.org/abs/2103.03230, equations 1 and 2.
    """
    z_a, z_b = tf.convert_to_tensor(z_a), tf.convert_to_tensor(z_b)
    check_views(z_a, z_b)
    check_epsilon(epsilon)
    check_choice("backend", backend, BACKENDS)
    check_choice("path", path, PATHS)
    dtype = tf.float64 if z_a.dtype == tf.float64 else tf.float32
    if sample_weight is not None:
        sample_weight = _as_tensor(sample_weight, dtype)
        check_sample_weight(sample_weight, z_a.shape[0])
    if lambda_ is None:
        lambda_ = 1 / tf.cast(tf.shape(z_a)[1], dtype)
    lambda_ = _as_tensor(lambda_, dtype)

    def loss_in(compute_dtype):
        loss = barlow_twins_loss_direct(
            tf.cast(z_a, compute_dtype),
            tf.cast(z_b, compute_dtype),
            tf.cast(lambda_, compute_dtype),
            None if sample_weight is None else tf.cast(sample_weight, compute_dtype),
            normalize_batch=normalize_batch,
            epsilon=epsilon,
            ddof=ddof,
        )
        return tf.cast(loss, dtype)

    # The gradients of a batch of two rows are projected along its only direction, which leaves
    # epsilon / var of the operands: in float32 that would be rounding error and nothing else.
    if sample_weight is not None:
        few_rows = tf.math.count_nonzero(sample_weight) <= 2
    elif z_a.shape[0] is None:
        few_rows = tf.shape(z_a)[0] <= 2
    else:
        return loss_in(tf.float64 if z_a.shape[0] <= 2 else dtype)
    return tf.cond(few_rows, lambda: loss_in(tf.float64), lambda: loss_in(dtype))


def _as_tensor(value, dtype):
    """Python numbers go to the dtype at once: by way of TensorFlow's float32 they lose digits."""
    return tf.cast(value, dtype) if tf.is_tensor(value) else tf.convert_to_tensor(value, dtype)
