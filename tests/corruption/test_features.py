"""kernels/corruption/features bit for bit equal to reference/corruption."""

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
    as_key,
    as_reference,
    assert_same_bits,
    in_mode,
    make_ragged,
    make_value,
)

RATES = (0.1, 0.5, 1.0)
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


def check(operation, value, rate, key=KEY):
    ours, theirs = OPERATIONS[operation]
    actual = ours(value, rate, as_key(key))
    assert_same_bits(actual, theirs(as_reference(value), rate, key))
    return actual


def check_all(value, mode, operations=OPERATIONS, rates=RATES, dynamic=False):
    """Every operation at every rate, in one traced function."""
    cases = [(operation, rate) for operation in operations for rate in rates]

    def function(value, key):
        return [OPERATIONS[operation][0](value, rate, key) for operation, rate in cases]

    found = in_mode(function, mode, value, as_key(KEY), dynamic=dynamic)
    for (operation, rate), actual in zip(cases, found, strict=True):
        assert_same_bits(actual, OPERATIONS[operation][1](as_reference(value), rate, KEY))


@pytest.mark.parametrize(("operation", "dtype"), CASES)
def test_dense(operation, dtype):
    for shape in SHAPES:
        for rate in RATES:
            check(operation, make_value(shape, dtype), rate)


def test_dense_in_a_graph_of_static_shape():
    """Dynamic ones: test_random_cases."""
    for shape in ((0, 3), (63, 5)):
        check_all(make_value(shape, "float32"), "graph", rates=(0.5,))


def test_dense_under_xla():
    check_all(make_value((63, 5), "float32"), "xla", rates=(0.5,))
    check_all(make_value((0, 3), "float32"), "xla", rates=(0.5,))


@pytest.mark.slow  # a second or more to compile each
@pytest.mark.parametrize("shape", [(63, 5), (1, 4), (7,), (5, 2, 3), (6, 0)])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int64"])
def test_any_dtype_and_shape_under_xla(shape, dtype):
    check_all(make_value(shape, dtype), "xla", OPERATIONS if dtype in FLOATS else ("shuffle",))


@pytest.mark.parametrize("ragged_rank", [1, 2])
@pytest.mark.parametrize(("operation", "dtype"), [case for case in CASES if case[0] != "mask"])
def test_ragged(operation, dtype, ragged_rank):
    for rate in RATES:
        check(operation, make_ragged(dtype, ragged_rank), rate)


def test_ragged_in_a_graph_of_static_rows():
    check_all(make_ragged("float32", 2), "graph", ("shuffle", "dropout"), (0.5,))


@pytest.mark.parametrize("operation", ["shuffle", "dropout"])
def test_ragged_row_splits_keep_their_dtype(operation):
    result = check(operation, make_ragged("float32", splits=tf.int32), 0.5)
    assert result.row_splits.dtype == tf.int32


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_shuffled_share_is_exact_in_spite_of_rounding(mode):
    """0.14 * 50 is 7.000000000000001 in floating point: still 7 rows, static or dynamic."""
    cases = [(0.14, 50), (0.28, 25), (0.07, 100), (0.55, 100)]
    for rate, rows in cases[: {"eager": 4, "graph": 2, "xla": 1}[mode]]:
        count = round(rate * rows)
        assert rate * rows > count
        value = make_value((rows,), "int64")
        chosen = np.sort(reference.permutation(KEY, rows)[:count])
        left = np.setdiff1d(np.arange(rows), chosen)
        shuffle = lambda v, k, rate=rate: kernels.shuffle_rows(v, rate, k)  # noqa: E731
        shuffled = in_mode(shuffle, mode, value, as_key(KEY), dynamic=mode == "graph")
        assert_same_bits(shuffled, reference.shuffle_rows(value.numpy(), rate, KEY))
        np.testing.assert_array_equal(shuffled.numpy()[left], value.numpy()[left])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_does_something_and_follows_the_key(operation):
    value = make_value((63, 20), "float32")
    results = [check(operation, value, 0.5, key).numpy() for key in (0, 1, 2**32, 2**64 - 1)]
    for i, result in enumerate(results):
        assert np.any(result != value.numpy())
        assert all(np.any(result != other) for other in results[:i])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_key_may_be_a_python_int(operation):
    ours, _ = OPERATIONS[operation]
    value = make_value((63, 5), "float32")
    for key in (5, 2**64 - 1):
        keywords = [{}] if operation == "mask" else [{}, {"ids": np.arange(63) * 3}]
        for ids in keywords:
            assert_same_bits(
                ours(value, 0.5, key, **ids), ours(value, 0.5, as_key(key), **ids).numpy()
            )


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
def test_dropped_nan_and_infinity_are_zero(mode):
    value = tf.constant([[np.nan, np.inf, -np.inf, -1.0]])
    check_all(value, mode, ("dropout", "mask"), (1.0,))


