"""Features and modes for the tests of corruption, and comparison bit for bit."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import tensorflow as tf

FLOATS = ("float16", "bfloat16", "float32", "float64")
ALL_DTYPES = (*FLOATS, "int32", "int64", "string")
MODES = ("eager", "graph", "xla")
KEY = 0x9E3779B97F4A7C15


def make_value(shape, dtype, seed=0):
    """A dense tensor of the dtype, entries of both signs and all different."""
    size = int(np.prod(shape))
    numbers = np.random.default_rng([seed, size]).permutation(size) - size // 2 + 0.25
    if dtype == "string":
        return tf.constant([f"row {x}" for x in numbers], tf.string, shape)
    return tf.reshape(tf.cast(numbers, dtype), shape)


def make_ragged(dtype, ragged_rank=1, splits=tf.int64):
    """Five rows, some empty, of one or two ragged dimensions."""
    value = tf.RaggedTensor.from_row_splits(
        make_value((13,), dtype), tf.constant([0, 2, 2, 5, 6, 6, 13], splits)
    )
    if ragged_rank == 2:
        value = tf.RaggedTensor.from_row_splits(value, tf.constant([0, 3, 3, 4, 6, 6], splits))
    return value


def as_reference(value):
    """The NumPy form of a tensor: an array or `reference.Ragged`."""
    if isinstance(value, tf.RaggedTensor):
        return reference.Ragged(as_reference(value.values), value.row_splits.numpy())
    return value.numpy()


def assert_same_bits(actual, expected):
    """Equal type, dtype, shape and bits; signs of zeros count."""
    if isinstance(expected, reference.Ragged):
        assert isinstance(actual, tf.RaggedTensor)
        assert_same_bits(actual.row_splits, expected.row_splits)
        assert_same_bits(actual.values, expected.values)
        return
    actual = actual.numpy()
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    if actual.dtype == object:
        np.testing.assert_array_equal(actual, expected)
    else:
        assert actual.tobytes() == expected.tobytes(), f"{actual} is not {expected}"


def in_mode(function, mode, *arguments, dynamic=False):
    """Calls the function eagerly, as a graph, or compiled by XLA.

    Args:
        function: of tensors, to a structure of tensors.
        mode: "eager", "graph" or "xla".
        *arguments: tensors.
        dynamic: trace with unknown numbers of rows.
    """
    if mode == "eager":
        return function(*arguments)
    signature = [relaxed(argument) if dynamic else spec_of(argument) for argument in arguments]
    return tf.function(
        function, input_signature=signature, jit_compile=mode == "xla", autograph=False
    )(*arguments)


def spec_of(value):
    return tf.type_spec_from_value(value)


def relaxed(value):
    """The spec of the value with an unknown number of rows."""
    spec = spec_of(value)
    if spec.shape.rank == 0:
        return spec
    shape = [None, *spec.shape[1:]]
    if isinstance(value, tf.RaggedTensor):
        return tf.RaggedTensorSpec(shape, spec.dtype, spec.ragged_rank, spec.row_splits_dtype)
    return tf.TensorSpec(shape, spec.dtype)


def as_key(key):
    return tf.constant(key, tf.uint64)
