"""The corruptors under pytest-benchmark: `pytest bench/corruption`, groups by case.

For the spread of one contestant's times. Rivals run one after the other here; ratios between them
come from `python -m bench.corruption.report`, which alternates.
"""

import pytest

from ..measure import run_benchmark
from .cases import CASES, MODES, LastGraph, select
from .contestants import CONTESTANTS
from .modes import as_measured
from .soundness import soundness_error

_CHOSEN = select("1024x64,ragged-20000,edges-2000", CASES)
_graph_of = LastGraph()


def pytest_generate_tests(metafunc):
    everything = metafunc.config.getoption("all")
    of_cases = [
        pytest.param(case, who, id=f"{case}-{who.name}")
        for case in (CASES if everything else _CHOSEN)
        for who in CONTESTANTS
        if who.can(case.operation)
    ]
    metafunc.parametrize(("case", "contestant"), of_cases)
    metafunc.parametrize("mode", MODES if everything else ["function"])


def test_corruption(benchmark, case, contestant, mode):
    reason = contestant.reason_to_skip(case.operation, case.graph, mode)
    if reason:
        pytest.skip(reason)
    error = soundness_error(contestant, case.operation, case.graph, mode)
    assert error is None, error
    graph = as_measured(case.operation, _graph_of(case), mode)
    run_benchmark(benchmark, contestant.setup(case.operation, graph, mode), f"{case} {mode}")
