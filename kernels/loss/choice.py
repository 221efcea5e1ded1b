"""How the graph and XLA backends carry out a choice of dtype and path, and pair both passes."""

from __future__ import annotations

import functools
from itertools import product

import tensorflow as tf

from . import direct as direct_path
from . import gram as gram_path


def by_choice(few_rows, gram, dtype, function, *, host=False, on_host=None):
    """``on_host()``, or ``function(compute dtype, module)``, whichever is chosen.

    Each condition is a bool, or a bool tensor if it depends on the batch; then the graph has a
    branch for every choice that is open.

    Args:
        few_rows: whether to compute in float64.
        gram: whether to take the gram path.
        dtype: what to compute in otherwise.
        function: called with a dtype and the module `direct` or `gram`.
        host: whether to call ``on_host`` instead.
        on_host: the alternative.
    """
    dtypes, modules = (dtype, tf.float64), (direct_path, gram_path)
    branches = [functools.partial(function, *choice) for choice in product(dtypes, modules)]
    if on_host is not None:
        branches.append(on_host)
    if not any(tf.is_tensor(condition) for condition in (few_rows, gram, host)):
        return branches[-1 if host else 2 * few_rows + gram]()
    if host is True:
        return on_host()
    # One level of branches: TensorFlow cannot differentiate custom gradients in nested ones.
    index = 2 * tf.cast(few_rows, tf.int32) + tf.cast(gram, tf.int32)
    if tf.is_tensor(host):
        index = tf.where(host, len(branches) - 1, index)
    else:
        branches = branches[:4]
    return tf.switch_case(index, branches)


def differentiable(forward, backward):
    """The loss as a function of ``(z_a, z_b, lambda_, sample_weight)`` with its analytic gradient.

    Args:
        forward: see `direct.forward`, without options.
        backward: see `direct.backward`, without options.
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
