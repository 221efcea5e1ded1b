"""A comparison with a commit: no alarm for unrest, an alarm for what is slower."""

import json

import numpy as np
import pytest

from bench.against import __main__ as against
from bench.against import trees
from bench.against.compare import (
    AGAIN,
    COMMIT,
    TREE,
    NotComparableError,
    compare,
    judged,
)
from bench.machine import ROOT, git


def machine(seed, *, slowdown=1.0, noise=0.1, drift=True):
    """Seconds that drift for all, scatter for each, and sometimes double."""
    rng = np.random.default_rng(seed)
    asked = [0]

    def ask(who, case):
        asked[0] += 1
        seconds = 1 + 0.5 * np.sin(asked[0] / 7) * drift
        seconds *= np.exp(noise * rng.standard_normal()) * (2 if rng.random() < 0.05 else 1)
        return seconds * (slowdown if who == TREE else 1)

    return ask


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3])
def test_no_false_alarm(noise):
    alarms = [judged(machine(s, noise=noise), "case", 9).is_slower for s in range(100)]
    assert not any(alarms)


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_a_planted_slowdown_is_found(noise):
    found = [judged(machine(s, slowdown=1.5, noise=noise), "case", 9).is_slower for s in range(50)]
    assert np.mean(found) > (0.95 if noise < 0.1 else 0.8)


def test_turns_change_and_ratios_are_of_one_round():
    asked = []

    def ask(who, case):
        asked.append(who)
        return {TREE: 3.0, COMMIT: 2.0, AGAIN: 2.0}[who] * (1 + len(asked) // 3)

    found = compare(lambda who, case: ask(who, case), "case", 3)
    assert {tuple(asked[start : start + 3]) for start in (0, 3, 6)} == {
        (TREE, COMMIT, AGAIN),
        (COMMIT, AGAIN, TREE),
        (AGAIN, TREE, COMMIT),
    }
    assert len(found.ratios) == len(found.unrest) == 3


def test_a_second_look_decides():
    looks = []

    def ask(who, case):
        looks.append(who)
        return 2.0 if who == TREE and len(looks) <= 27 else 1.0

    assert not judged(ask, "case", 9).is_slower
    assert len(looks) == 27 + 54


@pytest.mark.skipif(not git("rev-parse", "HEAD"), reason="a source distribution has no commits")
def test_an_old_tree_may_lack_a_case(monkeypatch, capsys):
    def seconds_of(process, case):
        if "NumPy" in case:
            raise NotComparableError("AttributeError: no such name")
        return 1.0

    before = git("worktree", "list")
    monkeypatch.setattr(against, "seconds_of", seconds_of)
    monkeypatch.setattr(against, "worker", lambda path: against.contextlib.nullcontext())
    assert against.main(["HEAD", "--quick"]) == 0
    said = capsys.readouterr().out
    assert said.count("not comparable: AttributeError: no such name") == 3
    assert "6 compared, 0 slower" in said
    assert git("worktree", "list") == before
    assert against.main(["HEAD", "--quick", "--cases", "NumPy"]) == 2


@pytest.mark.skipif(not git("rev-parse", "HEAD"), reason="a source distribution has no commits")
@pytest.mark.parametrize(("planted", "code"), [(1.5, 1), (1.1, 0)])
def test_how_often_it_errs(monkeypatch, capsys, planted, code):
    monkeypatch.setattr(against, "seconds_of", lambda process, case: 1.0)
    monkeypatch.setattr(against, "worker", lambda path: against.contextlib.nullcontext())
    options = ["--quick", "--cases", "linear probe", "--repeat", "2", "--planted", str(planted)]
    assert against.main(["HEAD", *options]) == code
    assert f"{2 * code} of 2 comparisons found it slower" in capsys.readouterr().out


@pytest.mark.slow
def test_a_worker_times_the_tree_it_is_given(tmp_path):
    """The package of the path is what it imports, not the installed one."""
    package = trees.package_of(ROOT, tmp_path)
    (package / "graph_barlow_twins" / "kernels").unlink()
    (package / "graph_barlow_twins" / "kernels.py").write_text(
        "import time\n\ndef barlow_twins_loss_and_gradients(*views):\n    time.sleep(0.1)\n"
    )
    with trees.worker(package) as process:
        case = "loss and gradients, NumPy [128, 128]"
        assert 0.1 <= trees.seconds_of(process, case) < 1
        with pytest.raises(NotComparableError, match="Error"):
            trees.seconds_of(process, "AllSvdMetrics [128, 128]")
        with pytest.raises(NotComparableError, match="KeyError"):
            trees.seconds_of(process, "no such case")
    with pytest.raises(NotComparableError, match="ended"):
        trees.seconds_of(process, json.dumps(case))
