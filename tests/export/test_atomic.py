"""A previous export stays until the new one is complete."""

import errno
import resource

import graph_barlow_twins  # noqa: F401 - before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import RepresentationExporter, export
from tensorflow_gnn import runner

from tests.export.runs import representations

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.slow,  # all on an export, which takes ten seconds
]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def is_new(folder):
    """Whether what lies there is what `save_quickly` wrote."""
    return (folder / "saved_model.pb").read_text() == "new"


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_full_disk_leaves_the_previous_export(result, exported):
    before = contents(exported)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert len(before["saved_model.pb"]) > 1 << 14
    # No file can grow beyond 16 KiB, as on a disk with so much left.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, hard))
    try:
        with pytest.raises((OSError, tf.errors.OpError)):
            RepresentationExporter().save(result, str(exported))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(exported) == before
    assert names(exported.parent) == ["export"]
    RepresentationExporter().save(result, str(exported))
    assert len(representations(exported)) == 24


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space left"), KeyboardInterrupt()])
def test_an_error_halfway_leaves_the_previous_export(error, result, exported, monkeypatch):
    before = contents(exported)

    def save_half(model, folder, **options):
        tf.io.gfile.makedirs(folder + "/variables")
        tf.io.gfile.GFile(folder + "/variables/variables.index", "w").write("half")
        raise error

    monkeypatch.setattr(runner, "export_model", save_half)
    with pytest.raises(type(error)):
        RepresentationExporter().save(result, str(exported))
    assert contents(exported) == before
    assert names(exported.parent) == ["export"]


@pytest.mark.parametrize("failing", [1, 2])
def test_an_error_while_renaming_leaves_the_previous_export(
    failing, result, exported, save_quickly, monkeypatch
):
    before, calls, rename = contents(exported), [], tf.io.gfile.rename

    def fail_once(source, target, **options):
        calls.append(source)
        if len(calls) == failing:
            raise tf.errors.UnknownError(None, None, "no")
        rename(source, target, **options)

    monkeypatch.setattr(tf.io.gfile, "rename", fail_once)
    with pytest.raises(tf.errors.UnknownError):
        RepresentationExporter().save(result, str(exported))
    assert len(calls) >= failing
    assert contents(exported) == before
    assert names(exported.parent) == ["export"]


def test_what_a_killed_process_left_is_cleared_away(
    result, exported, tmp_path, save_quickly, monkeypatch
):
    before = contents(exported)
    (tmp_path / ".export.exporting" / "variables").mkdir(parents=True)
    exported.rename(tmp_path / ".export.previous")  # killed between the two renames

    def look(*arguments, **options):
        # Before anything is saved, the previous export is back already.
        assert contents(exported) == before
        assert names(tmp_path) == ["export"]
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(runner, "export_model", look)
        with pytest.raises(InterruptedError):
            RepresentationExporter().save(result, str(exported))
    assert contents(exported) == before
    (tmp_path / ".export.previous").mkdir()  # killed after the second one
    (tmp_path / ".export.previous" / "saved_model.pb").write_text("old")
    (tmp_path / ".export.previous" / "notes.txt").write_text("mine")
    RepresentationExporter().save(result, str(exported))
    assert names(tmp_path) == ["export"]
    assert (exported / "notes.txt").read_text() == "mine"
    assert is_new(exported)


def test_replaces_the_saved_model_and_nothing_else(result, exported, save_quickly):
    (exported / "notes.txt").write_text("mine")
    (exported / "assets").mkdir(exist_ok=True)
    (exported / "assets" / "vocabulary").write_text("of the old model")
    (exported / "saved_model.pb").write_text("old")
    RepresentationExporter().save(result, str(exported))
    assert (exported / "notes.txt").read_text() == "mine"
    assert not (exported / "assets" / "vocabulary").exists()
    assert names(exported) == ["notes.txt", "saved_model.pb"]
    assert is_new(exported)


def test_follows_a_link(result, exported, tmp_path, save_quickly):
    (tmp_path / "latest").symlink_to(exported, target_is_directory=True)
    (exported / "saved_model.pb").write_text("old")
    RepresentationExporter().save(result, str(tmp_path / "latest"))
    assert (tmp_path / "latest").is_symlink()
    assert is_new(exported)


def test_makes_directories_and_refuses_a_file(result, tmp_path, capsys):
    RepresentationExporter(subdirectory="c").save(result, str(tmp_path / "a" / "b") + "/")
    assert np.isfinite(representations(tmp_path / "a" / "b" / "c")).all()
    assert "exporting" not in capsys.readouterr().out  # a name that is gone
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="file"):
        RepresentationExporter().save(result, str(tmp_path / "file"))


class WorkerStrategy:
    """The part of a multi-worker strategy that says who this process is."""

    def __init__(self, task_type, task_id, jobs=("worker",)):
        spec = tf.train.ClusterSpec({job: ["localhost:1", "localhost:2"] for job in jobs})
        self.cluster_resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            spec, task_type=task_type, task_id=task_id
        )


@pytest.mark.parametrize(
    ("strategy", "exports"),
    [
        (WorkerStrategy("worker", 0), True),
        (WorkerStrategy("worker", 1), False),
        (WorkerStrategy("chief", 0, ("chief", "worker")), True),
        (WorkerStrategy("worker", 0, ("chief", "worker")), False),
    ],
)
def test_of_several_workers_the_chief_exports(strategy, exports, tmp_path):
    used = []
    with export._replacing_saved_model(str(tmp_path / "export"), strategy) as temporary:
        tf.io.gfile.makedirs(temporary)
        used.append(temporary)
    with export._replacing_saved_model(
        str(tmp_path / "export"), WorkerStrategy("worker", 5)
    ) as other:
        assert other not in used
    assert names(tmp_path) == (["export"] if exports else [])
