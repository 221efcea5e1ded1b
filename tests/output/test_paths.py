"""Outputs beside the data are welcome; an output that is an input, or lies in one, is not."""

import os

import pytest
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.output.paths import (
    check_output_file,
    check_writable,
    inputs_of,
    place,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with data in it and in folders of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GBT_DATA_DIR", raising=False)
    for name in ("ind.cora.x", "ind.cora.graph", "ind.coral.x", "ind.c[o]ra.x", "g.npz"):
        (tmp_path / name).write_text("data")
    for name in ("npy", "cora"):
        (tmp_path / name).mkdir()
    (tmp_path / "npy" / "features.npy").write_text("data")
    (tmp_path / "cora" / "graph_schema.pbtxt").write_text("data")
    (tmp_path / "link.npz").symlink_to("g.npz")
    return tmp_path


@pytest.mark.parametrize(
    ("dataset", "data_dir", "expected"),
    [
        ("digits", ".", []),
        ("npz:g.npz", ".", ["g.npz"]),
        ("npy:npy", None, ["npy"]),
        ("tfgnn:cora", None, ["cora"]),
        ("tfgnn:cora/graph_schema.pbtxt", None, ["cora"]),
        ("planetoid:cora", ".", ["ind.cora.graph", "ind.cora.x"]),
        ("planetoid:c[o]ra", ".", ["ind.c[o]ra.x"]),
        ("facebook", ".", []),
    ],
)
def test_inputs_of(folder, dataset, data_dir, expected):
    assert [str(path) for path in inputs_of(dataset, data_dir)] == expected


def test_inputs_of_the_folder_in_the_environment(folder, monkeypatch):
    monkeypatch.chdir("npy")
    monkeypatch.setenv("GBT_DATA_DIR", str(folder))
    assert inputs_of("planetoid:coral", None) == [folder / "ind.coral.x"]


@pytest.mark.parametrize(
    ("dataset", "output", "refused"),
    [
        ("planetoid:cora", "o.npz", False),
        ("planetoid:cora", "cora/o.npz", False),
        ("planetoid:cora", "ind.coral.x", False),
        ("planetoid:cora", "ind.cora.x", True),
        ("npz:g.npz", "o.npz", False),
        ("npz:g.npz", "npy/../g.npz", True),
        ("npz:g.npz", "link.npz", True),
        ("npz:link.npz", "link.npz", True),
        ("npz:link.npz", "g.npz", True),
        ("npy:npy", "o.npz", False),
        ("npy:npy", "npy/o.npz", True),
        ("npy:npy", "npy/features.npy", True),
        ("tfgnn:cora/graph_schema.pbtxt", "cora/nodes.csv", True),
        ("tfgnn:cora/graph_schema.pbtxt", "nodes.csv", False),
        ("digits", "g.npz", False),
    ],
)
@pytest.mark.parametrize("absolute", [False, True])
def test_only_an_input_is_refused(folder, dataset, output, refused, absolute):
    path = folder / output if absolute else type(folder)(output)
    inputs = inputs_of(dataset, ".")
    if refused:
        with pytest.raises(InputError, match="is an input or lies in an input, and would change"):
            check_output_file(path, "the results", inputs)
    else:
        check_output_file(path, "the results", inputs)
    assert not (folder / "o.npz").exists()


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("npy", "is a folder; expected a file for the results"),
        ("nowhere/o.npz", "there is no folder nowhere"),
        ("g.npz/o.npz", "there is no folder g.npz"),
        ("/proc/o.npz", "is not writable: "),  # not even for root
        ("lost.npz", "is a link that leads nowhere"),
        ("x" * 300, "the name is too long"),
    ],
)
def test_what_cannot_be_written(folder, output, message):
    (folder / "lost.npz").symlink_to("nowhere")
    with pytest.raises(InputError, match=message):
        check_output_file(type(folder)(output), "the results", [])


def test_a_folder_to_be_made(folder):
    check_writable(folder / "a" / "b")
    assert not (folder / "a").exists()
    with pytest.raises(InputError, match="is not writable"):
        check_writable(type(folder)("/proc/a/b"))


def test_place_does_not_follow_the_last_link(folder):
    (folder / "npy" / "up").symlink_to(os.pardir)
    assert place(type(folder)("npy/up/link.npz")) == folder.resolve() / "link.npz"
