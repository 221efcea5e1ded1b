"""Early stopping looks at the curves alone."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.training.early_stopping import has_settled


def first_stop(curve, criterion, patience):
    """After how many steps the criterion is met."""
    return next(
        n
        for n in range(1, len(curve) + 1)
        if has_settled({criterion: curve[:n]}, criterion, patience)
    )


def test_loss_settles_when_it_no_longer_falls():
    falling, level = list(np.linspace(9, 1, 40)), [1.0] * 40
    assert not has_settled({"loss": falling}, "loss", 10)
    # As soon as the last 10 steps and the 10 before them differ by a thousandth only.
    assert first_stop(falling + level, "loss", 10) == 60 - 1
    assert first_stop(list(np.linspace(1, 9, 40)), "loss", 10) == 20


def test_rankme_settles_when_it_no_longer_rises():
    rising = list(np.linspace(1, 200, 40))
    assert not has_settled({"rankme": rising}, "rankme", 5)
    assert has_settled({"rankme": rising + [200.0] * 10}, "rankme", 5)
    assert has_settled({"rankme": rising[::-1]}, "rankme", 5)


def test_needs_two_windows_and_a_criterion():
    assert not has_settled({"loss": [1.0] * 19}, "loss", 10)
    assert has_settled({"loss": [1.0] * 20}, "loss", 10)
    assert not has_settled({"loss": [1.0] * 99}, "none", 10)
    with pytest.raises(ValueError, match="criterion: expected one of none, loss, rankme, got 'c'"):
        has_settled({}, "c", 1)
