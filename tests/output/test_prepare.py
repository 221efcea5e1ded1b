"""What a run may find in its output folder, and what it leaves of it when it begins."""

import json
import os
from pathlib import Path

import pytest
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.errors import InputError, TrainingDivergedError
from graph_barlow_twins.pretrain.output.folder import OutputFolder
from graph_barlow_twins.pretrain.output.overwrite import finish
from graph_barlow_twins.pretrain.output.prepare import begin, prepared


class Recipe:
    """As far as `begin` looks at it."""

    def __init__(self, **options):
        self._options = options

    def to_dict(self):
        return self._options


def config(root, **options):
    return PretrainConfig(output=root, **options)


def prepare(given):
    with prepared(given) as folder:
        return folder


def begun(root, **options):
    """A folder in which a run has begun."""
    given = config(root, **options)
    with prepared(given) as folder:
        begin(folder, given, "digest", Recipe(steps=5, mask_features=[0.1, 0.2]))
    return folder


def refused(message, function, *arguments):
    with pytest.raises(InputError, match=message):
        function(*arguments)


def test_what_a_run_begins_with(tmp_path):
    folder = begun(tmp_path / "a" / "run", seed=3)
    assert folder.read_config() == config(tmp_path / "a" / "run", seed=3)
    assert json.loads(folder.training_state.read_text()) == {
        "sha256": "digest",
        "options": {"steps": 5, "mask_features": [0.1, 0.2]},
    }
    assert not folder.is_complete()


def test_a_run_that_writes_nothing_leaves_nothing(tmp_path):
    prepare(config(tmp_path / "a" / "run"))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").mkdir()
    prepare(config(tmp_path / "a"))
    assert (tmp_path / "a").is_dir()


def test_overwrite_replaces_the_run_and_nothing_else(tmp_path):
    folder = begun(tmp_path / "run")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("mine")
    folder.metrics.write_text("{}")
    folder.checkpoint.rename(tmp_path / "moved")
    for artefact in (folder.model, folder.checkpoint):  # whoever has them on another disk
        artefact.symlink_to(elsewhere)
    folder.tensorboard.symlink_to(tmp_path / "nowhere")
    (folder.root / "notes.txt").write_text("mine")
    before = {path.name for path in folder.root.iterdir()}
    new = begun(folder.root, overwrite=True, seed=4)
    assert {path.name for path in folder.root.iterdir()} == before | {new.root.name}
    assert folder.read_config().seed == 0
    new.metrics.write_text("{}")
    new.embeddings.write_text("new")
    assert finish(new).root == folder.root
    names = {path.name for path in folder.root.iterdir()}
    assert names == {"notes.txt", "config.json", "metrics.json", "embeddings.npz"}
    assert [path.name for path in elsewhere.iterdir()] == ["mine"]
    assert folder.read_config().seed == 4


@pytest.mark.parametrize(
    "error", [InputError("bad"), TrainingDivergedError("NaN"), OSError("full")]
)
def test_what_stays_of_a_run_that_fails_to_replace_another(tmp_path, error):
    folder = begun(tmp_path / "run", seed=3)
    with pytest.raises(type(error)), prepared(config(folder.root, overwrite=True)) as new:
        raise error
    assert new.config.exists() == isinstance(error, OSError)  # that one may be resumed
    assert folder.read_config().seed == 3


def test_resume_goes_on_with_the_replacement(tmp_path):
    folder = begun(tmp_path / "run", seed=3)
    new = begun(folder.root, seed=4, overwrite=True)
    refused("seed is 3 now, but", prepare, config(folder.root, seed=3, resume=True))
    assert prepare(config(folder.root, seed=4, resume=True)).root == new.root
    newer = prepare(config(folder.root, seed=5, overwrite=True))
    assert newer.read_config().seed == 5
    assert not newer.checkpoint.exists()


