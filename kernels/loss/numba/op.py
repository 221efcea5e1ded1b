"""The Numba backend as a TensorFlow op with a gradient, by way of `tf.numpy_function`.

In a graph one host call computes the loss and both gradients: calling the host twice, with the
residuals in between, cost a training step more than it saved an evaluation step. A loss whose
gradient nobody asks for therefore costs three times what it has to; give backend="graph" where that
matters. Eagerly the residuals wait in Python until a gradient is asked for.
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

    def forward(a, b, *w):
        loss, residuals = entry.forward(a, b, sample_weight=w[0] if w else None, **keywords)
        # Half types are rounded once, after the upstream gradient.
        return loss, dataclasses.replace(residuals, dtype=dtype.as_numpy_dtype)

    def both(*views):
        loss, residuals = forward(*views)
        return loss, *entry.backward(residuals)

    @tf.custom_gradient
    def eager_loss(z_a, z_b):
        loss, residuals = forward(*(tensor.numpy() for tensor in (z_a, z_b, *weights)))

        def gradients(upstream):
            def backward(value):
                return entry.backward(residuals, value)

            return tf.numpy_function(backward, [upstream], [dtype] * 2, stateful=False)

        return tf.constant(loss), _only_once(gradients, z_a, z_b)

    @tf.custom_gradient
    def loss_in_graph(z_a, z_b):
        loss, grad_a, grad_b = tf.numpy_function(
            both, [z_a, z_b, *weights], [dtype] * 3, stateful=False
        )
        loss.set_shape([])

        def gradients(upstream):
            # Nearly always 1, which saves a pass over both gradients.
            return tf.cond(
                tf.equal(upstream, 1),
                lambda: (tf.identity(grad_a), tf.identity(grad_b)),
                lambda: (upstream * grad_a, upstream * grad_b),
            )

        return loss, _only_once(gradients, z_a, z_b)

    return (eager_loss if tf.executing_eagerly() else loss_in_graph)(z_a, z_b)


def _only_once(gradients, z_a, z_b):
    """A gradient function of the upstream gradient that has none itself, in the views' form."""

    @tf.custom_gradient
    def once(upstream, z_a, z_b):
        found = gradients(upstream)
        for gradient in found:
            gradient.set_shape(z_a.shape)
        return tuple(tf.cast(one, z_a.dtype) for one in found), _no_second_derivative

    return lambda upstream: once(upstream, z_a, z_b)


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
