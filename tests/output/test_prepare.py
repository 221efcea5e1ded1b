"""What a run may find in its output folder, and what it leaves of it when it begins."""

import json
from pathlib import Path

import pytest
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.output.folder import OutputFolder
from graph_barlow_twins.pretrain.output.prepare import begin, prepare


class Recipe:
    """As far as `begin` looks at it."""

    def __init__(self, **options):
        self._options = options

    def to_dict(self):
        return self._options


def config(root, **options):
    return PretrainConfig(output=root, **options)


def begun(root, **options):
    """A folder in which a run has begun."""
    given = config(root, **options)
    folder = prepare(given)
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


def test_overwrite_removes_the_run_and_nothing_else(tmp_path):
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
    begun(folder.root, overwrite=True, seed=4)
    names = {path.name for path in folder.root.iterdir()}
    assert names == {"notes.txt", "config.json", "checkpoint"}
    assert not folder.checkpoint.is_symlink()
    assert [path.name for path in elsewhere.iterdir()] == ["mine"]
    assert folder.read_config().seed == 4


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


def test_a_complete_run_is_not_resumed(tmp_path):
    folder = begun(tmp_path / "run")
    folder.metrics.write_text("{}")
    refused("is complete", prepare, config(folder.root, resume=True))


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
    paths = {path for path in vars(folder).values() if path.parent == folder.root}
    assert paths == set(folder.artefacts())
