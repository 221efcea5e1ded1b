"""Several runs at once in one output folder: one has it, the others are refused."""

import itertools

import pytest

from tests.hostile.runs import one_line, results, start
from tests.runs import save_rings
from tests.sweeps import FULL_SWEEP

OPTIONS = ["--hops", "2", "--units", "8", "--steps", "20", "--folds", "2", "--quiet"]
FLAGS = ("", "--overwrite", "--resume")
TWO = list(itertools.combinations_with_replacement(FLAGS, 2))
THREE = list(itertools.combinations_with_replacement(FLAGS, 3))
CASES = [*TWO, *THREE] if FULL_SWEEP else [TWO[0], TWO[1], TWO[3], THREE[4]]


@pytest.mark.slow
@pytest.mark.parametrize("flags", CASES, ids=lambda flags: "+".join(flags) or "none")
def test_one_wins(flags, tmp_path):
    """With a seed each: the folder holds one of them."""
    dataset, run = save_rings(tmp_path / "rings.npz"), tmp_path / "run"
    command = ["pretrain", "--dataset", dataset, *OPTIONS, "--output", run]
    children = [
        start(tmp_path / f"logs{seed}", [*command, "--seed", seed, *([flag] if flag else [])])
        for seed, flag in enumerate(flags)
    ]
    ends = [child.wait() for child in children]
    winners = [seed for seed, done in enumerate(ends) if done.returncode == 0]
    assert winners, [done.stderr for done in ends]
    for done in ends:
        if done.returncode:
            assert done.returncode == 2, done.stderr
            told = ("is being written by process ", "is not empty; ", "--resume: seed is ")
            assert any(words in one_line(done) for words in told), done.stderr
    if "--overwrite" not in flags:  # else one may begin when the other has ended
        assert len(winners) == 1
    found = results(run)
    assert found["config"]["seed"] in winners
    alone = tmp_path / "alone"
    again = ["pretrain", "--dataset", dataset, *OPTIONS, "--output", alone]
    assert start(tmp_path, [*again, "--seed", found["config"]["seed"]]).wait().returncode == 0
    assert results(alone) == found
