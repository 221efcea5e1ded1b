"""When a training may end before its last step; labels are never looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..config.options import CRITERIA

_LEAST_GAIN = 0.001  # relative


def has_settled(history: Mapping[str, Sequence[float]], criterion: str, patience: int) -> bool:
    """Whether the curve no longer improves.

    The mean over the last ``patience`` steps is compared with that over the ``patience`` steps
    before them: "loss" has settled if it fell by less than a thousandth, "rankme" if it rose by
    less than a thousandth. A function of the curve alone, so a resumed training ends where the
    uninterrupted one does.

    Args:
        history: ``{metric: [one value per step]}``.
        criterion: one of `CRITERIA`; "none" never settles.
        patience: a number of steps, at least 1.

    Source of RankMe as a criterion without labels: Garrido et al. 2023,
    https://arxiv.org/abs/2210.02885.
    """
    if criterion not in CRITERIA:
        raise ValueError(f"criterion: expected one of {', '.join(CRITERIA)}, got {criterion!r}")
    curve = history.get(criterion, ())
    if criterion == "none" or len(curve) < 2 * patience:
        return False
    last = sum(curve[-patience:]) / patience
    before = sum(curve[-2 * patience : -patience]) / patience
    gain = before - last if criterion == "loss" else last - before
    return gain < _LEAST_GAIN * abs(before)
