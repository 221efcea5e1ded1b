"""The metrics under pytest-benchmark: `pytest bench/metrics/bench_metrics.py --benchmark-only`.

For the spread of one contestant's times. Ratios come from `python -m bench.metrics.report`, which
alternates.
"""

from functools import cache

from ..loss.cases import make_views
from ..measure import run_benchmark
from .report import CASES, CONTESTANTS, QUICK_CASES, parity_error

_parity_error = cache(parity_error)


def pytest_generate_tests(metafunc):
    everything = metafunc.config.getoption("all")
    metafunc.parametrize("case", CASES if everything else QUICK_CASES, ids=str)
    metafunc.parametrize("name", CONTESTANTS)


def test_metrics(benchmark, case, name):
    error = _parity_error(name)
    assert error is None, error
    run_benchmark(benchmark, CONTESTANTS[name](*make_views(case)), str(case))
