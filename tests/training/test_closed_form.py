"""Training in closed form: the weights of its definition, and what Adam's loss says of them."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins import reference
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.encoder.start import start_weights
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.training import closed_form as module
from graph_barlow_twins.pretrain.training.closed_form import closed_form_weights
from graph_barlow_twins.pretrain.training.recipe import make_recipe

NODES, WORDS, WIDTH = 90, 40, 12


def communities(seed=0, sparse=True):
    """Three groups of nodes that link and speak alike."""
    rng = np.random.default_rng(seed)
    group = np.arange(NODES) % 3
    source, target = np.triu_indices(NODES, k=1)
    linked = rng.random(len(source)) < np.where(group[source] == group[target], 0.12, 0.02)
    topic = rng.random((3, WORDS)) < 0.3
    words = (rng.random((NODES, WORDS)) < np.where(topic[group], 0.3, 0.05)).astype(np.float32)
    words[:, 0] = 1
    features = scipy.sparse.csr_matrix(words) if sparse else words
    edges = np.stack([source[linked], target[linked]])
    return make_graph_data(name="g", features=features, edge_index=edges)


def recipe_of(data, **options):
    config = PretrainConfig(output="none", training="closed-form", units=WIDTH, hops=3, **options)
    return make_recipe(config, data)


def dense_channel(data, column_weights, coefficients, kept=slice(None)):
    """P(A) R X diag(w), as the definition of the encoder has it."""
    X = data.feature_rows(slice(None)).astype(np.float64) * column_weights
    X /= np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-300)
    links = np.eye(data.num_nodes)
    source, target = data.edge_index[:, kept]
    links[target, source] = 1
    A = links / np.sqrt(np.outer(links.sum(axis=1), links.sum(axis=0)))
    return sum(c * np.linalg.matrix_power(A, k) @ X for k, c in enumerate(coefficients))


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("rates", [(0.0, 0.0), (0.3, 0.6)])
def test_weights_are_those_of_the_definition(sparse, rates):
    data = communities(sparse=sparse)
    recipe = recipe_of(data, drop_edges=rates, mask_features=(0.1, 0.4))
    start = start_weights(data, WIDTH, 3, 0)
    (kernel, *same, scale), losses = closed_form_weights(data, recipe, start)
    for found, expected in zip(same, start[1:3], strict=True):
        np.testing.assert_array_equal(found, expected)

    rng = np.random.default_rng(reference.derive_key(0, "closed form"))
    views = [
        [
            dense_channel(data, *start[1:3], rng.random(data.num_edges) >= rate)
            for _ in range(module._DRAWS)
        ]
        for rate in rates
    ]
    sigmas = [reference.view_covariances(one, one)[0] for one in views]
    masks = recipe.mask_features
    sigma = sum(map(reference.masked_covariance, sigmas, masks)) / 2
    cross = reference.view_covariances(*views)[1] * (1 - masks[0]) * (1 - masks[1])
    W = reference.closed_form(sigma, cross, start[0])
    clean = np.cov(dense_channel(data, *start[1:3]).T, bias=True)
    expected = reference.with_spread(W, start[0], clean)
    found, size = kernel * scale, np.abs(expected * start[3]).max()
    np.testing.assert_allclose(found, expected * start[3], atol=1e-4 * size)
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1, rtol=1e-5)

    for loss, V in zip(losses, (start[0], W), strict=True):
        spread = np.sqrt(np.diag(V.T @ sigma @ V))
        C = V.T @ cross @ V / np.outer(spread, spread)
        off = C - np.diag(np.diag(C))
        expected = ((1 - np.diag(C)) ** 2).sum() + recipe.lambda_ * (off**2).sum()
        assert loss == pytest.approx(expected, rel=1e-4)
    assert losses[1] < losses[0]


@pytest.mark.slow  # many draws
def test_masks_are_those_of_many_draws():
    rng = np.random.default_rng(0)
    channel = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4))
    sigma, _ = reference.view_covariances([channel], [channel])
    drawn = np.mean(
        [
            reference.view_covariances([channel * mask], [channel * mask])[0]
            for mask in rng.random((20_000, 4)) >= 0.3
        ],
        axis=0,
    )
    expected = reference.masked_covariance(sigma, 0.3)
    np.testing.assert_allclose(drawn, expected, atol=0.02 * np.abs(expected).max())


def test_it_is_a_step_down_the_loss():
    """Of each column a multiple of V - t Sigma^-1 dL/dV, the loss without its redundancy term."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(400, 6))
    views = [A + 0.5 * rng.normal(size=A.shape) for _ in range(2)]
    sigma, cross = reference.view_covariances(*([view] for view in views))
    V = np.linalg.eigh(sigma)[1][:, :3]
    W = reference.closed_form(sigma, cross, V, ridge=0)

    def loss(V):
        spread = np.sqrt(np.diag(V.T @ sigma @ V))
        return ((1 - np.diag(V.T @ cross @ V) / spread**2) ** 2).sum()

    step, gradient = 1e-6, np.empty_like(V)
    for place in np.ndindex(*V.shape):
        moved = [V.copy(), V.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        gradient[place] = (loss(moved[0]) - loss(moved[1])) / (2 * step)
    natural = np.linalg.solve(sigma, gradient)
    for w, v, g in zip(W.T, V.T, natural.T, strict=True):
        c = (v @ cross @ v) / (v @ sigma @ v)
        t = (v @ sigma @ v) / (4 * (1 - c) * c)
        np.testing.assert_allclose(w / c, v - t * g, rtol=1e-5, atol=1e-7)


def test_wide_features_in_terms_of_their_principal_directions(monkeypatch):
    data = communities()
    recipe = recipe_of(data)
    start = start_weights(data, WIDTH, 3, 0)
    whole, _ = closed_form_weights(data, recipe, start)
    monkeypatch.setattr(module, "_MOST_COLUMNS", WORDS - 1)
    projected, _ = closed_form_weights(data, recipe, start)
    channel = dense_channel(data, *start[1:3])
    channel -= channel.mean(axis=0)
    found, expected = (channel @ (w[0] * w[3]) for w in (projected, whole))
    assert np.linalg.norm(found - expected) < 0.05 * np.linalg.norm(expected)


def test_the_same_seed_gives_the_same_weights():
    data = communities()
    start = start_weights(data, WIDTH, 3, 0)
    recipe = recipe_of(data)
    first, again, other = (
        closed_form_weights(data, one, start)[0][0]
        for one in (recipe, recipe, dataclasses.replace(recipe, seed=1))
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-4


def test_nodes_that_are_all_alike_keep_the_start():
    data = make_graph_data(
        name="g", features=np.ones((8, 3)), edge_index=np.stack([np.arange(7), np.arange(1, 8)])
    )
    data = dataclasses.replace(data, edge_index=np.zeros((2, 0), np.int64))
    start = start_weights(data, 2, 0, 0)
    recipe = dataclasses.replace(recipe_of(data), hops=0, units=(2,), lambda_=0.5)
    weights, losses = closed_form_weights(data, recipe, start)
    for found, expected in zip(weights, start, strict=True):
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert losses == (2.0, 2.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": "gcn"}, "closed-form needs --encoder linear"),
        ({"units": (16, 8)}, "closed-form needs --encoder linear"),
        ({"steps": 5}, "--steps belongs to --training adam"),
        ({"fan_out": (3,)}, "--fan-out belongs to --training adam"),
        ({"projector_units": (4,)}, "--projector-units belongs to --training adam"),
        ({"drop_entries": 0.1}, "--drop-entries belongs to --training adam"),
        ({"early_stopping": "loss"}, "--early-stopping belongs to --training adam"),
    ],
)
def test_options_that_ask_for_steps_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        PretrainConfig(output="none", training="closed-form", **options)


def test_which_encoder_is_chosen_for_it():
    data = communities(sparse=False)
    data = dataclasses.replace(data, features=data.features + 1)  # dense
    by_steps = make_recipe(PretrainConfig(output="none", training="adam"), data)
    assert by_steps.encoder == "linear"
    views = {"training": "closed-form", "drop_edges": (0.5, 0.5)}
    recipe = make_recipe(PretrainConfig(output="none", **views), data)
    assert (recipe.encoder, recipe.steps) == ("linear", None)
    strangers = np.random.default_rng(0).integers(0, NODES, (2, 300))
    data = make_graph_data(name="g", features=data.features, edge_index=strangers)
    alone = make_recipe(PretrainConfig(output="none", training="closed-form"), data)
    assert (alone.encoder, alone.steps) == ("channels", None)
