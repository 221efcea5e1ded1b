"""The Numba backend against reference/: every path, dtype and shape, and its behaviour as a guest.

Buffers that the kernels allocate are filled with NaN here, so an element nobody wrote shows.
"""

import os
import subprocess
import sys
import threading
import tracemalloc

import ml_dtypes
import numpy as np
import pytest
from graph_barlow_twins.kernels import blas, loss_numba_cost, loss_numba_memory, loss_numba_team
from graph_barlow_twins.kernels import loss_numba as backend
from graph_barlow_twins.reference import barlow_twins_loss_and_gradients as reference
from tolerances import tolerance

PATHS = ("direct", "gram")
DTYPES = {
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float32": np.float32,
    "float64": np.float64,
}
ROWS = (1, 2, 3, 63, 128, 1000)
FEATURES = (1, 2, 33, 60, 257)
UPSTREAM_GRADIENT = -2.5  # other than 1, so that a kernel which forgets it is caught


@pytest.fixture(autouse=True)
def nan_filled_buffers(monkeypatch):
    monkeypatch.setattr(
        loss_numba_memory, "empty", lambda shape, dtype=float: np.full(shape, np.nan, dtype)
    )


@pytest.fixture(params=["one thread", "three parts"])
def parts(request, monkeypatch):
    """Work split as for a small shape on any machine, or as for a large one on three cores."""
    small = request.param == "one thread"
    monkeypatch.setattr(loss_numba_cost, "_SERIAL_WORK", np.inf if small else 0)
    monkeypatch.setattr(loss_numba_cost, "_SERIAL_ELEMENTS", np.inf if small else 0)
    monkeypatch.setattr(loss_numba_cost, "TEAM_SIZE", 3)
    monkeypatch.setattr(loss_numba_team, "TEAM_SIZE", 3)
    if not small:
        # Several blocks and panels per part, of unequal size.
        monkeypatch.setattr(loss_numba_cost, "_BLOCK_BYTES", 0)
        monkeypatch.setattr(loss_numba_cost, "_MIN_BLOCK_ROWS", 50)
        monkeypatch.setattr(loss_numba_cost, "_PANEL_BYTES", 0)
        monkeypatch.setattr(loss_numba_cost, "_PANEL_WIDTH", 20)


def make_views(rows, features, dtype="float32", *, mean=0.0, seed=0):
    rng = np.random.default_rng([seed, rows, features])
    a = rng.normal(size=(rows, features)) + mean
    b = a + rng.normal(size=(rows, features))
    return a.astype(DTYPES[dtype]), b.astype(DTYPES[dtype])


def make_weights(rows, seed=0):
    """Weights with zeros among them, but not all zero, exact in every dtype of the kernels."""
    rng = np.random.default_rng([seed, rows])
    w = rng.integers(1, 64, rows) / 32 * (rng.random(rows) > 0.3)
    w[0] = 1.0
    return w


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
def test_parity(dtype, weighted, normalize_batch, ddof, path, parts):
    for rows, features in [(3, 2), (63, 33), (128, 257), (257, 60)]:
        options = {"normalize_batch": normalize_batch, "ddof": ddof}
        if weighted:
            options["sample_weight"] = make_weights(rows)
        assert_parity(*make_views(rows, features, dtype), path, **options)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes(dtype, rows, features, path, parts):
    views = make_views(rows, features, dtype)
    assert_parity(*views, path)
    assert_parity(*views, path, normalize_batch=False)
    weights = make_weights(rows)
    assert_parity(*views, path, ddof=1, epsilon=1e-5, lambda_=0.0051, sample_weight=weights)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [2, 3, 63, 1000])
