"""Peak memory of the Numba backend beside inputs and gradients, each in a process of its own."""

import os

import pytest
from graph_barlow_twins.kernels.loss.numba.plan import peak_extra_bytes

from bench.loss import memory
from bench.loss.cases import Case, make_views

pytestmark = pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="the peak is Linux' VmHWM"
)

# What the formula does not count: packing buffers of BLAS beyond those of the warm-up, stacks,
# huge pages begun but not filled. Well below what a forgotten buffer takes at the shapes below.
SLACK = 12e6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("numpy-direct", Case(20_000, 512)),  # [N, D]: 41 MB
        ("numpy-direct", Case(1024, 3072)),  # [D, D]: 38 MB
        ("numpy-gram", Case(512, 65_536)),  # [N, D]: 134 MB
        ("numpy-gram", Case(3072, 4096)),  # [N, N]: 38 MB, [N, D]: 50 MB
    ],
    ids=str,
)
def test_peak_obeys_the_formula(name, case):
    path = name.removeprefix("numpy-")
    measured = memory.measure_apart(name, case)["extra_bytes"]
    assert measured <= peak_extra_bytes(*case, 4, path) + SLACK


@pytest.mark.slow
def test_more_features_than_a_square_matrix_would_allow():
    assert memory.measure_apart("numpy", Case(512, 65_536))["extra_bytes"] < 2e9


@pytest.mark.slow
def test_a_million_rows_without_a_standardised_copy():
    # Views and gradients take 4.1 GB, one copy of a view 1 GB.
    assert memory.measure_apart("numpy", Case(1_000_000, 256))["extra_bytes"] < 100e6


def test_the_measurement_sees_a_copy(monkeypatch):
    # In this process: a contestant that copies one view has at least that as its peak.
    def setup(z_a, z_b, what):
        return lambda: (float((z_a + z_b).sum()),)

    contestant = memory.BY_NAME["numpy-direct"]
    copying = type(contestant)("copying", setup)
    monkeypatch.setitem(memory.BY_NAME, "copying", copying)
    case = Case(40_000, 256)
    size = make_views(case)[0].nbytes
    extra = memory.measure_here("copying", case)["extra_bytes"]
    assert size * 0.9 < extra < size + SLACK
