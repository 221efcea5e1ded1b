"""Times contestants in alternation, so that what slows the machine down slows all of them down."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

# Long enough for some calls after the first ones: on a virtual machine the scheduler takes a few
# milliseconds to spread threads that were asleep over the cores.
_SHORTEST_SAMPLE = 60e-3
# Longer calls are not repeated to warm up after the pause: what they would gain is below 1 %.
_LONG_CALL = 0.2
_PAUSE = 5e-3
_LONGEST_PAUSE = 0.2
_ROUNDS, _LONGEST_BENCHMARK = 7, 5.0  # seconds, as far as three rounds allow


@dataclass
class Timing:
    """Times of one contestant, in seconds.

    Attributes:
        first_call: Of the first call, with tracing, compiling, or loading compiled code.
        samples: Seconds per call, one per round.
    """

    first_call: float
    samples: list[float] = field(default_factory=list)

    def as_row(self) -> dict:
        """For a row of the results."""
        return {
            "median_ms": round(median(self.samples) * 1e3, 5),
            "min_ms": round(min(self.samples) * 1e3, 5),
            "samples": len(self.samples),
            "first_call_s": round(self.first_call, 4),
        }


def settle() -> None:
    """Sleeps until no thread of this process runs any more.

    The pools of OpenBLAS, OpenMP and Eigen spin for tens of milliseconds after their last task,
    and would take a core from the next contestant. Their spinning shows as processor time.
    """
    started = time.perf_counter()
    while time.perf_counter() - started < _LONGEST_PAUSE:
        wall, busy = time.perf_counter(), time.process_time()
        time.sleep(_PAUSE)
        if time.process_time() - busy < 0.1 * (time.perf_counter() - wall):
            return


def seconds_per_call(call: Callable, repetitions: int) -> float:
    """The mean time of some calls."""
    started = time.perf_counter()
    for _ in range(repetitions):
        call()
    return (time.perf_counter() - started) / repetitions


def repetitions_for(call: Callable) -> tuple[int, float]:
    """``(calls per sample, seconds per call)``: a sample takes 60 ms or more."""
    settle()
    seconds = seconds_per_call(call, 1)
    while seconds < _SHORTEST_SAMPLE:
        repetitions = int(_SHORTEST_SAMPLE / seconds) + 1
        seconds = seconds_per_call(call, repetitions)
        if seconds * repetitions >= _SHORTEST_SAMPLE:
            return repetitions, seconds
    return 1, seconds


def sample(call: Callable, repetitions: int, seconds: float) -> float:
    """One measurement: quiet, then warm, then timed."""
    settle()
    if seconds < _LONG_CALL:
        seconds_per_call(call, -(-repetitions // 2))
    return seconds_per_call(call, repetitions)


def run_benchmark(benchmark, call: Callable, group: str) -> None:
    """Times a call under pytest-benchmark: seven rounds, or three where that takes seconds."""
    call()
    repetitions, seconds = repetitions_for(call)
    rounds = min(_ROUNDS, max(3, int(_LONGEST_BENCHMARK / (repetitions * seconds))))
    benchmark.group = group
    settle()
    benchmark.pedantic(call, rounds=rounds, iterations=repetitions)


def measure(
    setups: Mapping[str, Callable], *, rounds: int, budget: float, least_rounds: int = 3
) -> dict[str, Timing]:
    """Times each contestant once per round: A B C, A B C, and so on.

    Args:
        setups: Per name, a function that returns the call to be timed.
        rounds: Number of rounds.
        budget: Seconds after which no further round begins.
        least_rounds: So many rounds even beyond the budget.

    Returns:
        The timings by name.
    """
    started = time.perf_counter()
    calls, timings = {}, {}
    for name, setup in setups.items():
        call = setup()
        settle()
        timings[name] = Timing(seconds_per_call(call, 1))
        calls[name] = (call, *repetitions_for(call))
    for done in range(rounds):
        if done >= least_rounds and time.perf_counter() - started > budget:
            break
        for name, call in calls.items():
            timings[name].samples.append(sample(*call))
    return timings