def test_large_mean_and_constant_feature(rows, dtype, path, parts):
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
def test_mean_that_drifts_over_the_blocks(path, parts):
    z_a, z_b = make_views(1000, 7)
    # Of another frequency for each feature: the features stay apart from one another.
    turns = np.linspace(0, 1, 1000)[:, None] * np.arange(1, 8)
    drift = (1e3 + 5 * np.sin(2 * np.pi * turns)).astype(np.float32)
    assert_parity(z_a + drift, z_b - drift, path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("normalize_batch", [True, False])
def test_rows_of_weight_zero_take_no_part(normalize_batch, path, parts):
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
def test_nan_and_infinity_show_in_the_loss(rows, bad, path, parts):
    z_a, z_b = make_views(rows, 9)
    z_b[-1, 4] = bad
    assert np.isnan(backend.barlow_twins_loss(z_a, z_b, path=path))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("options", [{"sample_weight": np.zeros(4)}, {"ddof": 4}])
def test_constant_losses(options, path):
    loss, *gradients = backend.barlow_twins_loss_and_gradients(
        *make_views(4, 3), path=path, **options
    )
    assert loss == 3
    assert not np.any(gradients)


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_no_row_and_one_row(dtype, path, rows):
    loss, *gradients = backend.barlow_twins_loss_and_gradients(
        *make_views(rows, 7, dtype), path=path
    )
    assert loss == 7
    for gradient in gradients:
        assert gradient.shape == (rows, 7)
        assert not np.any(gradient)


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


@pytest.mark.parametrize(("rows", "features"), [(3000, 64), (700, 300), (64, 3000), (300, 700)])
def test_peak_memory_is_what_the_formula_says(rows, features, parts):
    path = loss_numba_cost.choose_path(rows, features)
    z_a, z_b = make_views(rows, features)
    backend.barlow_twins_loss_and_gradients(z_a, z_b)
    tracemalloc.start()
    _, residuals = backend.forward(z_a, z_b)
    forward = tracemalloc.get_traced_memory()[1]
    gradients = backend.backward(residuals)
    backward = tracemalloc.get_traced_memory()[1] - sum(g.nbytes for g in gradients)
    tracemalloc.stop()
    bound = loss_numba_cost.peak_extra_bytes(rows, features, 4, path) + 20_000  # Python's own
    assert max(forward, backward) < bound
    assert bound < 4 * max(forward, backward)


def test_residuals_can_be_used_again():
    _, residuals = backend.forward(*make_views(63, 33))
    once, twice = backend.backward(residuals), backend.backward(residuals, 2.0)
    np.testing.assert_allclose(np.multiply(once, 2), twice, rtol=1e-6)
    np.testing.assert_array_equal(once, backend.backward(residuals))


def test_auto_takes_the_path_with_the_smaller_matrices():
    assert loss_numba_cost.choose_path(8192, 512) == "direct"
    assert loss_numba_cost.choose_path(256, 8192) == "gram"
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
        ((np.zeros((3, 2)),) * 2, {"epsilon": 0.0}, ValueError, "epsilon should be positive"),
        ((np.zeros((3, 2)),) * 2, {"path": "short"}, ValueError, "path should be one of"),
    ],
)
def test_bad_arguments(arguments, options, error, message):
    with pytest.raises(error, match=message):
        backend.barlow_twins_loss_and_gradients(*arguments, **options)


# A guest in the process: threads, forks, caches, the settings of others.


@pytest.mark.parametrize("path", PATHS)
def test_concurrent_callers_get_what_a_single_one_gets(path, parts):
    cases = [make_views(300, 40, seed=seed) for seed in range(6)]
    expected = [backend.barlow_twins_loss_and_gradients(*views, path=path) for views in cases]
    wrong = []

    def call(views, right):
        for _ in range(20):
            result = backend.barlow_twins_loss_and_gradients(*views, path=path)
            if not all(np.array_equal(x, y) for x, y in zip(result, right, strict=True)):
                wrong.append(result)

    threads = [
        threading.Thread(target=call, args=case) for case in zip(cases, expected, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def blas_threads():
    shared, per_thread = blas._libraries()
    return [library.num_threads for library in shared + per_thread]


def failure(function):
    try:
        function()
    except Exception as error:
        return type(error)


def test_blas_threads_are_limited_inside_and_restored_after():
    before = blas_threads()

    def fail_inside():
        with blas.single_threaded_blas(), blas.single_threaded_blas():
            assert set(blas_threads()) == {1}
            raise KeyError

    for _ in range(2):  # threadpoolctl alone would ignore the second thread
        caught = []
        thread = threading.Thread(target=lambda caught=caught: caught.append(failure(fail_inside)))
        thread.start()
        thread.join()
        assert caught == [KeyError]
        assert blas_threads() == before


def test_an_error_in_a_part_reaches_the_caller():
    def kernel(part):
        if part == 1:
            raise KeyError(part)

    with pytest.raises(KeyError):
        loss_numba_team.run_parts(kernel, [(0,), (1,), (2,)])
    ran = []
    loss_numba_team.run_parts(ran.append, [(0,), (1,), (2,)])
    assert sorted(ran) == [0, 1, 2]


def run_python(code, **environment):
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


CALL = """
import numpy as np
from graph_barlow_twins.kernels import loss_numba
z = np.random.default_rng(0).normal(size=(2, 700, 200)).astype(np.float32)
loss, grad, _ = loss_numba.barlow_twins_loss_and_gradients(*z, path="direct")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_works_after_a_fork():
    code = CALL + (
        "import os\n"
        "child = os.fork()\n"
        "again = loss_numba.barlow_twins_loss_and_gradients(*z, path='direct')[1]\n"
        "same = np.array_equal(again, grad)\n"
        "if child == 0:\n"
        "    os._exit(0 if same else 3)\n"
        "print(os.waitpid(child, 0)[1], same)\n"
    )
    assert run_python(code) == "0 True"


def test_second_process_compiles_nothing(tmp_path):
    code = CALL + (
        "kernels = loss_numba.direct.kernels\n"
        "stats = [f.stats for f in (kernels.accumulate, kernels.gradients)]\n"
        "print(sum(sum(s.cache_misses.values()) for s in stats))\n"
    )
    assert run_python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "2"
    assert run_python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "0"


@pytest.mark.parametrize("fault", ["ensure_cache_path", "save"])
def test_cache_that_cannot_be_written(tmp_path, fault):
    # Found out at decoration (no directory at all), or not before the first call (a full disk).
    owner = "_CacheLocator" if fault == "ensure_cache_path" else "IndexDataCacheFile"
    code = (
        "import numba.core.caching as caching\n"
        "def fail(*args):\n"
        "    raise OSError('read-only')\n"
        f"caching.{owner}.{fault} = fail\n" + CALL + "print(np.isfinite(loss))\n"
    )
    assert run_python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "True"
