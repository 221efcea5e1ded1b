"""The TensorFlow loss against reference/, over dtypes, shapes, weights, modes of execution."""

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins import reference
from graph_barlow_twins.kernels.loss.entry import barlow_twins_loss
from graph_barlow_twins.kernels.loss.xla import bucket_rows

from tests.tolerances import tolerance

BACKENDS = ("graph", "xla", "numba")
PATHS = ("direct", "gram")
DTYPES = ("float16", "bfloat16", "float32", "float64")
ROWS = (1, 2, 3, 63, 128)
FEATURES = (1, 2, 33, 257)
UPSTREAM_GRADIENT = 2.5  # other than 1, so that a kernel which forgets it is caught


def make_views(rows, features, dtype="float32", *, mean=0.0, seed=0):
    """Two correlated views, rounded to the dtype."""
    rng = np.random.default_rng([seed, rows, features])
    a = rng.normal(size=(rows, features)) + mean
    b = a + rng.normal(size=(rows, features))
    return tf.cast(a, dtype), tf.cast(b, dtype)


def make_weights(rows, seed=0):
    """Weights with zeros among them, but not all zero."""
    rng = np.random.default_rng([seed, rows])
    w = rng.random(rows) * (rng.random(rows) > 0.3)
    w[0] = 1.0
    return w


def loss_and_gradients(z_a, z_b, mode="eager", dynamic=False, **options):
    """The loss times UPSTREAM_GRADIENT, and its gradients, in one mode of execution."""

    def compute(z_a, z_b):
        with tf.GradientTape() as tape:
            tape.watch([z_a, z_b])
            loss = UPSTREAM_GRADIENT * barlow_twins_loss(z_a, z_b, **options)
        return loss, *tape.gradient(loss, [z_a, z_b])

    if mode == "eager":
        return compute(z_a, z_b)
    rows = None if dynamic else z_a.shape[0]
    spec = tf.TensorSpec([rows, z_a.shape[1]], z_a.dtype)
    compiled = tf.function(compute, input_signature=[spec, spec], jit_compile=mode == "xla")
    return compiled(z_a, z_b)


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
    rows = np.count_nonzero(options.get("sample_weight", np.ones(len(z_a))))
    allowed = tolerance(z_a.dtype.name, path, rows=rows)
    assert abs(float(loss) / UPSTREAM_GRADIENT - expected[0]) <= allowed.loss * max(expected[0], 1)
    for name, grad, reference_grad in zip(
        ("z_a", "z_b"), (grad_a, grad_b), expected[1:], strict=True
    ):
        grad = tf.cast(grad, tf.float64).numpy() / UPSTREAM_GRADIENT
        scale = np.abs(reference_grad).max()
        error = np.abs(grad - reference_grad).max()
        # Entries below the smallest subnormal number of float16 round to zero.
        floor = 6e-8 if z_a.dtype == tf.float16 else 0.0
        assert error <= allowed.gradient * scale + floor, f"gradient of {name}"


