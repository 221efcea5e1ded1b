"""The TensorFlow loss against reference/, over dtypes, shapes, weights, modes of execution."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins import reference
from graph_barlow_twins.kernels.loss.entry import barlow_twins_loss
from graph_barlow_twins.kernels.loss.xla import bucket_rows

from tests.tolerances import tolerance
from tests.views import DTYPES, PATHS, make_weights, whitened
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
    return tf.function(function, input_signature=signature, jit_compile=mode == "xla")


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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("backend", EAGER)
def test_parity(backend, path, dtype):
    for rows, features in [(63, 33), (33, 63)]:
        z_a, z_b = make_views(rows, features, dtype)
        for normalize_batch in (True, False):
            for sample_weight in (None, make_weights(rows)):
                options = {"normalize_batch": normalize_batch, "sample_weight": sample_weight}
                result = loss_and_gradients(z_a, z_b, backend=backend, path=path, **options)
                assert_parity(z_a, z_b, result, path, **options)


XLA_CASES = [
    ("direct", "float32", {"sample_weight": make_weights(63)}),
    ("gram", "float32", {"sample_weight": make_weights(63)}),
    ("direct", "float64", {"normalize_batch": False}),
    ("gram", "bfloat16", {"ddof": 1, "lambda_": 0.3, "epsilon": 1e-4}),
]


@pytest.mark.parametrize(("path", "dtype", "options"), XLA_CASES)
def test_parity_compiled_by_xla(path, dtype, options):
    z_a, z_b = make_views(63, 33, dtype)
    result = loss_and_gradients(z_a, z_b, backend="xla", path=path, **options)
    assert_parity(z_a, z_b, result, path, **options)


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("backend", "mode"), [("xla", "eager"), ("xla", "graph"), ("auto", "xla")])
def test_parity_of_all_that_xla_compiles(backend, mode, dtype, path, weighted):
    z_a, z_b = make_views(63, 33, dtype)
    options = {"sample_weight": make_weights(63) if weighted else None}
    result = loss_and_gradients(
        z_a, z_b, mode, dynamic=False, backend=backend, path=path, **options
    )
    assert_parity(z_a, z_b, result, path, **options)


@pytest.mark.parametrize(("path", "weighted"), [("direct", True), ("gram", False)])
def test_parity_in_a_function_that_xla_compiles(path, weighted):
    z_a, z_b = make_views(63, 33)
    options = {"sample_weight": make_weights(63) if weighted else None}
    result = loss_and_gradients(z_a, z_b, "xla", path=path, **options)
    assert_parity(z_a, z_b, result, path, **options)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("backend", EAGER)
def test_dynamic_shapes(backend, weighted):
    for rows, features in SHAPES:
        z_a, z_b = make_views(rows, features)
        options = {"sample_weight": make_weights(rows) if weighted else None}
        result = loss_and_gradients(z_a, z_b, "graph", backend=backend, **options)
        assert_parity(z_a, z_b, result, **options)


def test_dynamic_rows_compiled_by_xla():
    for rows in (0, 1, 2, 5, 8):  # all padded to the same number of rows
        z_a, z_b = make_views(rows, 9)
        options = {"sample_weight": make_weights(rows)}
        result = loss_and_gradients(z_a, z_b, "graph", backend="xla", **options)
        assert_parity(z_a, z_b, result, **options)


@pytest.mark.parametrize("backend", EAGER)
def test_shapes_and_options(backend):
    for rows, features in SHAPES:
        z_a, z_b = make_views(rows, features, "float64")
        for options in (
            {},
            {"normalize_batch": False},
            {"ddof": 1, "epsilon": 1e-5, "lambda_": 0.0051},
        ):
            result = loss_and_gradients(z_a, z_b, backend=backend, **options)
            assert_parity(z_a, z_b, result, "direct", **options)


@pytest.mark.parametrize(
    ("backend", "path", "rows"),
    [
        *[("graph", path, rows) for path in PATHS for rows in (2, 3, 63)],
        ("numba", "direct", 63),
        ("xla", "direct", 63),
        pytest.param("xla", "gram", 63, marks=pytest.mark.slow),
    ],
)
def test_large_mean_and_constant_feature(rows, path, backend):
    z_a, z_b = make_views(rows, 33, mean=1e4)
    z_a = tf.concat([tf.fill([rows, 1], 1e4), z_a[:, 1:]], axis=1)
    result = loss_and_gradients(z_a, z_b, backend=backend, path=path)
    assert_parity(z_a, z_b, result, path)


def test_xla_compiles_a_bounded_number_of_programs():
    sizes = {bucket_rows(rows) for rows in range(1, 1025)}
    assert len(sizes) <= 8 * 10
    for rows in range(1, 1025):
        assert rows <= bucket_rows(rows) <= max(8, rows * 9 / 8)


@pytest.mark.parametrize(
    ("backend", "mode", "path"),
    [
        *[(backend, "eager", path) for backend in EAGER for path in PATHS],
        ("auto", "xla", "direct"),
        *[
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                ("auto", "xla", "gram"),
                ("xla", "eager", "direct"),
                ("xla", "eager", "gram"),
            ]
        ],
    ],
)
def test_a_batch_without_rows_or_without_weight_is_constant(backend, mode, path):
    for rows in (0, 4):
        z_a, z_b = make_views(rows, 3)
        for weights in (None, np.zeros(rows)) if rows == 0 else (np.zeros(rows),):
            loss, *gradients = loss_and_gradients(
                z_a, z_b, mode, sample_weight=weights, backend=backend, path=path
            )
            assert float(loss) == 3 * UPSTREAM_GRADIENT
            for gradient in gradients:
                assert gradient.shape == (rows, 3)
                assert not np.any(gradient)


def test_one_row_is_constant():
    z_a, z_b = make_views(1, 7)
    loss, grad_a, grad_b = loss_and_gradients(z_a, z_b)
    assert float(loss) == 7 * UPSTREAM_GRADIENT
    assert not np.any(grad_a)
    assert not np.any(grad_b)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("backend", [*EAGER, pytest.param("xla", marks=pytest.mark.slow)])
def test_no_loss_is_negative_at_the_optimum(backend, path):
    for seed in range(12):
        z = tf.constant(whitened(63, 33, seed))
        loss = float(barlow_twins_loss(z, z, epsilon=1e-12, backend=backend, path=path))
        assert 0 <= loss < 1e-6


@pytest.mark.parametrize(
    ("backend", "mode"), [("graph", "eager"), ("graph", "graph"), ("auto", "xla")]
)
def test_rows_of_weight_zero_take_no_part(backend, mode):
    z_a, z_b = make_views(63, 9)
    # At the beginning as well: the first row is what others are measured by.
    padding = tf.fill([2, 9], np.float32(np.nan))
    weights = np.r_[np.zeros(2), np.ones(63), np.zeros(2)]
    padded = [tf.concat([padding, z, padding], axis=0) for z in (z_a, z_b)]
    result = loss_and_gradients(*padded, mode, sample_weight=weights, backend=backend)
    assert_parity(*padded, result, sample_weight=weights)
    for gradient in result[1:]:
        assert not np.any(gradient[:2])
        assert not np.any(gradient[65:])


def test_weight_two_is_the_row_twice():
    z_a, z_b = make_views(20, 5, "float64")
    weights = np.r_[2.0, np.ones(19)]
    twice = [tf.concat([z[:1], z], axis=0) for z in (z_a, z_b)]
    weighted = barlow_twins_loss(z_a, z_b, sample_weight=weights)
    np.testing.assert_allclose(weighted, barlow_twins_loss(*twice), rtol=1e-13)


@pytest.mark.parametrize("normalize_batch", [True, False])
def test_finite_differences(normalize_batch):
    z_a, z_b = make_views(6, 4, "float64")
    weights = np.array([1.0, 0.0, 2.0, 0.5, 1.0, 3.0])
    options = {"normalize_batch": normalize_batch, "ddof": 1, "sample_weight": weights}
    theoretical, numerical = tf.test.compute_gradient(
        lambda a, b: barlow_twins_loss(a, b, **options), [z_a, z_b], delta=1e-5
    )
    for ours, measured in zip(theoretical, numerical, strict=True):
        np.testing.assert_allclose(ours, measured, atol=1e-8)


@pytest.mark.parametrize(
    ("mode", "backend", "path"),
    [
        ("eager", "graph", "direct"),
        ("eager", "graph", "gram"),
        ("graph", "graph", "gram"),
        *[
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                ("eager", "xla", "direct"),
                ("eager", "xla", "gram"),
                ("graph", "graph", "direct"),
                ("graph", "xla", "direct"),
                ("graph", "xla", "gram"),
            ]
        ],
    ],
)
def test_second_derivative(mode, backend, path):
    z_a, z_b = make_views(6, 3, "float64")

    def gradient_norm(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            loss = barlow_twins_loss(z, z_b, backend=backend, path=path)
        return tf.reduce_sum(tf.square(tape.gradient(loss, z)))

    function = tf.function(gradient_norm) if mode == "graph" else gradient_norm
    (theoretical,), (numerical,) = tf.test.compute_gradient(function, [z_a], delta=1e-5)
    np.testing.assert_allclose(theoretical, numerical, atol=1e-6)


def test_numba_has_no_second_derivative_and_says_so():
    z_a, z_b = make_views(6, 4)
    with tf.GradientTape() as outer:
        outer.watch(z_a)
        with tf.GradientTape() as inner:
            inner.watch(z_a)
            loss = barlow_twins_loss(z_a, z_b, backend="numba")
        gradient = inner.gradient(loss, z_a)
    with pytest.raises(NotImplementedError, match='backend="graph"'):
        outer.gradient(gradient, z_a)


def test_numba_under_xla_and_tensor_lambda_are_refused():
    z_a, z_b = make_views(6, 4)
    with pytest.raises(ValueError, match="compiled by XLA"):
        tf.function(barlow_twins_loss, jit_compile=True)(z_a, z_b, backend="numba")

    @tf.function
    def with_lambda(lambda_):
        return barlow_twins_loss(z_a, z_b, lambda_=lambda_, backend="numba")

    with pytest.raises(TypeError, match="lambda_ to be a number"):
        with_lambda(tf.constant(0.5))


def test_numba_reads_lambda_where_its_value_is_known():
    z_a, z_b = make_views(20, 5)
    losses = [
        barlow_twins_loss(z_a, z_b, lambda_=lambda_, backend="numba")
        for lambda_ in (0.5, tf.constant(0.5))
    ]
    assert float(losses[0]) == float(losses[1])


@pytest.mark.parametrize(
    ("backend", "path"), [("auto", "direct"), ("auto", "gram"), ("xla", "gram")]
)
def test_gradient_of_lambda(backend, path):
    z_a, z_b = make_views(20, 5, "float64")
    lambda_ = tf.Variable(0.3, dtype=tf.float64)
    with tf.GradientTape() as tape:
        loss = barlow_twins_loss(z_a, z_b, lambda_=lambda_, backend=backend, path=path)
    c = reference.cross_correlation(z_a.numpy(), z_b.numpy())
    expected = np.sum(c**2) - np.sum(np.diag(c) ** 2)
    np.testing.assert_allclose(tape.gradient(loss, lambda_), expected, rtol=1e-12)


# Metamorphic relations: they hold for the loss itself, whatever the reference says.


def test_swapping_the_views_keeps_the_loss():
    z_a, z_b = make_views(63, 9, "float64")
    np.testing.assert_allclose(barlow_twins_loss(z_a, z_b), barlow_twins_loss(z_b, z_a), rtol=1e-13)


def test_permuting_rows_or_features_keeps_the_loss():
    z_a, z_b = make_views(63, 9, "float64")
    rng = np.random.default_rng(0)
    loss = barlow_twins_loss(z_a, z_b)
    for axis, size in ((0, 63), (1, 9)):
        order = rng.permutation(size)
        permuted = barlow_twins_loss(
            tf.gather(z_a, order, axis=axis), tf.gather(z_b, order, axis=axis)
        )
        np.testing.assert_allclose(permuted, loss, rtol=1e-13)


def test_scaling_and_shifting_a_feature_keeps_the_loss():
    z_a, z_b = make_views(63, 9, "float64")
    scaled = z_a * np.arange(1.0, 10.0) + np.arange(9.0)
    np.testing.assert_allclose(
        barlow_twins_loss(scaled, z_b, epsilon=1e-14), barlow_twins_loss(z_a, z_b, epsilon=1e-14)
    )


Z = np.zeros((3, 2), np.float32)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((Z, Z.astype(int)), {}, TypeError, "float32 and int64"),
        ((Z, Z.astype(float)), {}, TypeError, "float32 and float64"),
        ((Z[0], Z[0]), {}, ValueError, r"\[N, D\]"),
        ((Z, Z[:2]), {}, ValueError, r"\(3, 2\) and \(2, 2\)"),
        ((Z[:, :0], Z[:, :0]), {}, ValueError, "at least one feature"),
        ((Z, Z), {"sample_weight": np.zeros(2)}, ValueError, r"shape \[3\] \(got \(2,\)\)"),
        ((Z[:0], Z[:0]), {"sample_weight": np.zeros(2)}, ValueError, r"shape \[0\]"),
        ((Z, Z), {"sample_weight": [1.0, -1.0, 1.0]}, ValueError, r"not negative \(got -1"),
        ((Z, Z), {"sample_weight": [1.0, np.nan, 1.0]}, ValueError, r"finite .* \(got nan"),
        ((Z, Z), {"sample_weight": [1.0, np.inf, 1.0]}, ValueError, r"finite .* \(got inf"),
        ((Z, Z), {"lambda_": [0.5, 0.2]}, ValueError, "lambda_ to be a scalar"),
        ((Z, Z), {"epsilon": 0.0}, ValueError, "epsilon should be positive"),
        ((Z, Z), {"backend": "fast"}, ValueError, "backend should be one of"),
        ((Z, Z), {"path": "short"}, ValueError, "path should be one of"),
    ],
)
def test_bad_arguments(arguments, options, error, message):
    with pytest.raises(error, match=message):
        barlow_twins_loss(*arguments, **options)


def test_unknown_ranks_are_refused_in_words():
    known, unknown = tf.TensorSpec([None, 2]), tf.TensorSpec(None)
    loss = tf.function(lambda a, b, w=None: barlow_twins_loss(a, b, sample_weight=w))
    with pytest.raises(ValueError, match=r"shape \[N, D\] \(got unknown rank and \(None, 2\)\)"):
        loss.get_concrete_function(unknown, known)
    with pytest.raises(ValueError, match=r"sample_weight of shape \[N\] \(got unknown rank\)"):
        loss.get_concrete_function(known, known, unknown)