def test_rate_zero_is_the_identity():
    for operation, dtype in CASES:
        value = make_value((5, 2), dtype)
        assert_same_bits(check(operation, value, 0.0), as_reference(value))
    whole = tf.constant([[1, 2], [3, 4]])  # of a dtype that another rate refuses
    for ours, theirs in OPERATIONS.values():
        assert_same_bits(ours(whole, 0.0, KEY), theirs(as_reference(whole), 0.0, KEY))


def test_a_feature_of_unknown_rank():
    """Shuffled and dropped as others; a mask needs to know its columns."""
    value = make_value((9, 4), "float32")
    spec = [tf.TensorSpec(None, tf.float32)]
    for operation in ("shuffle", "dropout"):
        ours, theirs = OPERATIONS[operation]
        call = tf.function(lambda v, f=ours: f(v, 0.5, KEY), input_signature=spec, autograph=False)
        assert_same_bits(call(value), theirs(value.numpy(), 0.5, KEY))
    for shape in (None, [9, None]):
        spec = tf.TensorSpec(shape, tf.float32)
        call = tf.function(
            lambda v: kernels.mask_columns(v, 0.5, KEY), input_signature=[spec], autograph=False
        )
        with pytest.raises(ValueError, match="columns of static number"):
            call(value)


# Any input: hypothesis looks for the awkward ones. More, in all modes: test_random_cases.

any_case = settings(derandomize=True, deadline=None, max_examples=25)


@any_case
@given(
    case=st.sampled_from(CASES),
    shape=st.tuples(st.integers(0, 12), st.integers(0, 4)),
    rate=st.floats(0, 1),
    key=st.integers(0, 2**64 - 1),
)
def test_any_dense_value(case, shape, rate, key):
    operation, dtype = case
    check(operation, make_value(shape, dtype), rate, key)


BAD_RATES = (np.nan, np.inf, -np.inf, -0.1, -5e-324, np.nextafter(1, 2), 1.1, 1e9)


@pytest.mark.parametrize("rate", BAD_RATES)
def test_rate_errors(rate):
    ragged = make_ragged("float32")
    edges = np.arange(3)
    for function in (
        *(lambda f=f: f[0](tf.ones([2, 2]), rate, KEY) for f in OPERATIONS.values()),
        *(lambda f=f: f[1](np.ones((2, 2)), rate, KEY) for f in OPERATIONS.values()),
        lambda: kernels.shuffle_rows(ragged, rate, KEY),
        lambda: kernels.dropout(ragged, rate, KEY),
        lambda: kernels.shuffled_row_indices(3, rate, KEY),
        lambda: reference.shuffled_row_indices(3, rate, KEY),
        lambda: graph_kernels.dropped_rows(KEY, 3, rate),
        lambda: reference.dropped_rows(KEY, 3, rate),
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
        ours(value, 0.5, as_key(KEY))
    with pytest.raises(TypeError, match="floating dtype"):
        theirs(as_reference(value), 0.5, KEY)


def test_ragged_values_have_no_columns():
    value = make_ragged("float32")
    with pytest.raises(TypeError, match="no columns"):
        kernels.mask_columns(value, 0.5, as_key(KEY))
    with pytest.raises(TypeError, match="no columns"):
        reference.mask_columns(as_reference(value), 0.5, KEY)
