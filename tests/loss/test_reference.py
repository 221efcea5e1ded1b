"""reference/loss.py against NumPy, losses by hand and finite differences."""

import numpy as np
import pytest
from graph_barlow_twins import reference
from graph_barlow_twins.kernels.validation import VARIANCES
from graph_barlow_twins.reference import loss as reference_loss

from tests.views import make_views


def test_standardize_is_biased_and_has_epsilon_in_the_variance():
    z = np.array([[1.0, 0.0], [3.0, 4.0], [8.0, 8.0]])
    for ddof in (0, 1):
        expected = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0, ddof=ddof) + 0.5)
        np.testing.assert_allclose(reference.standardize(z, epsilon=0.5, ddof=ddof), expected)


def test_standardize_by_weights():
    z = np.array([[1.0], [4.0], [np.nan], [9.0]])
    weighted = reference.standardize(z, sample_weight=[2.0, 1.0, 0.0, 1.0])
    repeated = reference.standardize(np.array([[1.0], [1.0], [4.0], [9.0]]))
    np.testing.assert_allclose(weighted[[0, 1, 3]], repeated[1:])
    assert weighted[2] == 0


@pytest.mark.parametrize(
    ("z", "options"),
    [
        (np.full((1000, 1), 0.1), {}),
        (np.full((1000, 1), 1e15 / 3), {}),
        (np.array([[5.0]]), {}),
        (np.array([[5.0]]), {"ddof": 1}),
        (np.array([[5.0], [7.0]]), {"sample_weight": [0.0, 0.0]}),
        (np.array([[5.0], [7.0]]), {"ddof": 2}),
    ],
    ids=["constant", "large constant", "one row", "one row, unbiased", "no weight", "ddof = W"],
)
def test_standardize_without_variance_is_zero(z, options):
    np.testing.assert_array_equal(reference.standardize(z, **options), np.zeros_like(z))


def test_standardize_survives_a_large_mean():
    z, _ = make_views(63, 4, "float64")
    np.testing.assert_allclose(
        reference.standardize(z + 1e8), reference.standardize(z), atol=1e-6, rtol=0
    )


def test_cross_correlation_rows_belong_to_the_first_view():
    z_a, z_b = make_views(20, 3, "float64")
    z_b[:, 2] = z_a[:, 0]
    C = reference.cross_correlation(z_a, z_b)
    np.testing.assert_allclose(C[0, 2], 1.0, atol=1e-5)
    expected = np.corrcoef(z_a.T, z_b.T)[:3, 3:]
    np.testing.assert_allclose(C, expected, atol=1e-5)


def test_loss_by_hand():
    z_a, z_b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 2.0]])
    # C = z_a^T z_b / 2 = [[0.5, 3], [1, 4]]
    loss = reference.barlow_twins_loss(z_a, z_b, lambda_=0.1, normalize_batch=False)
    np.testing.assert_allclose(loss, 0.5**2 + 3**2 + 0.1 * (9 + 1), rtol=1e-15)


def test_default_lambda_is_one_over_the_features():
    z_a, z_b = make_views(20, 5, "float64")
    explicit = reference.barlow_twins_loss(z_a, z_b, lambda_=0.2)
    np.testing.assert_allclose(reference.barlow_twins_loss(z_a, z_b), explicit, rtol=1e-15)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("normalize_batch", [True, False])
def test_gradients_against_finite_differences(normalize_batch, ddof, weighted):
    views = make_views(7, 4, "float64")
    options = {"normalize_batch": normalize_batch, "ddof": ddof, "lambda_": 0.3}
    if weighted:
        options["sample_weight"] = np.array([1.0, 0.0, 2.0, 0.5, 1.0, 3.0, 0.1])
    loss, *gradients = reference.barlow_twins_loss_and_gradients(*views, **options)
    assert loss == reference.barlow_twins_loss(*views, **options)
    step = 1e-5
    for side, gradient in enumerate(gradients):
        measured = np.empty_like(gradient)
        for index in np.ndindex(gradient.shape):
            losses = []
            for sign in (1, -1):
                moved = [view.copy() for view in views]
                moved[side][index] += sign * step
                losses.append(reference.barlow_twins_loss(*moved, **options))
            measured[index] = (losses[0] - losses[1]) / (2 * step)
        np.testing.assert_allclose(gradient, measured, atol=1e-8, err_msg=f"view {side}")


@pytest.mark.parametrize("weights", [None, np.ones(0)])
def test_an_empty_batch_has_the_loss_of_no_correlation(weights):
    views = np.zeros((2, 0, 5))
    loss, *gradients = reference.barlow_twins_loss_and_gradients(*views, sample_weight=weights)
    assert loss == 5
    assert [gradient.shape for gradient in gradients] == [(0, 5)] * 2


@pytest.mark.parametrize(
    ("views", "options", "message"),
    [
        ((np.zeros((3, 2)), np.zeros((2, 2))), {}, "two views of one shape"),
        ((np.zeros(3), np.zeros(3)), {}, r"shape \[N, D\]"),
        ((np.zeros((3, 2)),) * 2, {"sample_weight": np.ones(2)}, r"sample_weight of shape \[3\]"),
        ((np.zeros((3, 2)),) * 2, {"sample_weight": [1, -1, 1]}, r"not negative \(got -1"),
        ((np.zeros((3, 2)),) * 2, {"sample_weight": [1, np.nan, 1]}, r"finite .* \(got nan"),
        ((np.zeros((3, 2)),) * 2, {"sample_weight": [1, np.inf, 1]}, r"finite .* \(got inf"),
        ((np.zeros((3, 2)),) * 2, {"epsilon": 0}, "epsilon should be positive"),
    ],
)
def test_loss_errors(views, options, message):
    with pytest.raises(ValueError, match=message):
        reference.barlow_twins_loss(*views, **options)


def test_the_range_of_variances_is_that_of_the_kernels():
    """docs/theory/derivation.md says where it comes from; both turn to NaN at the same number."""
    assert VARIANCES[np.float64] == reference_loss.VARIANCES
    for variance, is_number in ((2.0**-832, True), (2.0**-833, False), (2.0**722, False)):
        z = np.sqrt(variance) * np.array([[1.0], [-1.0]])
        assert np.isfinite(reference.standardize(z, epsilon=1e-300)).all() == is_number
