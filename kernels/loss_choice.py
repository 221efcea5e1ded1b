"""How the graph and XLA backends carry out a choice of dtype and path, and pair both passes."""

from __future__ import annotations

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

    def by_path(compute_dtype):
        return _cond(
            gram,
            lambda: function(compute_dtype, loss_graph_gram),
            lambda: function(compute_dtype, loss_graph),
        )

    return _cond(few_rows, lambda: by_path(tf.float64), lambda: by_path(dtype))


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


def _cond(condition, true_fn, false_fn):
    if not tf.is_tensor(condition):
        return true_fn() if condition else false_fn()
    return tf.cond(condition, true_fn, false_fn)
