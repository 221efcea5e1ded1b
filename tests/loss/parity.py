"""The loss in every mode of execution, and its comparison with reference/."""

import functools

import numpy as np
import tensorflow as tf
from graph_barlow_twins import reference
from graph_barlow_twins.kernels.loss.entry import barlow_twins_loss

from tests.tolerances import tolerance
from tests.views import make_views as make_arrays

EAGER = ("graph", "numba")  # backends that compile nothing for a shape
SHAPES = ((0, 5), (1, 7), (2, 1), (2, 33), (3, 2), (33, 63), (63, 33), (128, 257))
UPSTREAM_GRADIENT = 2.5  # other than 1, so that a kernel which forgets it is caught


def make_views(rows, features, dtype="float32", **options):
    return [tf.constant(z) for z in make_arrays(rows, features, dtype, **options)]


def compute(z_a, z_b, sample_weight=None, **options):
    with tf.GradientTape() as tape:
        tape.watch([z_a, z_b])
        loss = barlow_twins_loss(z_a, z_b, sample_weight=sample_weight, **options)
        loss = UPSTREAM_GRADIENT * loss
    return loss, *tape.gradient(loss, [z_a, z_b])


@functools.cache
def traced(mode, shape, dtype, weighted, options):
    """`compute` as a graph; traced once for all calls with the same arguments."""
    signature = [tf.TensorSpec(shape, dtype)] * 2
    if weighted:
        signature.append(tf.TensorSpec(shape[:1], tf.float64))
    function = functools.partial(compute, **dict(options))
    return tf.function(
        function, input_signature=signature, jit_compile=mode == "xla", autograph=False
    )


def loss_and_gradients(z_a, z_b, mode="eager", sample_weight=None, dynamic=True, **options):
    """The loss times UPSTREAM_GRADIENT, and its gradients, in one mode of execution.

    With "graph" shapes are dynamic unless told otherwise; with "xla", compiled in one program, not.
    """
    if mode == "eager":
        return compute(z_a, z_b, sample_weight, **options)
    shape = (None, None) if dynamic and mode == "graph" else tuple(z_a.shape)
    weights = [] if sample_weight is None else [tf.constant(sample_weight, tf.float64)]
    key = (mode, shape, z_a.dtype, bool(weights), tuple(options.items()))
    return traced(*key)(z_a, z_b, *weights)


def assert_parity(z_a, z_b, result, path="direct", **options):
    """Dtypes and shapes first, then values, against reference/ on the very same inputs."""
    loss, grad_a, grad_b = result
    assert loss.dtype == (tf.float64 if z_a.dtype == tf.float64 else tf.float32)
    assert loss.shape == ()
    for grad in (grad_a, grad_b):
        assert grad.dtype == z_a.dtype
        assert grad.shape == z_a.shape
    inputs = [tf.cast(z, tf.float64).numpy() for z in (z_a, z_b)]
    expected = reference.barlow_twins_loss_and_gradients(*inputs, **options)
    weights = options.get("sample_weight")
    rows = np.count_nonzero(np.ones(len(z_a)) if weights is None else weights)
    allowed = tolerance(z_a.dtype.name, path, rows=rows)
    assert abs(float(loss) / UPSTREAM_GRADIENT - expected[0]) <= allowed.loss * max(expected[0], 1)
    for name, grad, reference_grad in zip(
        ("z_a", "z_b"), (grad_a, grad_b), expected[1:], strict=True
    ):
        grad = tf.cast(grad, tf.float64).numpy() / UPSTREAM_GRADIENT
        scale = np.abs(reference_grad).max(initial=0)
        error = np.abs(grad - reference_grad).max(initial=0)
        # Entries below the smallest subnormal number of float16 round to zero.
        floor = 6e-8 if z_a.dtype == tf.float16 else 0.0
        assert error <= allowed.gradient * scale + floor, f"gradient of {name}"
