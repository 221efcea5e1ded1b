"""kernels/training and kernels/words: passes of encoders on the host, against NumPy and Keras."""

import threading

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.kernels import sparse, team, words
from graph_barlow_twins.kernels.training.adamw import AdamW
from graph_barlow_twins.kernels.training.adjacency import Edges, Propagation
from graph_barlow_twins.kernels.training.features import Features
from graph_barlow_twins.kernels.training.normalization import (
    Parameters,
    gradients,
    normalized_activation,
)
from graph_barlow_twins.kernels.training.products import product
from graph_barlow_twins.reference import random as reference

DTYPES = [np.float32, np.float64]
ATOL = {np.float32: 2e-5, np.float64: 1e-12}
EPSILON = 1e-3


def normal(*shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 1001])
@pytest.mark.parametrize("rate", [0.0, 1e-9, 0.3, 1.0])
@pytest.mark.parametrize("key", [0, 7, 2**64 - 1])
def test_draws_are_those_of_the_reference(count, rate, key):
    found = words.bernoulli(key, count, rate)
    np.testing.assert_array_equal(found, reference.bernoulli(key, count, rate))


def test_a_rate_that_is_none_is_refused():
    with pytest.raises(ValueError, match="rate"):
        words.bernoulli(0, 3, 1.5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 0, 2), (200, 33, 70), (40, 130, 300)])
@pytest.mark.parametrize("threads", [1, 3])
def test_products(dtype, transposed, shape, threads, monkeypatch):
    monkeypatch.setattr(team.numba.config, "NUMBA_NUM_THREADS", threads)
    rows, inner, columns = shape
    a = normal(*((inner, rows) if transposed[0] else (rows, inner)), dtype=dtype)
    b = normal(*((columns, inner) if transposed[1] else (inner, columns)), dtype=dtype, seed=1)
    expected = (a.T if transposed[0] else a).astype(float) @ (b.T if transposed[1] else b)
    out = np.full((rows, columns), np.nan, dtype)
    found = product(a, b, out, transpose_a=transposed[0], transpose_b=transposed[1])
    assert found is out
    np.testing.assert_allclose(found, expected, atol=ATOL[dtype] * 20)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [1, 63, 64, 65, 200])
@pytest.mark.parametrize("threads", [1, 3])
def test_sparse_products(dtype, width, threads, monkeypatch):
    monkeypatch.setattr(team.numba.config, "NUMBA_NUM_THREADS", threads)
    S = scipy.sparse.random(300, 90, 0.05, "csr", dtype, np.random.default_rng(0))
    M, out = normal(90, width, dtype=dtype), np.full((300, width), np.nan, dtype)
    found = sparse.csr_product(S.indptr, S.indices, S.data, M, out)
    assert found is out
    np.testing.assert_allclose(found, S.astype(float) @ M, atol=ATOL[dtype])
    in_new_memory = sparse.csr_product(S.indptr, S.indices, S.data, M)
    np.testing.assert_array_equal(in_new_memory, found)


@pytest.mark.parametrize("is_sparse", [True, False])
def test_features_without_masked_columns(is_sparse):
    X = scipy.sparse.random(70, 20, 0.2, "csr", rng=np.random.default_rng(0))
    kept = np.random.default_rng(1).random(20) < 0.6
    W, G = normal(20, 9), normal(70, 9)
    features, masked = Features(X if is_sparse else X.toarray()), X.toarray() * kept
    np.testing.assert_allclose(features.times(W, kept), masked @ W, atol=1e-12)
    np.testing.assert_allclose(features.transposed_times(G, kept), masked.T @ G, atol=1e-12)


