"""A full disk, at any moment and of any size: one line, nothing lost, and --resume goes on."""

import functools
import os
import shutil
import subprocess

import pytest

from tests.hostile.child import FULL, GONE
from tests.hostile.runs import contents, one_line, results, start
from tests.runs import save_rings
from tests.sweeps import FULL_SWEEP

pytestmark = pytest.mark.slow  # whole runs

OPTIONS = "--hops 2 --units 8 --steps 25 --seed 3 --folds 2 --hold-out-edges 0.2 --quiet"
SIZES = range(20) if FULL_SWEEP else (1, 9, 17)
EVENTS = range(8) if FULL_SWEEP else (1, 6)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run on a disk with room: ``(arguments, folder, changes, bytes)``."""

    @functools.cache
    def run():
        place = tmp_path_factory.mktemp("whole")
        dataset = save_rings(place / "rings.npz")
        arguments = ["pretrain", "--dataset", dataset, *OPTIONS.split(), "--output"]
        folder = place / "run"
        child = start(place / "logs", [*arguments, folder], watched=folder)
        assert child.wait().returncode == 0
        size = sum(path.stat().st_size for path in folder.rglob("*"))
        return arguments, folder, child.changes, size

    return run


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own; gives a function that sets its size in bytes."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(size, *options):
        words = ["-o", ",".join([f"size={size}", *options])]
        return subprocess.run(
            ["mount", "-t", "tmpfs", *words, "tmpfs", folder], capture_output=True, text=True
        )

    if os.geteuid() != 0 or mount(1 << 20).returncode != 0:
        pytest.skip("mounting a tmpfs needs root and a system that lets it")
    yield folder, lambda size: mount(size, "remount")
    subprocess.run(["umount", folder], check=True)


def assert_told(done, folder, earlier):
    """One line: where, why, in which phase, and what is safe."""
    assert done.returncode == 1, done.stderr
    line = one_line(done)
    assert len(line) < 300
    assert str(folder) in line
    assert "No space left on device (" in line
    begun = "nothing was begun" not in line
    assert ("--resume continues" in line) == begun
    assert ("the earlier run is as it was" in line) == (begun and bool(earlier))
    assert earlier.items() <= contents(folder).items()


@pytest.mark.parametrize("number", SIZES)
def test_a_disk_of_any_size(number, whole, disk, tmp_path):
    """Odd ones hold an earlier run, which stays."""
    arguments, finished, _, size = whole()
    mounted, resize = disk
    run, flags, earlier = mounted / "run", [], {}
    resize(20 * size)
    if number % 2:
        shutil.copytree(finished, run)
        flags, earlier = ["--overwrite", "--learning-rate", "0.002"], contents(run)
    used = shutil.disk_usage(mounted).used
    resize(used + 4096 * (1 + number) + int(size * number / 20))
    done = start(tmp_path / "logs", [*arguments, run, *flags]).wait()
    if done.returncode != 0:
        assert_told(done, run, earlier)
    assert done.returncode == 1 or number > 12  # it may have had room enough

    resize(20 * size)
    begun = (run / ".replacement" if number % 2 else run) / "config.json"
    again = [*flags[1:], "--resume" if begun.exists() or not number % 2 else "--overwrite"]
    if done.returncode == 1:
        done = start(tmp_path / "logs", [*arguments, run, *again]).wait()
    assert done.returncode == 0, done.stderr
    if number % 2:
        assert results(run)["names"] == results(finished)["names"]
    else:
        assert results(run) == results(finished)


@pytest.mark.parametrize("number", EVENTS)
def test_no_room_for_a_file(number, whole, tmp_path):
    """From some change of the disk on, by the changes that a whole run makes."""
    arguments, finished, changes, _ = whole()
    run = tmp_path / "run"
    at = 1 + changes * number // 8
    done = start(tmp_path / "logs", [*arguments, run], watched=run, at=at, how=FULL).wait()
    assert_told(done, run, {})
    resumed = start(tmp_path / "logs", [*arguments, run, "--resume"]).wait()
    assert resumed.returncode == 0, resumed.stderr
    assert results(run) == results(finished)


@pytest.mark.parametrize("number", EVENTS)
def test_the_folder_is_removed_meanwhile(number, whole, tmp_path):
    arguments, _, changes, _ = whole()
    run = tmp_path / "run"
    at = 3 + (changes - 6) * number // 8
    done = start(tmp_path / "logs", [*arguments, run], watched=run, at=at, how=GONE).wait()
    assert done.returncode == 1, done.stderr
    line = one_line(done)
    assert str(run) in line
    assert "No such file or directory (" in line
