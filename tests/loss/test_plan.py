"""Plans of the Numba backend by hand, on a machine of three threads."""

import pytest
from graph_barlow_twins.kernels.loss.numba import plan

from tests.loss.conftest import MACHINES


@pytest.fixture(autouse=True)
def three_threads(monkeypatch):
    monkeypatch.setattr(plan, "machine", MACHINES["three parts"])


def test_rows_are_split_where_sums_of_their_own_are_small():
    assert plan.direct_plan(100, 64, 4) == plan.DirectPlan(3, 1, 3, 3, 3, 3)
    assert plan.direct_plan(100, 150, 4) == plan.DirectPlan(1, 3, 2, 3, 3, 3)


def test_the_bound_of_the_memory_is_its_formula():
    N, D, s, T, b = 100, 150, 4, 3, 50
    expected = s * D**2 + 2 * s * T * b * D + 40 * (N // b) * D + s * N + 200 * T * D
    assert plan.peak_extra_bytes(N, D, s, "direct") == expected
    P, p = plan.gram_plan(N, D, s).parts, plan.gram_plan(N, D, s).width
    assert P == 3
    expected = 2 * s * (P + 1) * N**2 + 4 * s * P * p * N + 40 * D + s * N + 40 * P * p
    assert plan.peak_extra_bytes(N, D, s, "gram") == expected
