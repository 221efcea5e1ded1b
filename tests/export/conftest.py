"""One short training and one export of it, for all tests that only look at them."""

import shutil
from pathlib import Path

import pytest
from graph_barlow_twins.tfgnn_task import BarlowTwinsTask, RepresentationExporter
from tensorflow_gnn import runner

from tests.export.runs import make_dropout_encoder, run
from tests.task.graphs import dropout


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """``(what the runner returns, the folder of its export)``; one corruptor and a projector."""
    task = BarlowTwinsTask("node", corruptor=dropout(), projector_units=[7])
    folder = tmp_path_factory.mktemp("training")
    exporters = [RepresentationExporter()]
    return run(task, folder, exporters, model_fn=make_dropout_encoder), folder / "export"


@pytest.fixture
def result(trained):
    return trained[0]


@pytest.fixture
def exported(trained, tmp_path):
    """A complete export, beside which nothing else lies."""
    shutil.copytree(trained[1], tmp_path / "export")
    return tmp_path / "export"


@pytest.fixture
def save_quickly(monkeypatch):
    """A file in place of a whole SavedModel: for tests of where it goes."""

    def save(model, folder, **options):
        Path(folder).mkdir()
        Path(folder, "saved_model.pb").write_text("new", encoding="utf-8")

    monkeypatch.setattr(runner, "export_model", save)
