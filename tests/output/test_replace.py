"""What is replaced is replaced whole or not at all, whatever was there before."""

import json
import os

import numpy as np
import pytest
from graph_barlow_twins.pretrain.output.replace import remove, replacing, write_json


def put(path, kind):
    """A file, a folder with a file, or a link to either in another folder."""
    if kind == "file":
        path.write_text("old")
    elif kind == "folder":
        path.mkdir()
        (path / "part").write_text("old")
    elif kind.startswith("link"):
        target = path.parent.with_name("elsewhere")
        if kind != "link that leads nowhere":
            put(target, kind.removeprefix("link to "))
        path.symlink_to(target)


def state(folder):
    """Everything below the folder: what each path is and holds."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = path.read_text() if path.is_file() else "a folder"
    return found


def write(path, error):
    """A folder, and then the error; without one the folder is gone before it is renamed."""
    with replacing(path) as temporary:
        put(temporary, "folder")
        if error:
            raise error
        remove(temporary)


BEFORE = ["nothing", "file", "folder", "link to file", "link to folder", "link that leads nowhere"]


@pytest.fixture(params=BEFORE)
def path(request, tmp_path):
    """A path in a folder of its own with one of these in its place."""
    (tmp_path / "run").mkdir()
    put(tmp_path / "run" / "model", request.param)
    return tmp_path / "run" / "model"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_new_takes_the_place_of_the_old(path, kind):
    target = path.parent.with_name("elsewhere")
    before = state(path.parent.parent)
    with replacing(path) as temporary:
        put(temporary, kind)
        (temporary / "part" if kind == "folder" else temporary).write_text("new")
        assert (
            state(path.parent).items()
            >= {
                name.removeprefix("run/"): one
                for name, one in before.items()
                if name.startswith("run/")
            }.items()
        ), "gone before the new is complete"
    new = {"model": "new"} if kind == "file" else {"model": "a folder", "model/part": "new"}
    assert state(path.parent) == new
    assert not path.is_symlink()
    if target.exists():  # what a link points to is not ours
        assert "old" in {name: one for name, one in state(target.parent).items()}.values()


def test_an_error_leaves_what_was_there(path):
    before = state(path.parent.parent)
    for error in (OSError(28, "No space left on device"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            write(path, error)
        assert state(path.parent.parent) == before


def test_a_renaming_that_fails_leaves_what_was_there(path):
    before = state(path.parent.parent)
    with pytest.raises(FileNotFoundError), replacing(path):
        pass  # nothing was written that could be renamed
    assert state(path.parent.parent) == before


def test_a_folder_goes_where_it_was_if_the_new_one_cannot_take_its_place(tmp_path):
    path = tmp_path / "model"
    put(path, "folder")
    before = state(tmp_path)
    with pytest.raises(FileNotFoundError):
        write(path, None)
    assert state(tmp_path) == before


def test_what_a_killed_process_left(tmp_path):
    path = tmp_path / "model"
    put(tmp_path / ".model.old", "folder")  # killed between the two renamings
    put(tmp_path / ".model.partial", "folder")
    with pytest.raises(OSError, match="full"):
        write(path, OSError("full"))
    assert state(tmp_path) == {"model": "a folder", "model/part": "old"}
    put(tmp_path / ".model.old", "folder")  # killed after them
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert state(tmp_path) == {"model": "new"}


def test_remove(path):
    elsewhere = path.parent.with_name("elsewhere")
    before = state(elsewhere), elsewhere.exists()
    remove(path)
    assert state(path.parent) == {}
    assert (state(elsewhere), elsewhere.exists()) == before


def test_json_has_no_word_for_nan(tmp_path):
    content = {"a": [1.5, np.inf, (-np.inf, "x")], "b": {"c": float("nan"), "d": None, "e": 3}}
    write_json(tmp_path / "x.json", content)
    found = json.loads((tmp_path / "x.json").read_text())
    assert found == {"a": [1.5, None, [None, "x"]], "b": {"c": None, "d": None, "e": 3}}
    with pytest.raises(TypeError):
        write_json(tmp_path / "x.json", {"a": object()})
    assert json.loads((tmp_path / "x.json").read_text()) == found
