"""How the graph and XLA backends carry out a choice of dtype and path, and pair both passes."""

from __future__ import annotations

import functools

import tensorflow as tf

from . import loss_graph, loss_graph_gram


def by_choice(few_rows, gram, dtype, function):
    """``function(compute dtype, module)`` for the choice that holds.

    Args:
        few_rows: whether to compute in float64; a bool, or a tensor if it depends on the batch.
        gram: whether to take the gram path; likewise.
        dtype: what to compute in otherwise.
        function: called with a dtype and loss_graph or loss_graph_gram; in a graph once for each
            choice that is still open.
    """
    choices = [(dtype, loss_graph), (dtype, loss_graph_gram)]
    choices += [(tf.float64, module) for _, module in choices]
    if not tf.is_tensor(few_rows) and not tf.is_tensor(gram):
        return function(*choices[2 * bool(few_rows) + bool(gram)])
    # One level of branches: TensorFlow cannot differentiate custom gradients in nested ones.
    index = 2 * tf.cast(few_rows, tf.int32) + tf.cast(gram, tf.int32)
    return tf.switch_case(index, [functools.partial(function, *choice) for choice in choices])


def differentiable(forward, backward):
    """The loss as a function of ``(z_a, z_b, lambda_, sample_weight)`` with its analytic gradient.

    Args:
        forward: see `loss_graph.forward`, without options.
        backward: see `loss_graph.backward`, without options.
    """

    def loss(z_a, z_b, lambda_, sample_weight):
        @tf.custom_gradient
        def loss_fn(z_a, z_b, lambda_):
            loss, residuals = forward(z_a, z_b, lambda_, sample_weight)

            def gradient_fn(upstream):
                grad_a, grad_b = backward(
                    z_a, z_b, lambda_, sample_weight, residuals=residuals, upstream=upstream
                )
                return grad_a, grad_b, upstream * residuals.redundancy

            return loss, gradient_fn

        return loss_fn(z_a, z_b, lambda_)

    return loss
