"""The "xla" backend: the graph backend's functions, compiled.

XLA compiles one program per shape. Where the number of rows is not static, a batch is padded with
rows of weight 0 to the next of eight sizes per power of two, so at most 8 log2(N) programs are ever
compiled, and at most one row in eight is padding. Rows of weight 0 take no part in the loss, so the
result is that of the batch. A static number of rows is compiled as it is.

Where dtype and path are known while tracing, loss and gradients are two programs, and the second
runs only if gradients are asked for. Otherwise the choice is made inside one program that computes
both: TensorFlow cannot differentiate compiled functions in the branches of a `tf.cond`.

Inside a function that XLA compiles anyway entry.py does not come here: the plain ops become part of
the surrounding program.
"""

from __future__ import annotations

import functools
import math

import tensorflow as tf

from . import direct as direct_path
from . import gram as gram_path
from .choice import by_choice, cast_views, differentiable

_SIZES_PER_OCTAVE = 8
_SMALLEST_BUCKET = 8


def bucket_rows(rows: int) -> int:
    """The padded number of rows: the next multiple of an eighth of the power of two below.

    >>> [bucket_rows(n) for n in (1, 8, 9, 100, 1000, 1024, 1025)]
    [8, 8, 9, 104, 1024, 1024, 1152]
    """
    if rows <= _SMALLEST_BUCKET:
        return _SMALLEST_BUCKET
    step = max(2 ** int(math.log2(rows)) // _SIZES_PER_OCTAVE, 1)
    return -(-rows // step) * step


def barlow_twins_loss_xla(z_a, z_b, lambda_, sample_weight, options, few_rows, gram) -> tf.Tensor:
    """See `entry.barlow_twins_loss`, which has validated the arguments, and `by_choice`."""
    dtype = lambda_.dtype
    if tf.executing_eagerly() or z_a.shape[0] is None:
        z_a, z_b, sample_weight = _pad_rows(z_a, z_b, sample_weight)
    if tf.executing_eagerly():  # the choice is known after all
        few_rows = bool(few_rows)
    if not (tf.is_tensor(few_rows) or tf.is_tensor(gram)):
        compute_dtype, module = (
            tf.float64 if few_rows else dtype,
            gram_path if gram else direct_path,
        )
        tensors = (z_a, z_b, lambda_, sample_weight)
        return differentiable(compute_dtype, module, tensors, options, _compiled)
    choice = tf.convert_to_tensor(few_rows), tf.convert_to_tensor(gram)

    @tf.custom_gradient
    def loss_fn(z_a, z_b, lambda_):
        compiled = _compiled_by_choice(options, dtype)
        loss, *grads, redundancy = compiled(z_a, z_b, lambda_, sample_weight, *choice)

        def gradient_fn(upstream):
            # Half types are rounded once, at the very end.
            scaled = (tf.cast(upstream * grad, z_a.dtype) for grad in grads)
            return *scaled, upstream * redundancy

        return loss, gradient_fn

    return loss_fn(z_a, z_b, lambda_)


@functools.cache
def _compiled(function, options):
    """A compiled `forward` or `backward` of direct.py or gram.py."""
    return tf.function(functools.partial(function, options=options), jit_compile=True)


@functools.cache
def _compiled_by_choice(options, dtype):
    """A compiled function from tensors and choice to loss, both gradients, redundancy term."""

    def loss_and_gradients(z_a, z_b, lambda_, sample_weight, few_rows, gram):
        def compute(compute_dtype, module):
            tensors = cast_views((z_a, z_b, lambda_, sample_weight), compute_dtype)
            loss, residuals = module.forward(*tensors, options)
            grads = module.backward(*tensors, options, residuals, tf.ones([], compute_dtype))
            return tuple(tf.cast(x, dtype) for x in (loss, *grads, residuals.redundancy))

        return by_choice(few_rows, gram, dtype, compute, host=False)

    return tf.function(loss_and_gradients, jit_compile=True)


def _pad_rows(z_a, z_b, sample_weight):
    """Views and weights with as many rows as `bucket_rows` says."""
    rows = tf.shape(z_a)[0]
    if sample_weight is None:
        sample_weight = tf.ones([rows], tf.float64)
    bucket = bucket_rows(int(rows)) if tf.executing_eagerly() else _bucket_tensor(rows)
    padding = [[0, bucket - rows]]
    z_a, z_b = (tf.pad(z, [*padding, [0, 0]]) for z in (z_a, z_b))
    return z_a, z_b, tf.pad(sample_weight, padding)


def _bucket_tensor(rows):
    """`bucket_rows` in TensorFlow ops."""
    # A little up, so that the logarithm of a power of two does not come out below its integer.
    log2 = tf.math.log(tf.cast(tf.maximum(rows, 1), tf.float64)) / math.log(2) + 1e-12
    step = tf.maximum(tf.bitwise.left_shift(1, tf.cast(log2, tf.int32)) // _SIZES_PER_OCTAVE, 1)
    return tf.where(rows <= _SMALLEST_BUCKET, _SMALLEST_BUCKET, -(-rows // step) * step)
