"""Ratios of a tree's times to a commit's, and what the machine's unrest would make of none."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Sequence

import numpy as np

TREE, COMMIT, AGAIN = "this tree", "the commit", "the commit again"

LEAST_MARGIN = 1.15  # slower by less is not worth an alarm
_SUSPECT, _SURE = 2.5, 5.0  # standard errors
_OF_NORMAL = 1.4826  # standard deviation by median absolute deviation, of a normal distribution


class NotComparableError(Exception):
    """A case that one of the trees cannot run."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One case.

    Attributes:
        ratios: seconds of the tree by those of the commit, round by round.
        unrest: seconds of the commit by those of the same commit in another process, likewise.
    """

    ratios: tuple[float, ...]
    unrest: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median; above 1 the tree is slower."""
        return statistics.median(self.ratios)

    @property
    def margin(self) -> float:
        """A ratio up to here may be the machine's: five standard errors; see `margin_of`."""
        return self.margin_of(_SURE)

    def margin_of(self, deviations: float) -> float:
        """So many standard errors of a median, by the spread of the commit against itself.

        At least 15 %. A process may be a little slower than its twin throughout (where its memory
        lies, for one), so the twins' own median counts, too.
        """
        logs = np.log(self.unrest)
        centre = float(np.median(logs))
        spread = _OF_NORMAL * float(np.median(np.abs(logs - centre)))
        error = 1.2533 * spread / np.sqrt(len(logs))
        return max(LEAST_MARGIN, float(np.exp(abs(centre) + deviations * error)))

    @property
    def is_slower(self) -> bool:
        """Whether the tree is slower than the machine's unrest explains."""
        return self.ratio > self.margin

    def __add__(self, other: Comparison) -> Comparison:
        return Comparison(self.ratios + other.ratios, self.unrest + other.unrest)


def compare(ask: Callable[[str, str], float], case: str, rounds: int) -> Comparison:
    """Times a case in turn.

    Args:
        ask: who, of TREE, COMMIT and AGAIN, and what case, to seconds.
        case: its name.
        rounds: at least 3. The order changes from round to round.

    Raises:
        NotComparableError: see `ask`.
    """
    order: Sequence[str] = (TREE, COMMIT, AGAIN)
    found: dict[str, list[float]] = {who: [] for who in order}
    for number in range(rounds):
        turn = number % len(order)
        for who in (*order[turn:], *order[:turn]):
            found[who].append(ask(who, case))
    ratios = (a / b for a, b in zip(found[TREE], found[COMMIT], strict=True))
    unrest = (a / b for a, b in zip(found[AGAIN], found[COMMIT], strict=True))
    return Comparison(tuple(ratios), tuple(unrest))


def judged(ask: Callable[[str, str], float], case: str, rounds: int) -> Comparison:
    """`compare`, and twice as many rounds more where the tree may be slower."""
    found = compare(ask, case, rounds)
    if found.ratio <= found.margin_of(_SUSPECT):
        return found
    return found + compare(ask, case, 2 * rounds)
