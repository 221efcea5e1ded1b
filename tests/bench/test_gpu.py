"""bench/gpu: what is exported without a GPU is checked and timed by JAX alone."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

from bench.gpu import run
from tests.fresh_process import ROOT

CASE = {"rows": 6, "features": 4, "dtype": "float32", "seed": 3, "name": "case"}


def outputs_and_stored():
    rng = np.random.default_rng(0)
    gradients = [rng.standard_normal((6, 4)) for _ in range(2)]
    sampled = [one.reshape(-1)[run.sample_positions(CASE)] for one in gradients]
    stored = {"loss": 2.0, "grad_a": sampled[0], "grad_b": sampled[1]}
    return [np.float64(2.0), *gradients], stored


def test_check_gives_relative_errors():
    outputs, stored = outputs_and_stored()
    outputs[0] = np.float64(2.002)
    errors = run.check(CASE, outputs, stored)
    assert errors["loss"] == pytest.approx(1e-3)
    assert errors["grad_a"] == errors["grad_b"] == 0


@pytest.mark.parametrize("wrong", ["loss", "swapped gradients", "not a number"])
def test_check_refuses_wrong_programs(wrong):
    outputs, stored = outputs_and_stored()
    if wrong == "loss":
        outputs[0] = np.float64(2.1)
    elif wrong == "swapped gradients":
        outputs[1:] = outputs[:0:-1]
    else:
        outputs[1] = np.full((6, 4), np.nan)
    with pytest.raises(ValueError, match="relative errors"):
        run.check(CASE, outputs, stored)


def test_views_are_drawn_alike_and_correlated():
    first, second = run.make_inputs(CASE), run.make_inputs(CASE)
    np.testing.assert_array_equal(first, second)
    a, b = run.make_inputs({**CASE, "rows": 2000})
    assert 0.75 < np.corrcoef(a[:, 0], b[:, 0])[0, 1] < 0.85  # 1 / (1 + 0.5^2)


@pytest.mark.slow  # compiles the programs once here and once for JAX
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX: the extra `bench`")
def test_exported_programs_run_under_jax(tmp_path):
    def python(*arguments):
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr

    python("-m", "bench.gpu.export", "--output", tmp_path / "programs", "--quick")
    python("bench/gpu/run.py", tmp_path / "programs", "--output", tmp_path / "rows.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [row["name"] for row in rows][-1] == "step"
    assert len(rows) == 5
    for row in rows:
        most = 1e-5 if row["dtype"] == "float32" else 5e-3  # no tf32 on a CPU
        assert max(row["errors"].values()) < most, row
        assert {"ours", "JAX formula"} <= set(row["times_ms"])


def test_table_shows_medians_and_ratios():
    from bench.gpu.table import render

    row = {"device": "card", "jax": "1", "tensorflow": "2", "name": "4x2-direct-float32"}
    times = {"ours": [1.0, 2.0, 9.0], "JAX formula": [3.0, 3.0, 3.0]}
    errors = {"loss": 0.5, "grad_a": 1e-3, "grad_b": 2e-3}
    table = render([{**row, "errors": errors, "times_ms": times}, {**row, "error": "too large"}])
    assert table.startswith("card, JAX 1, programs of TensorFlow 2\n")
    assert "| 4x2-direct-float32 | 2.000 | 1.50x |  |  |  | 2e-03 |" in table
    assert "| 4x2-direct-float32 | too large |" in table


def test_cost_model_finds_the_coefficients_and_the_faster_path():
    from bench.gpu import cost

    known = {"direct": [0.1, 0.02, 0.004, 0.02], "gram": [0.09, 0.015, 0.02, 0.04]}
    shapes = [(2**n, 2**d) for n in range(6, 14, 2) for d in range(6, 15, 2)]
    times = {
        (N, D, path): float(cost.terms(N, D, path) @ known[path])
        for N, D in shapes
        for path in cost.PATHS
    }
    fitted = cost.fit(times)
    for path in cost.PATHS:
        np.testing.assert_allclose(fitted[path], known[path], rtol=1e-6)
    table = cost.render(times)
    assert "| 256x4096 | " in table
    assert table.count("| gram | gram |") + table.count("| direct | direct |") > len(shapes) / 2