@pytest.mark.parametrize("coefficients", [None, np.array([0.2, 0.5, 0.3])])
def test_propagation_without_dropped_edges(coefficients):
    """Directed, weighted, with nodes that nobody links to."""
    rng = np.random.default_rng(0)
    target, source = np.unique(rng.integers(0, 40, (2, 150)), axis=1)
    off = target != source
    target, source = target[off], source[off]
    weights, kept = rng.uniform(0.5, 2, len(target)), rng.random(len(target)) < 0.7
    A = np.eye(41)
    A[target[kept], source[kept]] += weights[kept]
    A /= np.sqrt(A.sum(axis=1, keepdims=True) * A.sum(axis=0))
    P = (
        A
        if coefficients is None
        else sum(c * np.linalg.matrix_power(A, power) for power, c in enumerate(coefficients))
    )
    found = Propagation(Edges.of(target, source, weights, 41), kept)
    H = normal(41, 70)
    np.testing.assert_allclose(found.forward(coefficients, H), P @ H, atol=1e-12)
    np.testing.assert_allclose(found.backward(coefficients, H), P.T @ H, atol=1e-12)


def plain_activation(state, gamma, beta, slope):
    x = (state - state.mean(axis=0)) / np.sqrt(state.var(axis=0) + EPSILON)
    y = gamma * x + beta
    return np.where(y > 0, y, slope * y)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 3), (130, 1), (700, 150)])
def test_activation(dtype, shape):
    state = (5 + normal(*shape)).astype(dtype)
    parameters = Parameters(*normal(3, shape[1], dtype=dtype, seed=1))
    found, _ = normalized_activation(state, parameters, EPSILON)
    expected = plain_activation(state.astype(float), *(one.astype(float) for one in parameters))
    np.testing.assert_allclose(found, expected, atol=ATOL[dtype])


def test_gradients_of_the_activation_are_differences():
    state, parameters = normal(300, 70), [*normal(3, 70, seed=1)]
    upstream = normal(300, 70, seed=2)
    _, moments = normalized_activation(state, Parameters(*parameters), EPSILON)
    of_state, of_parameters = gradients(state, Parameters(*parameters), moments, upstream.copy())

    def objective(state, *parameters):
        return float(np.sum(upstream * plain_activation(state, *parameters)))

    given = [state, *parameters]
    for place, gradient in enumerate((of_state, *of_parameters)):
        direction = normal(*given[place].shape, seed=3 + place)
        ends = []
        for sign in (1, -1):
            moved = list(given)
            moved[place] = given[place] + sign * 1e-6 * direction
            ends.append(objective(*moved))
        slope = (ends[0] - ends[1]) / 2e-6
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adamw_is_that_of_keras(weight_decay):
    tf = pytest.importorskip("tensorflow")
    variables = [normal(40, 3, dtype=np.float32), normal(5, dtype=np.float32)]
    theirs = [tf.Variable(one) for one in variables]
    rival = tf.keras.optimizers.AdamW(0.01, weight_decay=weight_decay)
    optimizer = AdamW.of(variables, weight_decay)
    for step in range(5):
        steps = [normal(*one.shape, dtype=np.float32, seed=step) for one in variables]
        optimizer.step(variables, steps, 0.01)
        rival.apply_gradients(zip(map(tf.constant, steps), theirs, strict=True))
    for one, other in zip(variables, theirs, strict=True):
        np.testing.assert_allclose(one, other.numpy(), atol=1e-6)


@pytest.mark.parametrize(("cores", "side_by_side"), [(1, False), (2, True), (3, False)])
def test_calls_go_side_by_side_where_each_has_a_core(cores, side_by_side, monkeypatch):
    monkeypatch.setattr(team.numba.config, "NUMBA_NUM_THREADS", cores)
    begun = [threading.Event(), threading.Event()]

    def call(number, value):
        begun[number].set()
        met = begun[1 - number].wait(10 if side_by_side else 0)
        return value, threading.get_ident(), met

    (a, first, met), (b, second, _) = team.each_in_a_thread(call, [(0, "a"), (1, "b")])
    assert (a, b) == ("a", "b")
    assert (first != second) == side_by_side
    assert met == side_by_side


@pytest.mark.parametrize("cores", [1, 2])
def test_what_a_call_raises_is_raised(cores, monkeypatch):
    monkeypatch.setattr(team.numba.config, "NUMBA_NUM_THREADS", cores)
    with pytest.raises(ZeroDivisionError):
        team.each_in_a_thread(lambda divisor: 1 / divisor, [(1,), (0,)])
