"""The training benchmarks' sampling, turns and table. No times are asserted."""

import importlib.util
import time

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.graph.data import make_graph_data

from bench.training import steps, turns
from bench.training.epoch_contestants import CONTESTANTS, PEER
from bench.training.step_data import as_graphs, sample_subgraph

pytestmark = pytest.mark.slow

# A star of 30 leaves around node 0, and a chain 30 - 31 - 32 from one of the leaves.
EDGES = [(0, leaf) for leaf in range(1, 31)] + [(30, 31), (31, 32)]


def neighbours():
    source, target = np.array(EDGES + [edge[::-1] for edge in EDGES]).T
    return scipy.sparse.csr_matrix((np.ones(len(source)), (source, target)), [33, 33])


def test_samples_up_to_the_fan_out_and_no_further_than_the_hops():
    rng = np.random.default_rng(0)
    nodes, source, target = sample_subgraph(neighbours(), 0, rng, hops=2, fan_out=10)
    assert nodes[0] == 0
    assert len(set(nodes)) == len(nodes)
    edges = {(nodes[s], nodes[t]) for s, t in zip(source, target, strict=True)}
    assert edges <= set(EDGES + [edge[::-1] for edge in EDGES])
    assert sum(target == 0 for _, target in edges) == 10  # of 30 neighbours
    assert 32 not in nodes  # three hops away
    nodes, *_ = sample_subgraph(neighbours(), 31, rng, hops=1, fan_out=10)
    assert sorted(nodes) == [30, 31, 32]


def test_graphs_keep_their_subgraphs():
    rng = np.random.default_rng(0)
    subgraphs = [sample_subgraph(neighbours(), root, rng) for root in (0, 31)]
    graphs = as_graphs(subgraphs)
    assert graphs.shape == [2]
    for number, (nodes, source, target) in enumerate(subgraphs):
        edges = graphs.edge_sets["edges"].adjacency
        assert graphs.node_sets["nodes"]["id"][number].numpy().tolist() == nodes
        assert graphs.node_sets["nodes"].sizes[number].numpy().tolist() == [len(nodes)]
        assert edges.source[number].numpy().tolist() == source
        assert edges.target[number].numpy().tolist() == target


def make_training(name, log):
    def train(callback, steps):
        for step in range(steps):
            callback.on_train_batch_begin(step)
            log.append(name)
            time.sleep(1e-3)
            callback.on_train_batch_end(step)

    return train


def test_trainings_take_turns():
    log = []
    times = turns.train_in_turns(
        {name: make_training(name, log) for name in "ab"}, turns=3, steps=2, skipped=1
    )
    assert "".join(log) == "aabb" + "bbaa" + "aabb"
    for name in "ab":
        assert [len(turn) for turn in times[name].turns] == [1, 1, 1]
        assert times[name].first_call > 0


def test_an_error_ends_both_trainings():
    def fail(callback, steps):
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        turns.train_in_turns({"a": make_training("a", []), "b": fail}, turns=2, steps=1, skipped=0)


def test_table_divides_by_the_first_task():
    times = {
        "ours": turns.StepTimes(9.0, [[0.1, 0.1], [0.1, 0.1]]),
        "upstream": turns.StepTimes(9.0, [[0.12, 0.16], [0.2, 0.2]]),
    }
    ours, upstream = steps.make_rows("none", times)
    assert (ours["median_ms"], ours["samples"], ours["turns_ms"]) == (100.0, 4, [100.0, 100.0])
    assert (upstream["median_ms"], upstream["min_ms"]) == (180.0, 120.0)
    last = steps.render([ours, upstream]).splitlines()[-1]
    assert last == "| none | upstream | 180.0 | 5.56 | 1.80x | 1.40 - 2.00 |"


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTESTANTS)
def test_every_epoch_is_timed(name):
    if name == PEER and importlib.util.find_spec("torch_geometric") is None:
        pytest.skip("PyTorch Geometric (extra: peers) is not installed; it is a rival, not a part")
    rng = np.random.default_rng(0)
    data = make_graph_data(
        name="random",
        features=rng.normal(size=(50, 6)).astype(np.float32),
        edge_index=rng.integers(0, 50, [2, 100]),
    )
    order = turns.Turns([name] * 2)
    timer = turns.StepTimer(name, order, steps=3, skipped=1)
    CONTESTANTS[name](data, (16, 8))(timer, 6)
    assert [len(turn) for turn in timer.times.turns] == [2, 2]
