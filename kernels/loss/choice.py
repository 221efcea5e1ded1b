"""How the graph and XLA backends carry out a choice of dtype and path, and pair both passes."""

from __future__ import annotations

import functools
from itertools import product

import tensorflow as tf

from . import direct as direct_path
from . import gram as gram_path


def by_choice(few_rows, gram, dtype, function, *, host, on_host=None):
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
    if host is True:
        return on_host()
    dtypes, dtype_index = _open((dtype, tf.float64), few_rows)
    modules, module_index = _open((direct_path, gram_path), gram)
    branches = [functools.partial(function, *choice) for choice in product(dtypes, modules)]
    # One level of branches: TensorFlow cannot differentiate custom gradients in nested ones.
    index = len(modules) * dtype_index + module_index
    if tf.is_tensor(host):
        index = tf.where(host, len(branches), index)
        branches.append(on_host)
    return tf.switch_case(index, branches) if tf.is_tensor(index) else branches[index]()


def _open(choices, second):
    """Those of two choices that can still be taken, and the index of the one that is."""
    if tf.is_tensor(second):
        return choices, tf.cast(second, tf.int32)
    return choices[second : second + 1], 0


def differentiable(compute_dtype, module, tensors, options, prepare=functools.partial) -> tf.Tensor:
    """The loss with its analytic gradient, in the dtype of lambda.

    Args:
        compute_dtype: what to compute in.
        module: `direct` or `gram`.
        tensors: ``(z_a, z_b, lambda_, sample_weight)``, the last of which may be None.
        options: see `direct.Options`.
        prepare: what makes a function of tensors out of one of the module's and ``options=``.
    """
    forward = prepare(module.forward, options=options)
    backward = prepare(module.backward, options=options)
    *inputs, sample_weight = cast_views(tensors, compute_dtype)

    @tf.custom_gradient
    def loss_fn(*inputs):
        loss, residuals = forward(*inputs, sample_weight)

        def gradient_fn(upstream):
            grads = backward(*inputs, sample_weight, residuals=residuals, upstream=upstream)
            return *grads, upstream * residuals.redundancy

        return loss, gradient_fn

    return tf.cast(loss_fn(*inputs), tensors[2].dtype)


def cast_views(tensors, dtype) -> list[tf.Tensor | None]:
    """The tensors of `differentiable` to compute in a dtype: all but the weights are cast."""
    *inputs, sample_weight = tensors
    return [*(tf.cast(tensor, dtype) for tensor in inputs), sample_weight]
