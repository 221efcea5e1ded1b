"""What the Numba backend takes, keeps and allocates, and how it chooses its path."""

import tracemalloc

import numpy as np
import pytest
from graph_barlow_twins.kernels.loss import paths as loss_paths
from graph_barlow_twins.kernels.loss.numba import entry as backend
from graph_barlow_twins.kernels.loss.numba.plan import peak_extra_bytes

from tests.views import PATHS, make_views

pytestmark = pytest.mark.usefixtures("nan_filled_buffers")


@pytest.mark.parametrize("path", PATHS)
def test_other_memory_orders_and_read_only_views(path):
    z_a, z_b = make_views(63, 33)
    expected = backend.barlow_twins_loss_and_gradients(z_a, z_b, path=path)
    strided = np.zeros((126, 66), np.float32)
    strided[::2, ::2] = z_a
    read_only = z_b.copy()
    read_only.flags.writeable = False
    compiled = len(backend.direct.kernels.accumulate.signatures)
    for a, b in ((np.asfortranarray(z_a), z_b), (strided[::2, ::2], read_only)):
        result = backend.barlow_twins_loss_and_gradients(a, b, path=path)
        for ours, theirs in zip(result, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert len(backend.direct.kernels.accumulate.signatures) == compiled


@pytest.mark.parametrize("path", PATHS)
def test_residuals_hold_no_copy_of_the_views(path):
    z_a, z_b = make_views(500, 20) if path == "direct" else make_views(20, 500)
    inner = backend.forward(z_a, z_b, path=path)[1].inner
    held = sum(
        v.nbytes for v in vars(inner).values() if isinstance(v, np.ndarray) and v.base is None
    )
    assert np.shares_memory(inner.A, z_a)
    assert np.shares_memory(inner.B, z_b)
    assert held - z_a.nbytes - z_b.nbytes < z_a.nbytes


@pytest.mark.parametrize(("rows", "features"), [(3000, 64), (300, 300), (64, 3000), (300, 400)])
def test_peak_memory_is_what_the_formula_says(rows, features, work_split):
    path = loss_paths.choose_path(rows, features)
    z_a, z_b = make_views(rows, features)
    backend.barlow_twins_loss_and_gradients(z_a, z_b)
    tracemalloc.start()
    _, residuals = backend.forward(z_a, z_b)
    forward = tracemalloc.get_traced_memory()[1]
    gradients = backend.backward(residuals)
    backward = tracemalloc.get_traced_memory()[1] - sum(g.nbytes for g in gradients)
    tracemalloc.stop()
    bound = peak_extra_bytes(rows, features, 4, path) + 20_000  # Python's own
    assert max(forward, backward) < bound
    assert bound < 4 * max(forward, backward)


def test_residuals_can_be_used_again():
    _, residuals = backend.forward(*make_views(63, 33))
    once, twice = backend.backward(residuals), backend.backward(residuals, 2.0)
    np.testing.assert_allclose(np.multiply(once, 2), twice, rtol=1e-6)
    np.testing.assert_array_equal(once, backend.backward(residuals))


def test_auto_takes_the_path_with_the_smaller_matrices():
    assert loss_paths.choose_path(8192, 512) == "direct"
    assert loss_paths.choose_path(256, 8192) == "gram"
    views = make_views(20, 50)
    assert isinstance(backend.forward(*views)[1].inner, backend.gram.GramResiduals)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.zeros((3, 2)), np.zeros((3, 2), int)), {}, TypeError, "float64 and int64"),
        ((np.zeros((3, 2)), np.zeros((3, 2), "f")), {}, TypeError, "float64 and float32"),
        ((np.zeros(3), np.zeros(3)), {}, ValueError, r"\[N, D\]"),
        ((np.zeros((3, 2)), np.zeros((4, 2))), {}, ValueError, r"\(3, 2\) and \(4, 2\)"),
        ((np.zeros((3, 2)),) * 2, {"sample_weight": np.zeros(2)}, ValueError, r"shape \[3\]"),
        ((np.zeros((3, 2)),) * 2, {"sample_weight": [1, -2, 1]}, ValueError, r"got -2\.0"),
        ((np.zeros((3, 2)),) * 2, {"sample_weight": [1, np.nan, 1]}, ValueError, "got nan"),
        ((np.zeros((3, 2)),) * 2, {"sample_weight": [1, np.inf, 1]}, ValueError, "got inf"),
        ((np.zeros((0, 2)),) * 2, {"sample_weight": np.zeros(2)}, ValueError, r"shape \[0\]"),
        ((np.zeros((3, 0)),) * 2, {}, ValueError, "at least one feature"),
        ((np.zeros((3, 2)),) * 2, {"backend": "xla"}, ValueError, "one of auto, numba"),
        ((np.zeros((3, 2)),) * 2, {"epsilon": 0.0}, ValueError, "epsilon should be positive"),
        ((np.zeros((3, 2)),) * 2, {"path": "short"}, ValueError, "path should be one of"),
    ],
)
def test_bad_arguments(arguments, options, error, message):
    with pytest.raises(error, match=message):
        backend.barlow_twins_loss_and_gradients(*arguments, **options)
