"""The TensorFlow loss against reference/, over dtypes, shapes, weights, modes of execution."""

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins import reference
from graph_barlow_twins.kernels.loss.entry import barlow_twins_loss
from graph_barlow_twins.kernels.loss.xla import bucket_rows

from tests.loss.parity import (
    EAGER,
    SHAPES,
    UPSTREAM_GRADIENT,
    assert_parity,
    loss_and_gradients,
    make_views,
)
from tests.views import DTYPES, PATHS, make_weights


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("backend", "dtype"),
    [
        *(("graph", dtype) for dtype in DTYPES),
        *(("numba", dtype) for dtype in DTYPES if not dtype.endswith("16")),
        # Kernels of their own, each compiled for half a minute.
        *(
            pytest.param("numba", dtype, marks=pytest.mark.slow)
            for dtype in DTYPES
            if dtype.endswith("16")
        ),
    ],
)
def test_parity(backend, path, dtype):
    for rows, features in [(63, 33), (33, 63)]:
        z_a, z_b = make_views(rows, features, dtype)
        for normalize_batch in (True, False):
            for sample_weight in (None, make_weights(rows)):
                options = {"normalize_batch": normalize_batch, "sample_weight": sample_weight}
                result = loss_and_gradients(z_a, z_b, backend=backend, path=path, **options)
                assert_parity(z_a, z_b, result, path, **options)


XLA_CASES = [  # seconds to compile each
    ("direct", "float32", {"sample_weight": make_weights(63)}),
    ("gram", "bfloat16", {"ddof": 1, "lambda_": 0.3, "epsilon": 1e-4}),
    pytest.param("gram", "float32", {"sample_weight": make_weights(63)}, marks=pytest.mark.slow),
    pytest.param("direct", "float64", {"normalize_batch": False}, marks=pytest.mark.slow),
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


@pytest.mark.parametrize(
    ("path", "weighted"), [pytest.param("direct", True, marks=pytest.mark.slow), ("gram", False)]
)
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


@pytest.mark.parametrize("backend", EAGER)
def test_less_than_one_degree_of_freedom(backend):
    z_a, z_b = make_views(3, 5, "float64")
    for ddof in (1, 2):  # W = 1.7
        options = {"sample_weight": np.array([1, 0.5, 0.2]), "ddof": ddof}
        result = loss_and_gradients(z_a, z_b, backend=backend, **options)
        assert_parity(z_a, z_b, result, **options)


@pytest.mark.slow
def test_dynamic_rows_compiled_by_xla():
    for rows in (0, 2, 8):  # all padded to the same number of rows
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
        *[
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                ("auto", "xla", "direct"),
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


def test_two_rows_are_computed_in_float64():
    """Their gradient is what is left of large terms: 2e-5 here, of which float32 loses 0.6 %."""
    rng = np.random.default_rng(2)
    z_a, z_b = (tf.constant(rng.normal(size=(2, 2)) + 3, tf.float32) for _ in range(2))
    _, *grads = loss_and_gradients(z_a, z_b, backend="graph", path="auto")
    views = (z.numpy().astype(np.float64) for z in (z_a, z_b))
    _, *expected = reference.barlow_twins_loss_and_gradients(*views)
    np.testing.assert_allclose(grads, UPSTREAM_GRADIENT * np.array(expected), rtol=1e-6)


def test_a_constant_lambda_goes_to_the_host():
    z_a, z_b = make_views(9, 4, "float32")

    @tf.function(autograph=False)
    def loss(lambda_):
        return barlow_twins_loss(z_a, z_b, lambda_=tf.constant(lambda_), backend="numba")

    expected = reference.barlow_twins_loss(z_a, z_b, lambda_=0.3)
    np.testing.assert_allclose(loss(0.3), expected, rtol=1e-5)
