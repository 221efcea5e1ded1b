"""The loss under pytest-benchmark: `pytest bench --benchmark-only`, groups by shape.

For the spread of one contestant's times. Rivals run one after the other here; ratios between them
come from `python -m bench.report`, which alternates.
"""

from functools import cache, lru_cache

import pytest

from ..measure import run_benchmark
from .cases import CASES, QUICK_CASES, make_views
from .contestants import BY_NAME, MAIN, WHAT
from .parity import parity_error

_parity_error = cache(parity_error)
_views = lru_cache(1)(make_views)  # one pair at a time: the parameters are ordered by shape


def pytest_generate_tests(metafunc):
    everything = metafunc.config.getoption("all")
    metafunc.parametrize("case", CASES if everything else QUICK_CASES, ids=str)
    metafunc.parametrize("name", BY_NAME if everything else [who.name for who in MAIN])
    metafunc.parametrize("what", WHAT if everything else WHAT[:1])


def test_loss(benchmark, case, name, what):
    contestant = BY_NAME[name]
    reason = contestant.reason_to_skip(case)
    if reason:
        pytest.skip(reason)
    error = contestant.has_loss and _parity_error(contestant)
    assert not error, error
    run_benchmark(benchmark, contestant.setup(*_views(case), what), f"{case} {what}")
