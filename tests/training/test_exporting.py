"""The model is exported by a second process, in whichever way that ends."""

import pytest

from ..fresh_process import run_python

HEAD = """
import os, sys
from pathlib import Path
import numpy as np
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.encoder.by_weights import embed_with
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.output.encoder_files import read_encoder
from graph_barlow_twins.pretrain.output.folder import OutputFolder
from graph_barlow_twins.pretrain.training.export import exporting
from graph_barlow_twins.pretrain.training.recipe import make_recipe
from graph_barlow_twins.pretrain.training.run import make_run

nodes = np.arange(30)
ring = np.stack([nodes, (nodes + 1) % 30])
X = np.random.default_rng(0).normal(size=(30, 5))
data = make_graph_data(
    name="ring", features=X, edge_index=ring, edge_weight=np.ones(30), relations={OPTIONS}
)
recipe = make_recipe(PretrainConfig(output="unused", encoder=ENCODER, training="none"), data)
run = make_run(data, recipe)
weights = run.initial_weights
folder = OutputFolder(Path(ROOT))
start = lambda: exporting(run, data, recipe, weights, folder)
"""


def lines_of(code, root, encoder="linear", relations="{}"):
    head = HEAD.replace("{OPTIONS}", relations).replace("ENCODER", repr(encoder))
    return run_python(head.replace("ROOT", repr(str(root))) + code).splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["linear", "gcn", "channels"])
def test_the_model_is_there_and_tensorflow_is_not(encoder, tmp_path):
    code = """
with start() as finished:
    pass
    finished()
print("tensorflow" in sys.modules)
found = embed_with(read_encoder(folder.model), data)
print(np.abs(found - run.embed(weights)).max() < 1e-5)
print(sorted(path.name for path in folder.root.iterdir()))
"""
    relations = '{"edge_index_other": ring[:, ::2]}' if encoder == "channels" else "{}"
    found = lines_of(code, tmp_path, encoder, relations)
    assert found == ["False", "True", "['model']"]
    assert (tmp_path / "model" / "saved_model.pb").exists()


@pytest.mark.slow
def test_a_process_that_is_killed_costs_time_alone(tmp_path):
    code = """
with start() as finished:
    finished.__self__._process.kill()
    finished()
print((folder.model / "saved_model.pb").exists())
"""
    assert lines_of(code, tmp_path) == ["True"]


@pytest.mark.slow
def test_what_the_export_raises_is_raised_here(tmp_path):
    code = """
try:
    with start() as finished:
        finished()
except OSError as error:
    print(type(error).__name__, error.filename is not None)
"""
    (tmp_path / "file").write_text("")
    assert lines_of(code, tmp_path / "file") == ["NotADirectoryError True"]


@pytest.mark.slow
def test_nothing_is_left_of_a_block_that_ends_early(tmp_path):
    code = """
import time
try:
    with start() as finished:
        while not list(folder.root.iterdir()):
            time.sleep(0.01)
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print([path.name for path in folder.root.iterdir()])
"""
    assert lines_of(code, tmp_path) in (
        ["[]"],
        ["['model']"],
    )  # it may have been finished just then
