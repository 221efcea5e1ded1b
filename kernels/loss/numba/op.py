"""The Numba backend as a TensorFlow op with a gradient, by way of `tf.numpy_function`.

One host call computes the loss and both gradients: calling the host twice, with the residuals in
between, cost a training step more than it saved an evaluation step. A loss whose gradient nobody
asks for therefore costs three times what it has to; give backend="graph" where that matters.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from . import entry


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

    def on_host(a, b, *w):
        loss, residuals = entry.forward(a, b, sample_weight=w[0] if w else None, **keywords)
        # Half types are rounded once, after the upstream gradient.
        residuals = dataclasses.replace(residuals, dtype=dtype.as_numpy_dtype)
        return loss, *entry.backward(residuals)

    @tf.custom_gradient
    def loss_fn(z_a, z_b):
        loss, grad_a, grad_b = tf.numpy_function(
            on_host, [z_a, z_b, *weights], [dtype] * 3, stateful=False
        )
        loss.set_shape([])
        grad_a.set_shape(z_a.shape)
        grad_b.set_shape(z_b.shape)

        @tf.custom_gradient
        def gradients(upstream, z_a, z_b):
            # Nearly always 1, which saves a pass over both gradients.
            scaled = tf.cond(
                tf.equal(upstream, 1),
                lambda: (tf.identity(grad_a), tf.identity(grad_b)),
                lambda: (upstream * grad_a, upstream * grad_b),
            )
            return tuple(tf.cast(grad, z_a.dtype) for grad in scaled), _no_second_derivative

        return loss, lambda upstream: gradients(upstream, z_a, z_b)

    return loss_fn(z_a, z_b)


def _no_second_derivative(*_):
    raise NotImplementedError(
        'The "numba" backend of barlow_twins_loss has no second derivative; give backend="graph" or'
        ' backend="xla".'
    )


def _as_number(lambda_):
    if not tf.is_tensor(lambda_):  # None stays
        return lambda_
    value = tf.get_static_value(lambda_)
    if value is None:
        raise TypeError(
            'backend="numba" expects lambda_ to be a number (got a tensor whose value is not known'
            ' yet); give backend="graph" or backend="xla"'
        )
    return float(value)
