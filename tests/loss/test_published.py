"""The losses of docs/theory/losses.md, each against its source's formula written out in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins import reference
from graph_barlow_twins.kernels.loss.entry import barlow_twins_loss
from tensorflow_gnn.models.contrastive_losses import losses as upstream

from tests.tolerances import tolerance


def off_diagonal_squares(c):
    return np.sum(c**2) - np.sum(np.diag(c) ** 2)


def paper(z_a, z_b):
    """Zbontar et al. 2021: batch normalisation (biased variance), cross-correlation over N."""
    views = [(z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5) for z in (z_a, z_b)]
    c = views[0].T @ views[1] / len(z_a)
    return np.sum((np.diag(c) - 1) ** 2) + 0.0051 * off_diagonal_squares(c)


def graph_barlow_twins(z_a, z_b):
    """Bielak et al. 2022: unbiased standard deviation plus 1e-15, lambda = 1 / D."""
    views = [(z - z.mean(0)) / (z.std(0, ddof=1) + 1e-15) for z in (z_a, z_b)]
    c = views[0].T @ views[1] / len(z_a)
    return np.sum((1 - np.diag(c)) ** 2) + off_diagonal_squares(c) / z_a.shape[1]


def tfgnn(z_a, z_b):
    """TF-GNN's own function, in float32, the only dtype it takes."""
    return float(upstream.barlow_twins_loss(tf.cast(z_a, tf.float32), tf.cast(z_b, tf.float32)))


LOSSES = [
    (tfgnn, {}, "float32"),
    (paper, {"lambda_": 0.0051, "epsilon": 1e-5}, "float64"),
    (graph_barlow_twins, {"epsilon": 1e-30, "ddof": 1}, "float64"),
]


def views(rows, features):
    rng = np.random.default_rng([rows, features])
    z_a = rng.normal(size=(rows, features))
    z_b = z_a + rng.normal(size=(rows, features))
    return [z.astype(np.float32).astype(np.float64) for z in (z_a, z_b)]


@pytest.mark.parametrize("shape", [(63, 33), (33, 63)])
@pytest.mark.parametrize(("formula", "options", "dtype"), LOSSES)
def test_reference(formula, options, dtype, shape):
    z_a, z_b = views(*shape)
    expected = formula(z_a, z_b)
    found = reference.barlow_twins_loss(z_a, z_b, **options)
    assert found == pytest.approx(expected, rel=tolerance(dtype).loss)


@pytest.mark.parametrize("path", ["direct", "gram"])
@pytest.mark.parametrize("backend", ["graph", "numba", pytest.param("xla", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("formula", "options", "dtype"), LOSSES)
def test_backends(formula, options, dtype, backend, path):
    z_a, z_b = views(63, 33)
    expected = formula(z_a, z_b)
    inputs = [tf.cast(z, dtype) for z in (z_a, z_b)]
    found = barlow_twins_loss(*inputs, backend=backend, path=path, **options)
    assert float(found) == pytest.approx(expected, rel=tolerance(dtype, path).loss)
