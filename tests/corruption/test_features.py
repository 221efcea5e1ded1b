"""kernels/corruption bit for bit equal to reference/corruption."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.kernels.corruption import features as kernels
from graph_barlow_twins.kernels.corruption import graph as graph_kernels
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corruption.values import (
    ALL_DTYPES,
    FLOATS,
    KEY,
    as_reference,
    assert_same_bits,
    in_mode,
    make_ragged,
    make_value,
)

RATES = (0.0, 0.1, 0.5, 1.0)
SHAPES = ((0, 3), (1, 4), (7,), (63, 5), (5, 2, 3), (6, 0))

OPERATIONS = {
    "shuffle": (kernels.shuffle_rows, reference.shuffle_rows),
    "dropout": (kernels.dropout, reference.dropout),
    "mask": (kernels.mask_columns, reference.mask_columns),
}
# Which dtypes each operation has a meaning for.
CASES = [("shuffle", dtype) for dtype in ALL_DTYPES] + [
    (operation, dtype) for operation in ("dropout", "mask") for dtype in FLOATS
]


def check(operation, value, rate, key=KEY, mode="eager", dynamic=False):
    ours, theirs = OPERATIONS[operation]
    actual = in_mode(
        lambda v, k: ours(v, rate, k), mode, value, tf.constant(key, tf.uint64), dynamic=dynamic
    )
    expected = theirs(as_reference(value), rate, key)
    assert_same_bits(actual, expected)
    return actual


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("operation", "dtype"), CASES)
def test_dense(operation, dtype, rate):
    for shape in SHAPES:
        check(operation, make_value(shape, dtype), rate)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_dense_in_a_graph(operation, rate, dynamic):
    for shape in ((0, 3), (1, 4), (63, 5), (5, 2, 3)):
        check(operation, make_value(shape, "float32"), rate, mode="graph", dynamic=dynamic)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("operation", "dtype"), [case for case in CASES if case[1] not in ("string", "int32")]
)
def test_dense_under_xla(operation, dtype, rate):
    check(operation, make_value((63, 5), dtype), rate, mode="xla")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_awkward_shapes_under_xla(operation):
    for shape in ((0, 3), (1, 4), (7,), (5, 2, 3), (6, 0)):
        check(operation, make_value(shape, "float32"), 0.5, mode="xla")


@pytest.mark.parametrize("ragged_rank", [1, 2])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("operation", "dtype"), [case for case in CASES if case[0] in ("shuffle", "dropout")]
)
def test_ragged(operation, dtype, rate, ragged_rank):
    check(operation, make_ragged(dtype, ragged_rank), rate)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("ragged_rank", [1, 2])
@pytest.mark.parametrize("operation", ["shuffle", "dropout"])
def test_ragged_in_a_graph(operation, ragged_rank, dynamic):
    for rate in (0.5, 1.0):
        value = make_ragged("float32", ragged_rank)
        check(operation, value, rate, mode="graph", dynamic=dynamic)


@pytest.mark.parametrize("operation", ["shuffle", "dropout"])
def test_ragged_row_splits_keep_their_dtype(operation):
    result = check(operation, make_ragged("float32", splits=tf.int32), 0.5)
    assert result.row_splits.dtype == tf.int32


@pytest.mark.parametrize(("rate", "rows"), [(0.14, 50), (0.28, 25), (0.07, 100), (0.55, 100)])
def test_shuffled_share_is_exact_in_spite_of_rounding(rate, rows):
    """0.14 * 50 is 7.000000000000001 in floating point: still 7 rows, static or dynamic."""
    count = round(rate * rows)
    assert rate * rows > count
    value = make_value((rows,), "int64")
    chosen = np.sort(reference.permutation(KEY, rows)[:count])
    left = np.setdiff1d(np.arange(rows), chosen)
    for mode, dynamic in (("eager", False), ("graph", True), ("xla", False)):
        shuffled = check("shuffle", value, rate, mode=mode, dynamic=dynamic)
        np.testing.assert_array_equal(shuffled.numpy()[left], value.numpy()[left])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_does_something_and_follows_the_key(operation):
    value = make_value((63, 20), "float32")
    results = [check(operation, value, 0.5, key).numpy() for key in (0, 1, 2**32, 2**64 - 1)]
    for i, result in enumerate(results):
        assert np.any(result != value.numpy())
        assert all(np.any(result != other) for other in results[:i])


@pytest.mark.parametrize("dtype", FLOATS)
def test_dropout_scale_is_rounded_once(dtype):
    """1 / (1 - rate) just above the middle of two numbers of a half type: up, not to even."""
    digits = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}[dtype]
    scale = 1 + 2.0**-digits + 2.0**-40
    rate = 1 - 1 / scale
    for rounded in (rate, np.nextafter(rate, 1)):
        check("dropout", make_value((63,), dtype), rounded)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # infinity times 0, in NumPy
@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
@pytest.mark.parametrize("operation", ["dropout", "mask"])
def test_dropped_nan_and_infinity_are_zero(operation, mode):
    value = tf.constant([[np.nan, np.inf, -np.inf, -1.0]])
    check(operation, value, 1.0, mode=mode)


def test_rate_zero_is_the_identity():
    for operation, dtype in CASES:
        value = make_value((5, 2), dtype)
        assert_same_bits(check(operation, value, 0.0), as_reference(value))


# drop_edges


def check_drop_edges(sizes, rate, key=KEY, mode="eager", dtype="int32"):
    sizes = tf.constant(sizes, dtype)

    def function(sizes, key):
        dropped = graph_kernels.dropped_rows(key, tf.cast(tf.reduce_sum(sizes), tf.int32), rate)
        return graph_kernels.remove_rows(tf.logical_not(dropped), sizes)

    rows, kept_sizes = in_mode(function, mode, sizes, tf.constant(key, tf.uint64), dynamic=True)
    edges = np.arange(int(np.sum(sizes)))
    expected_rows, _, _, expected_sizes = reference.drop_edges(
        edges, edges, rate, key, sizes=sizes.numpy()
    )
    assert rows.dtype == tf.int64
    np.testing.assert_array_equal(rows, expected_rows)
    assert_same_bits(kept_sizes, expected_sizes)
    return rows


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("mode", ["eager", "graph"])
@pytest.mark.parametrize("rate", RATES)
def test_drop_edges(rate, mode, dtype):
    for sizes in ([0], [1], [1000], [3, 0, 63, 5], [0, 0]):
        rows = check_drop_edges(sizes, rate, mode=mode, dtype=dtype)
        if rate in (0, 1):
            assert len(rows) == (1 - rate) * sum(sizes)


# Any input: hypothesis looks for the awkward ones.

keys = st.integers(0, 2**64 - 1)
rates = st.floats(0, 1)
any_case = settings(derandomize=True, deadline=None, max_examples=80)


@any_case
@given(
    case=st.sampled_from(CASES),
    shape=st.tuples(st.integers(0, 12), st.integers(0, 4)),
    rate=rates,
    key=keys,
)
def test_any_dense_value(case, shape, rate, key):
    operation, dtype = case
    check(operation, make_value(shape, dtype), rate, key)


@any_case
@given(
    case=st.sampled_from([case for case in CASES if case[0] != "mask"]),
    lengths=st.lists(st.integers(0, 4), max_size=10),
    rate=rates,
    key=keys,
)
def test_any_ragged_value(case, lengths, rate, key):
    operation, dtype = case
    value = tf.RaggedTensor.from_row_lengths(
        make_value((sum(lengths),), dtype), tf.constant(lengths, tf.int64)
    )
    check(operation, value, rate, key)


@any_case
@given(sizes=st.lists(st.integers(0, 20), min_size=1, max_size=5), rate=rates, key=keys)
def test_any_edge_sizes(sizes, rate, key):
    check_drop_edges(sizes, rate, key)


@any_case
@given(rate=st.floats(1, 1e9, exclude_min=True) | st.floats(-1e9, 0, exclude_max=True))
def test_any_rate_outside_the_unit_interval(rate):
    key = tf.constant(KEY, tf.uint64)
    for ours, theirs in OPERATIONS.values():
        for function, value, k in ((ours, tf.ones([2, 2]), key), (theirs, np.ones((2, 2)), KEY)):
            with pytest.raises(ValueError, match=r"rate should be in \[0, 1\]"):
                function(value, rate, k)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -0.1, 1.1])
def test_rate_errors(rate):
    key = tf.constant(KEY, tf.uint64)
    ragged = make_ragged("float32")
    edges = np.arange(3)
    for function in (
        *(lambda f=f: f[0](tf.ones([2, 2]), rate, key) for f in OPERATIONS.values()),
        *(lambda f=f: f[1](np.ones((2, 2)), rate, KEY) for f in OPERATIONS.values()),
        lambda: kernels.shuffle_rows(ragged, rate, key),
        lambda: kernels.dropout(ragged, rate, key),
        lambda: graph_kernels.dropped_rows(key, 3, rate),
        lambda: reference.drop_edges(edges, edges, rate, KEY),
    ):
        with pytest.raises(ValueError, match=r"rate should be in \[0, 1\]"):
            function()


@pytest.mark.parametrize("operation", ["dropout", "mask"])
@pytest.mark.parametrize("dtype", ["int32", "int64", "string"])
def test_only_floats_have_dropout_and_mask(dtype, operation):
    ours, theirs = OPERATIONS[operation]
    value = make_value((3, 2), dtype)
    with pytest.raises(TypeError, match=f"floating dtype .got {dtype}"):
        ours(value, 0.5, tf.constant(KEY, tf.uint64))
    with pytest.raises(TypeError, match="floating dtype"):
        theirs(as_reference(value), 0.5, KEY)


def test_ragged_values_have_no_columns():
    value = make_ragged("float32")
    with pytest.raises(TypeError, match="no columns"):
        kernels.mask_columns(value, 0.5, tf.constant(KEY, tf.uint64))
    with pytest.raises(TypeError, match="no columns"):
        reference.mask_columns(as_reference(value), 0.5, KEY)
