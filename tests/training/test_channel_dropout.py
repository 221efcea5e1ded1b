"""Training by dropped channels: its weights are those of the definition."""

import numpy as np
import pytest
from graph_barlow_twins import reference
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.encoder.channels.apply import channel_states
from graph_barlow_twins.pretrain.training.direct import DirectRun
from graph_barlow_twins.pretrain.training.recipe import make_recipe

from tests.graph.relational import packages


def trained(rates, data=None):
    data = packages() if data is None else data
    config = PretrainConfig(output="none", units=12, drop_channels=rates)
    recipe = make_recipe(config, data)
    run = DirectRun(data, recipe)
    found = run.train()
    return data, recipe, run.initial_weights, found.weights, found.history["loss"]


@pytest.mark.parametrize("rates", [(0.0, 0.0), (0.7, 0.7), (0.2, 0.9)])
def test_weights_and_losses_are_those_of_the_definition(rates):
    data, recipe, start, found, losses = trained(rates)
    Z = np.hstack(list(channel_states(start, data)))
    covariance = np.cov(Z, rowvar=False, bias=True)
    widths = [one.kernel.shape[1] for one in start.numbers]
    sigma, cross = reference.dropped_channels(covariance, widths, rates)
    W = reference.closed_form(sigma, cross, start.rotation)
    expected = reference.with_spread(W, start.rotation, covariance)
    np.testing.assert_allclose(found.rotation, expected, atol=1e-4 * np.abs(expected).max())
    for loss, V in zip(losses, (start.rotation, W), strict=True):
        spread = np.sqrt(np.diag(V.T @ sigma @ V))
        C = V.T @ cross @ V / np.outer(spread, spread)
        off = C - np.diag(np.diag(C))
        expected = ((1 - np.diag(C)) ** 2).sum() + recipe.lambda_ * (off**2).sum()
        assert loss == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert losses[1] <= losses[0] + 1e-6
    assert all(one is other for one, other in zip(found.numbers, start.numbers, strict=True))


def test_expected_covariances_are_those_of_many_draws():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5))
    Z -= Z.mean(axis=0)
    widths, rates = (2, 1, 2), (0.3, 0.6)
    within, across = np.zeros((5, 5)), np.zeros((5, 5))
    draws = 2000
    for _ in range(draws):
        a, b = (Z * np.repeat(rng.random((len(Z), 3)) >= rate, widths, axis=1) for rate in rates)
        within += (a.T @ a + b.T @ b) / (2 * len(Z) * draws)
        across += a.T @ b / (len(Z) * draws)
    sigma, cross = reference.dropped_channels(Z.T @ Z / len(Z), widths, rates)
    np.testing.assert_allclose(within, sigma, atol=0.02 * sigma.max())
    np.testing.assert_allclose(across, cross, atol=0.02 * sigma.max())


def test_views_that_lose_nothing_train_nothing():
    _, _, start, found, losses = trained((0.0, 0.0))
    size = np.abs(start.rotation).max()
    np.testing.assert_allclose(found.rotation, start.rotation, atol=0.05 * size)
    assert losses[0] == pytest.approx(0, abs=1e-3)


def test_of_a_single_channel_nothing_is_trained():
    config = PretrainConfig(output="none", units=12, channels=("own=1",))
    data = packages()
    recipe = make_recipe(config, data)
    run = DirectRun(data, recipe)
    trained = run.train()
    assert trained.weights is run.initial_weights
    first, last = trained.history["loss"]
    assert first == last > 0
