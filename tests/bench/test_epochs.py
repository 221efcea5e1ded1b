"""The contestants of the epochs benchmark train, and a callback sees each epoch."""

import importlib.util

import numpy as np
import pytest
from graph_barlow_twins.pretrain.graph.data import make_graph_data

from bench.training.epoch_contestants import CONTESTANTS
from bench.training.turns import StepTimer, Turns


@pytest.mark.parametrize("name", CONTESTANTS)
def test_every_epoch_is_timed(name):
    if name == "PyTorch Geometric" and importlib.util.find_spec("torch_geometric") is None:
        pytest.skip("PyTorch Geometric (extra: peers) is not installed; it is a rival, not a part")
    rng = np.random.default_rng(0)
    data = make_graph_data(
        name="random",
        features=rng.normal(size=(50, 6)).astype(np.float32),
        edge_index=rng.integers(0, 50, [2, 100]),
    )
    turns = Turns([name] * 2)
    timer = StepTimer(name, turns, steps=3, skipped=1)
    CONTESTANTS[name](data, (16, 8))(timer, 6)
    assert [len(turn) for turn in timer.times.turns] == [2, 2]
