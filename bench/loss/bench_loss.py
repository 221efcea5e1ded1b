"""The loss under pytest-benchmark: `pytest bench --benchmark-only`, groups by shape.

For the spread of one contestant's times. Rivals run one after the other here; ratios between them
come from `python -m bench.report`, which alternates.
"""

from functools import cache

import pytest

from ..measure import repetitions_for, settle
from .cases import CASES, make_views
from .contestants import BY_NAME, WHAT
from .parity import parity_error

_ROUNDS = 7
_LONGEST = 5.0  # seconds per benchmark, as far as three rounds allow


@cache
def _parity_error(name):
    return parity_error(BY_NAME[name])


@pytest.fixture(scope="module")
def views():
    """One pair of views at a time: the parameters are ordered by shape."""
    last = {}

    def make(case):
        if case not in last:
            last.clear()
            last[case] = make_views(case)
        return last[case]

    return make


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_loss(benchmark, views, case, name, what):
    contestant = BY_NAME[name]
    reason = contestant.reason_to_skip(case)
    if reason:
        pytest.skip(reason)
    error = _parity_error(name)
    assert error is None, error
    call = contestant.setup(*views(case), what)
    call()
    iterations, seconds = repetitions_for(call)
    rounds = min(_ROUNDS, max(3, int(_LONGEST / (iterations * seconds))))
    benchmark.group = f"{case} {what}"
    settle()
    benchmark.pedantic(call, rounds=rounds, iterations=iterations)
