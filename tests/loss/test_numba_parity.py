"""The Numba backend against reference/: every path, dtype and shape; large means, zero weights."""

import numpy as np
import pytest
from graph_barlow_twins.kernels.loss.numba import entry as backend
from graph_barlow_twins.reference import barlow_twins_loss_and_gradients as reference

from tests.tolerances import tolerance
from tests.views import DTYPES, PATHS, make_views, make_weights, whitened

SHAPES = ((1, 33), (2, 1), (2, 33), (3, 2), (63, 1), (128, 257), (257, 60), (1000, 33))
UPSTREAM_GRADIENT = -2.5  # other than 1, so that a kernel which forgets it is caught

pytestmark = pytest.mark.usefixtures("nan_filled_buffers")


def assert_parity(z_a, z_b, path, **options):
    loss, residuals = backend.forward(z_a, z_b, path=path, **options)
    gradients = backend.backward(residuals, UPSTREAM_GRADIENT)
    assert loss.dtype == (np.float64 if z_a.dtype == np.float64 else np.float32)
    assert np.shape(loss) == ()
    expected_loss, *expected = reference(z_a.astype(np.float64), z_b.astype(np.float64), **options)
    rows = np.count_nonzero(options.get("sample_weight", np.ones(len(z_a))))
    allowed = tolerance(z_a.dtype.name, path, rows=rows)
    assert abs(float(loss) - expected_loss) <= allowed.loss * max(expected_loss, 1)
    for name, gradient, reference_gradient in zip("ab", gradients, expected, strict=True):
        assert gradient.dtype == z_a.dtype
        assert gradient.shape == z_a.shape
        error = np.abs(gradient.astype(np.float64) / UPSTREAM_GRADIENT - reference_gradient).max()
        # Entries below the smallest subnormal number of float16 round to zero.
        floor = 6e-8 if z_a.dtype == np.float16 else 0.0
        limit = allowed.gradient * np.abs(reference_gradient).max() + floor
        assert error <= limit, f"gradient of z_{name}"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("normalize_batch", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_parity(dtype, weighted, normalize_batch, ddof, path, work_split):
    for rows, features in [(63, 33), (40, 130)]:
        options = {"normalize_batch": normalize_batch, "ddof": ddof}
        if weighted:
            options["sample_weight"] = make_weights(rows)
        assert_parity(*make_views(rows, features, dtype), path, **options)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("rows", "features"), SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes(dtype, rows, features, path, work_split):
    views = make_views(rows, features, dtype)
    assert_parity(*views, path)
    assert_parity(*views, path, normalize_batch=False)
    weights = make_weights(rows)
    assert_parity(*views, path, ddof=1, epsilon=1e-5, lambda_=0.0051, sample_weight=weights)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [2, 63, 1000])
def test_large_mean_and_constant_feature(rows, dtype, path, work_split):
    z_a, z_b = make_views(rows, 33, dtype, mean=1e4)
    weights = make_weights(rows)
    if dtype == "float32":
        assert_parity(z_a, z_b, path)
    z_a[:, 0], z_b[:, 3] = 12345.678, 0.1
    if dtype == "float32":
        assert_parity(z_a, z_b, path, sample_weight=weights)
    # A constant feature standardises to exactly 0, however small epsilon is: its value is all one.
    options = {"epsilon": 1e-15, "sample_weight": weights, "path": path}
    result = backend.barlow_twins_loss_and_gradients(z_a, z_b, **options)
    z_a[:, 0], z_b[:, 3] = 0, 0
    expected = backend.barlow_twins_loss_and_gradients(z_a, z_b, **options)
    for ours, theirs in zip(result, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("path", PATHS)
def test_mean_that_drifts_over_the_blocks(path, work_split):
    z_a, z_b = make_views(1000, 7)
    # Of another frequency for each feature: the features stay apart from one another.
    turns = np.linspace(0, 1, 1000)[:, None] * np.arange(1, 8)
    drift = (1e3 + 5 * np.sin(2 * np.pi * turns)).astype(np.float32)
    assert_parity(z_a + drift, z_b - drift, path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("normalize_batch", [True, False])
def test_rows_of_weight_zero_take_no_part(normalize_batch, path, work_split):
    z_a, z_b = make_views(63, 9)
    # Whole blocks of padding, at the beginning and at the end.
    keep = np.zeros(263, np.bool_)
    keep[120:183] = True
    padded = []
    for z in (z_a, z_b):
        padded.append(np.full((263, 9), np.nan, z.dtype))
        padded[-1][keep] = z
    options = {"normalize_batch": normalize_batch, "path": path}
    result = backend.barlow_twins_loss_and_gradients(*padded, sample_weight=keep, **options)
    plain = backend.barlow_twins_loss_and_gradients(z_a, z_b, **options)
    np.testing.assert_allclose(result[0], plain[0], rtol=1e-6)
    for padded_grad, plain_grad in zip(result[1:], plain[1:], strict=True):
        np.testing.assert_allclose(padded_grad[keep], plain_grad, rtol=1e-4, atol=1e-7)
        assert not np.any(padded_grad[~keep])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("rows", [2, 300])
def test_nan_and_infinity_show_in_the_loss(rows, bad, path, work_split):
    z_a, z_b = make_views(rows, 9)
    z_b[-1, 4] = bad
    assert np.isnan(backend.barlow_twins_loss(z_a, z_b, path=path))


@pytest.mark.parametrize("path", PATHS)
def test_no_loss_is_negative_at_the_optimum(path, work_split):
    for seed in range(20):
        z = whitened(63, 33, seed)
        assert 0 <= backend.barlow_twins_loss(z, z, epsilon=1e-12, path=path) < 1e-6


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("options", [{"sample_weight": np.zeros(4)}, {"ddof": 4}])
def test_constant_losses(options, path):
    loss, *gradients = backend.barlow_twins_loss_and_gradients(
        *make_views(4, 3), path=path, **options
    )
    assert loss == 3
    assert not np.any(gradients)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_no_row_and_one_row(dtype, rows, weighted):
    weight = np.ones(rows) if weighted else None
    loss, *gradients = backend.barlow_twins_loss_and_gradients(
        *make_views(rows, 7, dtype), sample_weight=weight
    )
    assert loss == 7
    for gradient in gradients:
        assert gradient.shape == (rows, 7)
        assert not np.any(gradient)
