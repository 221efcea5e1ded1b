"""The Numba backend as a TensorFlow op with a gradient, by way of `tf.numpy_function`.

Two host calls: one for the loss, one for both gradients, which runs only if they are asked for.
Between them the residuals travel as tensors, so TensorFlow owns their memory and frees it.
"""

from __future__ import annotations

import tensorflow as tf

from . import loss_numba
from .loss_numba_packing import PACKED_DTYPES, pack, unpack


def barlow_twins_loss_numba(z_a, z_b, lambda_, sample_weight, options, path) -> tf.Tensor:
    """See `loss.barlow_twins_loss`, which has validated the arguments."""
    dtype = tf.float64 if z_a.dtype == tf.float64 else tf.float32
    keywords = {
        "lambda_": _as_number(lambda_),
        "normalize_batch": options.normalize_batch,
        "epsilon": options.epsilon,
        "ddof": options.ddof,
        "path": path,
    }
    weights = () if sample_weight is None else (sample_weight,)

    def host_forward(a, b, *w):
        loss, residuals = loss_numba.forward(a, b, sample_weight=w[0] if w else None, **keywords)
        return loss, *pack(residuals)

    def host_backward(upstream, a, b, *packed):
        return loss_numba.backward(unpack(packed, a, b), float(upstream))

    @tf.custom_gradient
    def loss_fn(z_a, z_b):
        loss, *packed = tf.numpy_function(
            host_forward, [z_a, z_b, *weights], [dtype, *PACKED_DTYPES], stateful=False
        )
        loss.set_shape([])

        @tf.custom_gradient
        def gradients(upstream, z_a, z_b):
            results = tf.numpy_function(
                host_backward, [upstream, z_a, z_b, *packed], [z_a.dtype] * 2, stateful=False
            )
            for result in results:
                result.set_shape(z_a.shape)
            return tuple(results), _no_second_derivative

        return loss, lambda upstream: gradients(upstream, z_a, z_b)

    return loss_fn(z_a, z_b)


def _no_second_derivative(*_):
    raise NotImplementedError(
        'The "numba" backend of barlow_twins_loss has no second derivative; give backend="graph" or'
        ' backend="xla".'
    )


def _as_number(lambda_):
    if lambda_ is None or not tf.is_tensor(lambda_):
        return lambda_
    value = tf.get_static_value(lambda_)
    if value is None:
        raise TypeError(
            'backend="numba" expects lambda_ to be a number (got a tensor whose value is not known'
            ' yet); give backend="graph" or backend="xla"'
        )
    return float(value)
