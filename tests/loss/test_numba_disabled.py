"""NUMBA_DISABLE_JIT=1: everything is as right as compiled, only slower."""

import numpy as np
import pytest

from tests.fresh_process import run_python

pytestmark = pytest.mark.slow  # processes of their own, and Python in place of machine code

HEAD = """
import numba, numpy as np
assert numba.config.DISABLE_JIT
rng = np.random.default_rng(0)
"""


def run_plain(code):
    return run_python(HEAD + code, NUMBA_DISABLE_JIT="1", TF_CPP_MIN_LOG_LEVEL="3")


def test_loss_and_gradients():
    code = """
from graph_barlow_twins.kernels import barlow_twins_loss_and_gradients as fast
from graph_barlow_twins.reference.loss import barlow_twins_loss_and_gradients as slow
for shape in (40, 12), (12, 40), (9, 9):
    for dtype, most in (np.float64, 1e-10), (np.float32, 1e-4):
        a, b = rng.normal(size=(2, *shape)).astype(dtype)
        for weights in None, rng.integers(0, 3, shape[0]).astype(float):
            found, right = (f(a, b, sample_weight=weights) for f in (fast, slow))
            for one, other in zip(found, right):
                np.testing.assert_allclose(one, other, rtol=most, atol=most)
"""
    run_plain(code)


def test_sparse_products():
    code = """
import scipy.sparse
from graph_barlow_twins.kernels.sparse import normalized_csr, sparse_polynomial
A = scipy.sparse.random(30, 30, 0.2, "csr", np.float32, rng=rng)
A.setdiag(0); A.eliminate_zeros(); A = scipy.sparse.csr_matrix(A)
H, c = rng.normal(size=(30, 5)).astype(np.float32), np.array([0.5, -1, 2])
dense = A.toarray()
right = 0.5 * H - dense @ H + 2 * dense @ dense @ H
np.testing.assert_allclose(sparse_polynomial(A.indptr, A.indices, A.data, c, H), right, atol=1e-4)
rows, columns = A.tocoo().row, A.tocoo().col
indptr, indices, values = normalized_csr(rows, columns, A.data, 30)
found = scipy.sparse.csr_matrix((values, indices, indptr), (30, 30)).toarray()
loops = dense + np.eye(30)
np.testing.assert_allclose(
    found, loops / np.sqrt(np.outer(loops.sum(1), loops.sum(0))), atol=1e-6)
"""
    run_plain(code)


def test_metrics_and_map():
    code = """
from graph_barlow_twins.kernels.metrics.host_products import smaller_gram, squared_lengths
X = rng.normal(size=(70, 9))
for one in X, np.ascontiguousarray(X.T):
    np.testing.assert_allclose(np.tril(smaller_gram(one)), np.tril(X.T @ X), atol=1e-10)
L = np.tril(rng.normal(size=(9, 9)))
np.testing.assert_allclose(squared_lengths(X, L), np.sum((X @ L.T) ** 2, axis=1), atol=1e-10)
from graph_barlow_twins.pretrain.report.map import tsne
groups = np.repeat(np.eye(3, 9) * 20, 20, axis=0) + rng.normal(size=(60, 9))
Y = tsne(groups)
near = np.argsort(((Y[:, None] - Y) ** 2).sum(2), axis=1)[:, 1:6]
assert (near // 20 == np.arange(60)[:, None] // 20).mean() > 0.95
"""
    run_plain(code)


@pytest.mark.parametrize("encoder", ["linear", "gcn", "channels"])
def test_the_main_job(tmp_path, encoder):
    code = f"""
import os
from graph_barlow_twins.pretrain.cli.main import main
from tests.runs import save_rings
spec = save_rings("{tmp_path}/rings.npz")
steps = [] if "{encoder}" == "channels" else ["--steps", "3"]
options = ["--units", "8", "--encoder", "{encoder}", *steps, "--folds", "2"]
assert main(["pretrain", "--dataset", spec, "--output", "{tmp_path}/run", *options]) == 0
"""
    run_plain(code)
    compiled = code.replace(f"{tmp_path}/run", f"{tmp_path}/compiled")
    run_python(compiled, TF_CPP_MIN_LOG_LEVEL="3")
    with (
        np.load(tmp_path / "run" / "embeddings.npz") as plain,
        np.load(tmp_path / "compiled" / "embeddings.npz") as right,
    ):
        np.testing.assert_allclose(plain["embeddings"], right["embeddings"], atol=1e-4)
