"""Two replicas against one with all rows: in two threads, and, slow, under MirroredStrategy."""

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins import reference
from graph_barlow_twins.kernels.loss.replicas.entry import barlow_twins_loss_over_replicas

from tests.distribution.replicas import run_mirrored
from tests.distribution.threads import REPLICAS, run_in_threads
from tests.distribution.worker import make_batch
from tests.tolerances import tolerance

TWO_OF_64 = {"batch": {"rows": 128, "features": 32}, "cut": 64}
MASKED = {"batch": {"rows": 11, "features": 9, "masked": True}, "cut": 7}
WIDE = {"batch": {"rows": 11, "features": 40, "masked": True}, "cut": 4}

# By name: what `worker.run_loss` is called with. A graph takes a second to trace, so
# that only what is decided in the graph is run in one.
LOSSES = {
    "two of 64, direct": {**TWO_OF_64, "options": {"path": "direct"}},
    "two of 64, gram": {**TWO_OF_64, "options": {"path": "gram"}},
    "two of 64, auto": TWO_OF_64,
    "mask, direct": {"eager": True, **MASKED, "options": {"path": "direct"}},
    "mask, gram": {"eager": True, **MASKED, "options": {"path": "gram"}},
    "mask, auto to direct": MASKED,
    "mask, auto to gram": WIDE,
    "eager, direct": {**MASKED, "eager": True},
    "eager, gram": {**WIDE, "eager": True},
    "first replica empty, direct": {
        **MASKED,
        "cut": 0,
        "eager": True,
        "options": {"path": "direct"},
    },
    "first replica empty, gram": {**WIDE, "cut": 0, "options": {"path": "gram"}},
    "last replica empty, auto": {**WIDE, "cut": 11},
    "one row each": {"batch": {"rows": 2, "features": 5}, "cut": 1},
    "one row each, gram": {
        "batch": {"rows": 2, "features": 5},
        "cut": 1,
        "options": {"path": "gram"},
    },
    "two rows of weight": {"batch": {"rows": 3, "features": 5, "masked": True}, "cut": 2},
    "mean 1e4, direct": {
        "eager": True,
        "batch": {"rows": 63, "features": 9, "mean": 1e4},
        "cut": 20,
        "options": {"path": "direct"},
    },
    "mean 1e4, masked": {
        "eager": True,
        "batch": {"rows": 63, "features": 9, "mean": 1e4, "masked": True},
        "cut": 20,
        "options": {"path": "direct"},
    },
    "not normalised, direct": {
        **MASKED,
        "eager": True,
        "options": {"path": "direct", "normalize_batch": False},
    },
    "not normalised, gram": {
        "eager": True,
        **MASKED,
        "options": {"path": "gram", "normalize_batch": False},
    },
    "ddof and epsilon": {
        **MASKED,
        "eager": True,
        "options": {"path": "direct", "ddof": 1, "epsilon": 0.3, "lambda_": 0.05},
    },
    "lambda, gram": {
        "eager": True,
        **MASKED,
        "options": {"path": "gram", "ddof": 1, "lambda_": 0.05},
    },
    "float64, direct": {
        "batch": {"rows": 33, "features": 9, "dtype": "float64", "mean": 1e4},
        "cut": 20,
        "options": {"path": "direct"},
    },
    "float64, gram": {
        "eager": True,
        "batch": {"rows": 9, "features": 33, "dtype": "float64"},
        "cut": 2,
        "options": {"path": "gram"},
    },
    "float16": {"eager": True, "batch": {"rows": 33, "features": 9, "dtype": "float16"}, "cut": 20},
    "bfloat16, masked, gram": {
        "batch": {"rows": 9, "features": 33, "dtype": "bfloat16", "masked": True},
        "cut": 2,
    },
}
# Those that run under a strategy as well: it adds nothing but TensorFlow's own collectives.
MIRRORED = (
    "two of 64, direct",
    "two of 64, gram",
    "two of 64, auto",
    "mask, direct",
    "mask, auto to gram",
    "first replica empty, direct",
    "first replica empty, gram",
    "one row each",
    "ddof and epsilon",
    "lambda, gram",
    "bfloat16, masked, gram",
)
PER_REPLICA = {**TWO_OF_64, "cross_replica": False}
REFUSED = {
    "second derivative, direct": {"second_derivative": True, "options": {"path": "direct"}},
    "second derivative, gram": {"second_derivative": True, "options": {"path": "gram"}},
    "numba": {"second_derivative": False, "options": {"backend": "numba"}},
    "xla": {"second_derivative": False, "options": {"backend": "xla"}},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    cases = {name: {"run": "loss", **LOSSES[name]} for name in MIRRORED}
    cases["per replica"] = {"run": "loss", **PER_REPLICA}
    cases |= {name: {"run": "refused", **keywords} for name, keywords in REFUSED.items()}
    return run_mirrored(cases, tmp_path_factory.mktemp("mirrored"))


def expected(batch, options=None):
    """Loss and gradients of the global batch in float64, on the very inputs of the replicas."""
    a, b, w = make_batch(**batch)
    keywords = {k: v for k, v in (options or {}).items() if k != "path"}
    views = [z.astype(np.float64) for z in (a, b)]
    return reference.barlow_twins_loss_and_gradients(*views, sample_weight=w, **keywords)


def assert_those_of_the_global_batch(name, losses, own_grads):
    """Of a case of LOSSES: the loss of each replica, and for each view the gradients of each."""
    batch, options = LOSSES[name]["batch"], LOSSES[name].get("options", {})
    loss, *grads = expected(batch, options)
    weights = make_batch(**batch)[2]
    rows = batch["rows"] if weights is None else np.count_nonzero(weights)
    allowed = tolerance(batch.get("dtype", "float32"), rows=rows)
    for replica in losses:
        assert abs(replica - loss) <= allowed.loss * max(loss, 1)
    for view, own, grad in zip("ab", own_grads, grads, strict=True):
        cut = LOSSES[name]["cut"]
        assert [len(rows) for rows in own] == [cut, batch["rows"] - cut]
        floor = 6e-8 if batch.get("dtype") == "float16" else 0.0  # its smallest subnormal number
        error = np.abs(np.concatenate(own) - grad).max()
        assert error <= allowed.gradient * np.abs(grad).max() + floor, f"gradient of {view}"


@pytest.mark.slow
@pytest.mark.parametrize("name", MIRRORED)
def test_loss_and_gradients_are_those_of_the_global_batch(name, results):
    """Sums over replicas of the gradients of L / R, which is what Keras and optimizers make."""
    own_grads = [results[f"{name}/{view}"] for view in "ab"]
    assert_those_of_the_global_batch(name, results[f"{name}/loss"], own_grads)


@pytest.mark.parametrize("name", LOSSES)
def test_in_two_threads(name, monkeypatch):
    views, cut = make_batch(**LOSSES[name]["batch"]), LOSSES[name]["cut"]

    def step(number):
        own = slice(cut) if number == 0 else slice(cut, None)
        a, b, w = (None if value is None else tf.constant(value[own]) for value in views)
        options = LOSSES[name].get("options", {})
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            loss = barlow_twins_loss_over_replicas(a, b, sample_weight=w, **options)
            share = loss / REPLICAS
        return loss, *(tf.cast(grad, tf.float64) for grad in tape.gradient(share, [a, b]))

    losses, *own_grads = zip(*run_in_threads(monkeypatch, step), strict=True)
    assert_those_of_the_global_batch(name, losses, own_grads)


@pytest.mark.parametrize("path", ["direct", "gram"])
def test_a_huge_row_whose_weight_vanishes_in_float32(path, monkeypatch):
    a, b, _ = make_batch(9, 5)
    b[4, 2] = 5e22
    w = np.r_[np.ones(4) * 1e22, 1e-20, np.ones(4) * 1e12]

    def step(number):
        own = slice(3) if number == 0 else slice(3, None)
        views = tf.constant(a[own]), tf.constant(b[own])
        weights = tf.constant(w[own])
        return barlow_twins_loss_over_replicas(*views, sample_weight=weights, path=path)

    losses = run_in_threads(monkeypatch, step)
    expected = reference.barlow_twins_loss(a.astype(float), b.astype(float), sample_weight=w)
    without = reference.barlow_twins_loss(a[:4].astype(float), b[:4].astype(float))
    assert abs(without - expected) > 0.1
    if path == "direct" or np.isfinite(losses).any():  # right, or no number
        np.testing.assert_allclose(losses, expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["direct", "gram", "auto"])
def test_two_replicas_of_64_rows(results, path):
    """The figures of the issue: 1e-6, where upstream's loss of each replica is another function."""
    loss, *grads = expected(TWO_OF_64["batch"])
    name = f"two of 64, {path}"
    np.testing.assert_allclose(results[f"{name}/loss"], loss, rtol=1e-6)
    ours = np.concatenate([*results[f"{name}/a"], *results[f"{name}/b"]])
    true = np.concatenate(grads)
    assert np.linalg.norm(ours - true) <= 1e-6 * np.linalg.norm(true)
    assert cosine(ours, true) >= 1 - 1e-12

    per_replica = np.concatenate([*results["per replica/a"], *results["per replica/b"]])
    assert abs(np.mean(results["per replica/loss"]) / loss - 1) > 0.05
    assert cosine(per_replica, true) < 0.98


@pytest.mark.slow
def test_per_replica_loss_is_that_of_the_own_rows(results):
    a, b, _ = make_batch(**TWO_OF_64["batch"])
    for i, rows in enumerate((slice(0, 64), slice(64, 128))):
        loss, grad, _ = reference.barlow_twins_loss_and_gradients(a[rows], b[rows])
        np.testing.assert_allclose(results["per replica/loss"][i], loss, rtol=1e-6)
        allowed = tolerance("float32").gradient * np.abs(grad).max()
        np.testing.assert_allclose(results["per replica/a"][i], grad / 2, rtol=0, atol=allowed)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ddof and epsilon", "lambda, gram"])
def test_gradient_of_lambda(name, results):
    a, b, w = make_batch(**MASKED["batch"])
    options = {k: v for k, v in LOSSES[name]["options"].items() if k not in ("path", "lambda_")}
    c = reference.cross_correlation(a, b, sample_weight=w, **options)
    redundancy = np.sum(c**2) - np.sum(np.diag(c) ** 2)
    np.testing.assert_allclose(np.sum(results[f"{name}/lambda"]), redundancy, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_what_replicas_cannot_do_is_refused(results, name):
    error = str(results[f"{name}/error"][0])
    if "derivative" in name:
        assert error.startswith("NotImplementedError: ")
        assert "no second derivative" in error
    else:
        assert error.startswith(f'ValueError: backend="{name}"')
    assert "cross_replica=False" in error


def cosine(a, b):
    return np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)
