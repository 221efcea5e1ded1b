"""An exchange of two runs that is interrupted anywhere is brought to its end."""

import contextlib
import os

import pytest
from graph_barlow_twins.pretrain.output.folder import OutputFolder
from graph_barlow_twins.pretrain.output.overwrite import finish, replacement_of, settle

OLD = ("metrics", "config", "embeddings", "held_out_edges", "report")
NEW = ("metrics", "config", "embeddings", "report", "tensorboard")


class Killed(BaseException):
    """As SIGKILL: nothing of ours runs after it."""


def write(folder, names, text):
    folder.root.mkdir(parents=True)
    for name in names:
        getattr(folder, name).write_text(text)
    folder.checkpoint.mkdir()
    (folder.checkpoint / "part").write_text(text)


def files(root):
    return {path.name: path.read_text() for path in root.iterdir() if path.is_file()}


def state(root):
    assert all(path.is_file() for path in root.iterdir())
    return files(root)


def exchange(root, monkeypatch, kill_at):
    """The number of calls that change the disk; the one with number `kill_at` does not return."""
    folder = OutputFolder(root)
    write(folder, OLD, "old")
    (root / "notes.txt").write_text("mine")
    write(replacement_of(folder), NEW, "new")
    calls = 0

    def dying(function):
        def call(*arguments, **keywords):
            nonlocal calls
            calls += 1
            if calls == kill_at:
                raise Killed
            return function(*arguments, **keywords)

        return call

    with monkeypatch.context() as patch:
        for name in ("rename", "unlink", "rmdir"):
            patch.setattr(os, name, dying(getattr(os, name)))
        with contextlib.suppress(Killed):
            assert finish(replacement_of(folder)).root == root
    return calls


def test_killed_at_every_step(tmp_path, monkeypatch):
    expected = {getattr(OutputFolder(tmp_path), name).name: "new" for name in NEW}
    expected["notes.txt"] = "mine"
    steps = exchange(tmp_path / "whole", monkeypatch, kill_at=None)
    assert state(tmp_path / "whole") == expected
    assert steps > len(OLD) + len(NEW)
    for step in range(1, steps + 1):
        root = tmp_path / str(step)
        exchange(root, monkeypatch, kill_at=step)
        if OutputFolder(root).is_complete():  # then it is one of the two, and all of it
            found = {name: text for name, text in files(root).items() if name != "notes.txt"}
            assert set(found.values()) in ({"old"}, {"new"})
        settle(OutputFolder(root))
        settle(OutputFolder(root))
        assert state(root) == expected, step


@pytest.mark.parametrize("part", ["nothing", "an unfinished replacement"])
def test_there_is_nothing_to_settle(tmp_path, part):
    folder = OutputFolder(tmp_path / "run")
    write(folder, OLD, "old")
    if part != "nothing":
        write(replacement_of(folder), NEW[1:], "new")
    before = sorted(folder.root.rglob("*"))
    settle(folder)
    assert sorted(folder.root.rglob("*")) == before
