"""What a run writes may be handed on: it names no folder, no host and no user of this machine."""

import getpass
import json
import os
import re
import socket
from pathlib import Path

import numpy as np
import pytest
from graph_barlow_twins.pretrain.cli.main import main
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.config.places import without_folders
from graph_barlow_twins.pretrain.training.steps.event_files import remove_host_names

from tests.fresh_process import ROOT

_LONG_ENOUGH = 5  # shorter names of hosts and users are found in any binary file


def leaks(folder):
    """``(file, word)`` for what tells of this machine, in names and contents of all files."""
    host, user = socket.gethostname(), getpass.getuser()
    paths = {str(ROOT), os.getcwd(), str(Path.home()), str(folder.parent), os.environ.get("TMPDIR")}
    words = [re.escape(path) for path in paths if path and len(path) > 1]
    words += [rf"\b{re.escape(one)}\b" for one in (host, user) if len(one) >= _LONG_ENOUGH]
    found = []
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        name, content = str(path.relative_to(folder)), path.read_bytes()
        found += [(name, word) for word in words if re.search(word.encode(), content)]
        found += [(name, host)] * (f".{host}." in name)
    return found


def test_a_finished_run(finished_run):
    """It was started with absolute paths for --output and --dataset."""
    folder = finished_run.folder
    assert folder.is_absolute()
    assert str(folder.parent) in finished_run.dataset
    assert len([path for path in folder.rglob("*") if path.is_file()]) >= 10
    assert leaks(folder) == []
    for name in ("metrics.json", "config.json"):
        assert json.loads((folder / name).read_text())["dataset"] == "npz:rings <b>.npz"
    assert not {"output", "data_dir"} & set(json.loads((folder / "config.json").read_text()))


def test_leaks_are_found(tmp_path):
    for name, content in (
        ("a", str(ROOT)),
        (f"tfevents.1.{socket.gethostname()}.2", ""),
        ("c", f"x{tmp_path}y"),
    ):
        folder = tmp_path / f"run {name}"
        folder.mkdir()
        (folder / name).write_text(content)
        assert {file for file, _ in leaks(folder)} == {name}


def test_the_log_is_read_by_tensorboard(finished_run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(finished_run.folder / "tensorboard" / "train"))
    log.Reload()
    assert any("loss" in tag for tag in log.Tags()["tensors"])


@pytest.mark.parametrize("host", ["vm", "otto-laptop", "a.example.org", "10.0.0.1", "1.2", "v2.v2"])
def test_names_of_event_files(tmp_path, host):
    """Of two runs in the same second, and of one that a killed run has left."""
    folder = tmp_path / "tensorboard" / "train"
    folder.mkdir(parents=True)
    names = ("1795686379.{}.17.0.v2", "1795686379.{}.18.0.v2", "1795686380.{}.17.1.v2")
    for name in names:
        (folder / f"events.out.tfevents.{name.format(host)}").write_text(name)
    (folder / "mine").write_text("mine")
    for _ in range(2):
        remove_host_names(tmp_path)
        assert {path.name: path.read_text() for path in folder.iterdir()} == {
            f"events.out.tfevents.{name.replace('.{}', '')}": name for name in names
        } | {"mine": "mine"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("digits", "digits"),
        ("planetoid:cora", "planetoid:cora"),
        ("planetoid:../otto/cora", "planetoid:cora"),
        ("npz:/home/otto/a.npz", "npz:a.npz"),
        ("npz:../otto/a:b.npz", "npz:a:b.npz"),
        ("npy:/home/otto/big/", "npy:big"),
        ("npy:.", "npy:."),
        ("npy:/", "npy:/"),
        ("/home/otto/labels.npy", "labels.npy"),
        ("/home/otto:anna/labels.npy", "labels.npy"),
        ("labels.npy", "labels.npy"),
    ],
)
def test_sources_without_their_folders(source, expected):
    assert without_folders(source) == expected


def test_options_without_places():
    config = PretrainConfig(output="/home/otto/run", dataset="npz:/home/otto/g.npz", data_dir="/d")
    tables = PretrainConfig(output="r", nodes="/home/otto/n.csv", edges="/home/otto/e.csv")
    assert "otto" not in json.dumps(tables.portable())
    assert "otto" not in json.dumps(config.portable())
    assert set(config.to_dict()) - set(config.portable()) == {
        *("output", "data_dir", "nodes", "edges", "schema", "sampling_spec"),
        *("workers", "worker_index", "worker_timeout"),
    }


def test_results_of_evaluate(tmp_path, monkeypatch):
    """Absolute paths are cut; what was typed in the working directory stays as it was typed."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "e.npy", rng.normal(size=(40, 3)))
    np.save(tmp_path / "l.npy", np.arange(40) % 2)
    monkeypatch.chdir(tmp_path)
    for place in (f"{tmp_path}/", "./"):
        command = ["evaluate", f"{place}e.npy", "--labels", f"{place}l.npy", "--seeds", "1"]
        assert main([*command, "--quiet", "--output", str(tmp_path / "r.json")]) == 0
        text = (tmp_path / "r.json").read_text()
        assert str(tmp_path) not in text
        content, kept = json.loads(text), "" if place.startswith("/") else place
        assert content["embeddings"] == [f"{kept}e.npy"]
        assert content["labels"] == f"{kept}l.npy"