def test_another_run_in_the_same_folder_is_refused(tmp_path):
    with prepared(config(tmp_path / "run")):
        refused(f"is being written by process {os.getpid()} on ", prepare, config(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").write_text("process 1, killed long ago, with a longer line\n" * 9)
    folder = begun(tmp_path / "run")
    assert {path.name for path in folder.root.iterdir()} == {"config.json", "checkpoint"}


def test_overwrite_spares_a_link_where_there_is_no_run(tmp_path):
    (tmp_path / "model").symlink_to(tmp_path / "a disk that is not mounted")
    refused("does not hold a run, but its model", prepare, config(tmp_path, overwrite=True))


@pytest.mark.parametrize(
    ("dataset", "lost"),
    [
        ("npz:{run}/embeddings.npz", True),
        ("npy:{run}/model", True),
        ("npy:{run}/model/deeper", True),
        ("npz:link.npz", True),
        ("npz:{run}/mine.npz", False),
        ("npy:{run}/tensorboard", False),  # a link: what it points to stays
        ("planetoid:cora", False),
    ],
)
def test_overwrite_spares_the_input(tmp_path, monkeypatch, dataset, lost):
    monkeypatch.chdir(tmp_path)
    folder = begun(tmp_path / "run")
    (folder.model / "deeper").mkdir(parents=True)
    for path in (folder.embeddings, folder.root / "mine.npz"):
        path.write_text("data")
    (tmp_path / "elsewhere").mkdir()
    folder.tensorboard.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "link.npz").symlink_to(folder.embeddings)
    given = config(
        folder.root, overwrite=True, dataset=dataset.format(run=folder.root), data_dir=folder.model
    )
    if lost:
        refused("is the input, and would be removed", prepare, given)
    else:
        prepare(given)


def test_a_complete_run_is_tidied(tmp_path):
    folder = begun(tmp_path / "run")
    folder.metrics.write_text("{}")
    assert prepare(config(folder.root, resume=True)).is_complete()
    assert {path.name for path in folder.root.iterdir()} == {"config.json", "metrics.json"}
    refused("seed is 4 now", prepare, config(folder.root, resume=True, seed=4))


def test_resume_wants_the_same_options(tmp_path):
    folder = begun(tmp_path / "run", seed=3)
    begun(folder.root, seed=3, resume=True, quiet=True, data_dir="other")
    changed = config(folder.root, seed=4, resume=True)
    refused("seed is 4 now, but the interrupted run had 3", prepare, changed)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("")
    refused("no interrupted run", prepare, config(tmp_path / "other", resume=True))
    folder.config.write_text("[]")
    refused("config.json is damaged", prepare, config(folder.root, seed=3, resume=True))


def test_the_data_may_lie_elsewhere_when_a_run_is_resumed(tmp_path):
    """Its digest is compared, see the next test; the folder of a run does not tell its place."""
    folder = begun(tmp_path / "run", dataset="npz:/one/g.npz", data_dir="/one")
    assert "/one" not in folder.config.read_text()
    assert folder.read_config().dataset == "npz:g.npz"
    begun(folder.root, dataset="npz:/two/h.npz", data_dir="/two", resume=True)
    (folder.root.rename(tmp_path / "moved"))
    assert OutputFolder(tmp_path / "moved").read_config().output == str(tmp_path / "moved")


@pytest.mark.parametrize("content", ["{}", '{"seed": 3}', '{"seed": 3, "dataset": "digits"}', "[]"])
def test_a_config_of_something_else_is_no_run(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    refused("does not hold a run", prepare, config(tmp_path, overwrite=True))


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"sha256": "other", "options": {}}, "is not the one that the interrupted run"),
        ({"sha256": "digest", "options": {"steps": 7}}, "default of steps for this graph is 5 now"),
        ({"sha256": 3}, "training.json is damaged"),
        ([], "training.json is damaged"),
        (None, "training.json is damaged"),
    ],
)
def test_resume_wants_the_same_graph_and_defaults(tmp_path, state, message):
    folder = begun(tmp_path / "run")
    folder.training_state.write_text("{bad" if state is None else json.dumps(state))
    before = folder.training_state.read_text()
    given = config(folder.root, resume=True)
    refused(message, begin, prepare(given), given, "digest", Recipe(steps=5))
    assert folder.training_state.read_text() == before


def test_what_version_0_1_0_left_open_is_the_same_still(tmp_path):
    folder = begun(tmp_path / "run")
    folder.training_state.write_text('{"sha256": "digest", "options": {"epochs": null}}')
    given = config(folder.root, resume=True)
    begin(folder, given, "digest", Recipe(epochs=1))
    refused("default of epochs", begin, folder, given, "digest", Recipe(epochs=2))


def test_a_checkpoint_without_its_state_is_damaged(tmp_path):
    folder = begun(tmp_path / "run")
    folder.training_state.unlink()
    begun(folder.root, resume=True)  # it had not come as far as a checkpoint
    folder.training_state.unlink()
    folder.backup.mkdir()
    given = config(folder.root, resume=True)
    refused("checkpoint is damaged", begin, prepare(given), given, "digest", Recipe())


def test_every_artefact_is_known():
    folder = OutputFolder(Path("run"))
    paths = {path for path in vars(folder).values() if path and path.parent == folder.root}
    assert paths == set(folder.artefacts())


def test_a_run_on_tables_is_resumed_and_replaced(tmp_path):
    tables = {"nodes": "n.csv", "edges": "/otto/e.csv", "id_column": "who", "label_column": "town"}
    folder = begun(tmp_path / "run", **tables)
    assert folder.read_config().dataset == "tables:e.csv"
    assert prepare(config(folder.root, resume=True, **tables)).root == folder.root
    refused("seed is 4 now", prepare, config(folder.root, resume=True, seed=4, **tables))
    assert prepare(config(folder.root, overwrite=True, **tables)).replaces.root == folder.root
