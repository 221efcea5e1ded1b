"""The metrics under pytest-benchmark: `pytest bench/metrics/bench_metrics.py --benchmark-only`.

For the spread of one contestant's times. Ratios come from `python -m bench.metrics.report`, which
alternates.
"""

from functools import cache

import pytest

from ..loss.cases import make_views
from ..measure import repetitions_for, settle
from .report import CASES, CONTESTANTS, parity_error

_ROUNDS = 7
_LONGEST = 5.0  # seconds per benchmark, as far as three rounds allow

_parity_error = cache(parity_error)


@pytest.mark.parametrize("name", CONTESTANTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_metrics(benchmark, case, name):
    error = _parity_error(name)
    assert error is None, error
    call = CONTESTANTS[name](*make_views(case))
    call()
    iterations, seconds = repetitions_for(call)
    rounds = min(_ROUNDS, max(3, int(_LONGEST / (iterations * seconds))))
    benchmark.group = str(case)
    settle()
    benchmark.pedantic(call, rounds=rounds, iterations=iterations)
