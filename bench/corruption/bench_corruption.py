"""The corruptors under pytest-benchmark: `pytest bench/corruption`, groups by case.

For the spread of one contestant's times. Rivals run one after the other here; ratios between them
come from `python -m bench.corruption.report`, which alternates.
"""

import pytest

from ..measure import repetitions_for, settle
from .cases import CASES, MODES
from .contestants import BY_NAME
from .modes import as_measured
from .soundness import soundness_error

_ROUNDS = 7
_LONGEST = 5.0  # seconds per benchmark, as far as three rounds allow


@pytest.fixture(scope="module")
def graph_of():
    """One graph at a time: the parameters are ordered by graph."""
    last = {}

    def make(case):
        if case.graph.name not in last:
            last.clear()
            last[case.graph.name] = case.graph.make()
        return last[case.graph.name]

    return make


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_corruption(benchmark, graph_of, case, name, mode):
    contestant = BY_NAME[name]
    if not contestant.can(case.operation):
        pytest.skip(f"{name} has no {case.operation}")
    reason = contestant.reason_to_skip(case.operation, case.graph, mode)
    if reason:
        pytest.skip(reason)
    error = soundness_error(contestant, case.operation, case.graph, mode)
    assert error is None, error
    graph = as_measured(case.operation, graph_of(case), mode)
    call = contestant.setup(case.operation, graph, mode)
    call()
    iterations, seconds = repetitions_for(call)
    rounds = min(_ROUNDS, max(3, int(_LONGEST / (iterations * seconds))))
    benchmark.group = f"{case} {mode}"
    settle()
    benchmark.pedantic(call, rounds=rounds, iterations=iterations)