@pytest.mark.parametrize("normalize_batch", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_parity(backend, path, dtype, weighted, normalize_batch):
    for rows, features in [(63, 33), (33, 63)][: 1 if backend == "xla" else 2]:
        z_a, z_b = make_views(rows, features, dtype)
        options = {"normalize_batch": normalize_batch}
        if weighted:
            options["sample_weight"] = make_weights(rows)
        result = loss_and_gradients(z_a, z_b, backend=backend, path=path, **options)
        assert_parity(z_a, z_b, result, path, **options)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("backend", "mode"),
    [("graph", "graph"), ("graph", "xla"), ("xla", "graph"), ("numba", "graph"), ("auto", "xla")],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_parity_in_a_graph(dtype, backend, mode, path, weighted):
    z_a, z_b = make_views(63, 33, dtype)
    options = {"sample_weight": make_weights(63)} if weighted else {}
    result = loss_and_gradients(z_a, z_b, mode, backend=backend, path=path, **options)
    assert_parity(z_a, z_b, result, path, **options)


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("backend", ["graph", "numba"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes(dtype, backend, rows, features):
    z_a, z_b = make_views(rows, features, dtype)
    for options in (
        {},
        {"normalize_batch": False},
        {"ddof": 1, "epsilon": 1e-5, "lambda_": 0.0051},
    ):
        result = loss_and_gradients(z_a, z_b, backend=backend, **options)
        assert_parity(z_a, z_b, result, "direct", **options)


@pytest.mark.parametrize(
    ("backend", "mode"), [("graph", "graph"), ("auto", "xla"), ("xla", "graph"), ("numba", "graph")]
)
def test_dynamic_rows(backend, mode):
    for rows in ROWS:
        z_a, z_b = make_views(rows, 33)
        assert_parity(z_a, z_b, loss_and_gradients(z_a, z_b, mode, dynamic=True, backend=backend))


@pytest.mark.parametrize(
    ("backend", "mode"),
    [("graph", "eager"), ("graph", "xla"), ("xla", "eager"), ("numba", "graph")],
)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("rows", [2, 3, 63, 128])
def test_large_mean_and_constant_feature(rows, path, backend, mode):
    z_a, z_b = make_views(rows, 33, mean=1e4)
    z_a = tf.concat([tf.fill([rows, 1], 1e4), z_a[:, 1:]], axis=1)
    result = loss_and_gradients(z_a, z_b, mode, backend=backend, path=path)
    assert_parity(z_a, z_b, result, path)


def test_xla_compiles_a_bounded_number_of_programs():
    sizes = {bucket_rows(rows) for rows in range(1, 1025)}
    assert len(sizes) <= 8 * 10
    for rows in range(1, 1025):
        assert rows <= bucket_rows(rows) <= max(8, rows * 9 / 8)


def test_one_row_is_constant():
    z_a, z_b = make_views(1, 7)
    loss, grad_a, grad_b = loss_and_gradients(z_a, z_b)
    assert float(loss) == 7 * UPSTREAM_GRADIENT
    assert not np.any(grad_a)
    assert not np.any(grad_b)


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_rows_of_weight_zero_take_no_part(mode):
    z_a, z_b = make_views(63, 9)
    padding = tf.fill([5, 9], np.nan)
    weights = np.r_[np.ones(63), np.zeros(5)].astype(np.float32)
    padded = [tf.concat([z, tf.cast(padding, z.dtype)], axis=0) for z in (z_a, z_b)]
    loss, grad_a, grad_b = loss_and_gradients(*padded, mode, sample_weight=weights)
    plain = loss_and_gradients(z_a, z_b, mode)
    np.testing.assert_allclose(loss, plain[0], rtol=1e-6)
    for padded_grad, plain_grad in ((grad_a, plain[1]), (grad_b, plain[2])):
        allowed = tolerance("float32").gradient * np.abs(plain_grad).max()
        np.testing.assert_allclose(padded_grad[:63], plain_grad, rtol=0, atol=allowed)
        assert not np.any(padded_grad[63:])


def test_weight_two_is_the_row_twice():
    z_a, z_b = make_views(20, 5, "float64")
    weights = np.r_[2.0, np.ones(19)]
    twice = [tf.concat([z[:1], z], axis=0) for z in (z_a, z_b)]
    weighted = barlow_twins_loss(z_a, z_b, sample_weight=weights)
    np.testing.assert_allclose(weighted, barlow_twins_loss(*twice), rtol=1e-13)


def test_all_weights_zero():
    z_a, z_b = make_views(4, 3)
    loss, grad_a, _ = loss_and_gradients(z_a, z_b, sample_weight=np.zeros(4))
    assert float(loss) == 3 * UPSTREAM_GRADIENT
    assert not np.any(grad_a)


@pytest.mark.parametrize("normalize_batch", [True, False])
@pytest.mark.parametrize("ddof", [0, 1])
def test_finite_differences(normalize_batch, ddof):
    z_a, z_b = make_views(6, 4, "float64")
    options = {"normalize_batch": normalize_batch, "ddof": ddof, "sample_weight": make_weights(6)}
    theoretical, numerical = tf.test.compute_gradient(
        lambda a, b: barlow_twins_loss(a, b, **options), [z_a, z_b], delta=1e-5
    )
    for ours, measured in zip(theoretical, numerical, strict=True):
        np.testing.assert_allclose(ours, measured, atol=1e-8)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("backend", ["graph", "xla"])
@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_second_derivative(mode, backend, path):
    z_a, z_b = make_views(6, 4, "float64")

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


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("backend", ["auto", "xla"])
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


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((tf.zeros([3, 2]), tf.zeros([3, 2], tf.int32)), {}, TypeError, "float32 and int32"),
        ((tf.zeros([3, 2]), tf.zeros([3, 2], tf.float64)), {}, TypeError, "float32 and float64"),
        ((tf.zeros([3]), tf.zeros([3])), {}, ValueError, r"\[N, D\]"),
        ((tf.zeros([3, 2]), tf.zeros([4, 2])), {}, ValueError, r"\(3, 2\) and \(4, 2\)"),
        ((tf.zeros([3, 0]), tf.zeros([3, 0])), {}, ValueError, "at least one feature"),
        ((tf.zeros([3, 2]),) * 2, {"sample_weight": tf.zeros([2])}, ValueError, r"shape \[3\]"),
        ((tf.zeros([3, 2]),) * 2, {"sample_weight": [1.0, -1.0, 1.0]}, ValueError, "negative"),
        ((tf.zeros([3, 2]),) * 2, {"lambda_": [0.5, 0.2]}, ValueError, "lambda_ to be a scalar"),
        ((tf.zeros([3, 2]),) * 2, {"epsilon": 0.0}, ValueError, "epsilon should be positive"),
        ((tf.zeros([3, 2]),) * 2, {"backend": "fast"}, ValueError, "backend should be one of"),
        ((tf.zeros([3, 2]),) * 2, {"path": "short"}, ValueError, "path should be one of"),
    ],
)
def test_bad_arguments(arguments, options, error, message):
    with pytest.raises(error, match=message):
        barlow_twins_loss(*arguments, **options)
